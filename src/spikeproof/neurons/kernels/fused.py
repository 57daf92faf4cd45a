"""The fused CPU kernel: the loop over time compiled by numba, one pass forward and one backward.

It keeps the input current only, from which backward computes the membranes again. Second
derivatives do not exist through it, and a fused kernel that pretended otherwise would return wrong
ones without an error, so its backward pass refuses.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels.layout import in_memory, ordered, restore, sharpness_in
from spikeproof.neurons.kernels.loops import BLOCK
from spikeproof.neurons.kernels.reference import NOT_FINITE, refuse_second
from spikeproof.neurons.surrogate import Slope

__all__ = ["TYPES", "available", "fused", "look", "sharpened"]

TYPES = (torch.float32, torch.float64)

# Elements below which a second thread costs more than it brings.
_ALONE = 1 << 18


@functools.cache
def available() -> bool:
    """Whether numba can be imported; asked once."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


# Small networks spend more on the calls around a loop than in it: no calls of torch that numpy does
# for less, and no tensors for numbers.
_KINDS: dict[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}


def _rows(x: Tensor) -> np.ndarray:
    """A contiguous ``(T, ...)`` tensor as a matrix ``(T, M)`` of the same memory."""
    array = x.detach().numpy()
    return array.reshape(array.shape[0], array.size // array.shape[0])


def _empty(shape: Sequence[int], like: Tensor) -> Tensor:
    """Memory for a result. Large arrays of numpy lie on huge pages where the system has them;
    touching fresh small pages would cost several times what the loop does."""
    return torch.from_numpy(np.empty(tuple(shape), _KINDS[like.dtype]))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Threads for the parts of large arrays; made at first use."""
    return ThreadPoolExecutor(os.cpu_count() or 1, "spikeproof-fused")


# A forked process inherits the pool without its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _spread(run: Callable[[int, int], Any], size: int, steps: int, block: int = BLOCK) -> list[Any]:
    """Run ``run(start, stop)`` over all neurons, on as many threads as torch uses."""
    threads = min(torch.get_num_threads(), max(1, size * steps // _ALONE))
    if threads == 1:
        return [run(0, size)]
    # Whole blocks per thread, so that sums per block are the same for any number of threads.
    share = -(-size // (threads * block)) * block
    starts = range(0, size, share)
    return list(_pool().map(run, starts, [min(start + share, size) for start in starts]))


class _Fused(torch.autograd.Function):
    """Spikes forward, surrogate gradient backward, first order only."""

    @staticmethod
    def forward(
        ctx: Any,
        currents: Tensor,
        leak: Tensor | float,
        gain: Tensor | float,
        sharpness: Tensor | None,
        settings: tuple[int, Dynamics, Slope],
        known: Tensor | None,
    ) -> Tensor:
        """``currents`` is contiguous, ``(T, ...)``, or ``(1, ...)`` for a constant current;
        ``sharpness`` None is the one number of the slope."""
        from spikeproof.neurons.kernels.compiled import forward

        ctx.save_for_backward(currents, sharpness)
        steps, dynamics, slope = settings
        numbers = _numbers(currents, leak, gain, dynamics)
        ctx.settings = steps, dynamics, slope, numbers
        ctx.types = [x.dtype if isinstance(x, Tensor) else None for x in (leak, gain)]
        if known is not None:
            return known.detach()
        spikes = _empty((steps, *currents.shape[1:]), currents)
        _walk(forward(currents.dtype), currents, numbers, spikes)
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The recursion of the reference kernel's gradient, in one pass."""
        from spikeproof.neurons.kernels.compiled import backward

        refuse_second("fused")
        currents, sharpness = ctx.saved_tensors
        steps, dynamics, slope, numbers = ctx.settings
        (grad,) = grads
        if grad.stride(0) == 0:
            grad = grad[:1]
        out = _empty((steps, *currents.shape[1:]), currents)
        given, incoming, result = _rows(currents), _rows(grad.contiguous()), _rows(out)
        kind = given.dtype.type
        learned = any(ctx.needs_input_grad[1:3])
        sums = np.zeros((-(-result.shape[1] // BLOCK) if learned else 0, 2))
        sharp = np.full((1, 1), slope.sharpness, kind) if sharpness is None else _rows(sharpness)
        head = (incoming, given, sharp, kind(slope.height))
        shares = kind(dynamics.reset), kind(float(numbers[0]) * dynamics.carry)
        numbers = (*numbers, *shares)
        run = backward(currents.dtype, slope.shape)
        _spread(lambda a, b: run(*head, *numbers, a, b, sums, result), result.shape[1], steps)
        total = torch.from_numpy(sums.sum(0)) if learned else None
        each = (
            None if total is None or type_ is None else total[k].to(type_)
            for k, type_ in enumerate(ctx.types)
        )
        full = out if len(currents) == steps else out.sum(0, keepdim=True)
        return full, *each, None, None, None


def _walk(program: Any, currents: Tensor, numbers: tuple[Any, ...], *outputs: Tensor) -> None:
    """Run a program that looks at currents and writes ``outputs``, contiguous ``(T, ...)``."""
    given, out = _rows(currents), [_rows(x) for x in outputs]
    steps, size = out[0].shape
    if not all(_spread(lambda a, b: program(given, *numbers, a, b, *out), size, steps)):
        raise InputError(NOT_FINITE)


def _numbers(
    like: Tensor, leak: Tensor | float, gain: Tensor | float, dynamics: Dynamics
) -> tuple[Any, ...]:
    """The settings of a recursion in the type of the data."""
    kind = _KINDS[like.dtype]
    leak, gain = (x.item() if isinstance(x, Tensor) else x for x in (leak, gain))
    threshold, synapse = kind(dynamics.threshold), kind(dynamics.synapse)
    return kind(leak), kind(gain), threshold, synapse, dynamics.soft


def _typed(x: Tensor | float, like: Tensor) -> Tensor | float:
    """A learned leak or gain in the type of the data; a number as it is."""
    return x.to(like.dtype) if isinstance(x, Tensor) else x


def _check(currents: Tensor) -> None:
    """Refuse what the kernel does not serve."""
    if not available():
        raise SettingError("kernel='fused' needs numba: `pip install numba`, or use 'auto'.")
    if currents.device.type != "cpu" or currents.dtype not in TYPES:
        raise SettingError(
            "kernel='fused' serves float32 and float64 on the CPU; got "
            f"{currents.dtype} on {currents.device}. Use kernel='auto'."
        )


def sharpened(
    above: Tensor,
    kept: tuple[Tensor, Tensor],
    rows: Tensor,
    moves: Tensor,
    numbers: tuple[float, ...],
) -> Tensor:
    """What ``Moments.sharpness`` does, in one compiled pass; ``numbers`` are those of ``move``."""
    from spikeproof.neurons.kernels.compiled import move

    steps, n = above.shape[:2]
    out = _empty(above.shape, above)
    shape = (-1, int(above[0, 0].numel())) if n else (-1, 0)
    u, mean, deviation, result = (
        x.detach().reshape(len(x), *shape).numpy() for x in (above.contiguous(), *kept, out)
    )
    typed = [u.dtype.type(x) for x in numbers]
    head, program = (u, rows.numpy(), moves.numpy(), *typed), move(above.dtype)
    tail = mean, deviation, result
    _spread(lambda a, b: program(*head, a, b, *tail), steps * n, u.shape[2], block=1)
    return out


def look(currents: Tensor, dynamics: Dynamics) -> tuple[Tensor, Tensor]:
    """Spikes and membranes in one compiled pass, without a gradient.

    Args:
        currents: Input current, ``(T, N, ...)``, as for :func:`fused`.
        dynamics: The recursion.
    Returns:
        Spikes and membranes before the reset minus the threshold, both ``(T, N, ...)``.
    Raises:
        SettingError: numba is missing, or the device or type is not served.
        InputError: currents that are not finite.
    Cost:
        Reads the currents, writes two arrays.
    """
    _check(currents)
    from spikeproof.neurons.kernels.compiled import look as program

    packed, order = in_memory(currents.detach())
    leak, gain = (_typed(x, packed) for x in (dynamics.leak, dynamics.gain))
    spikes, above = (_empty((len(currents), *packed.shape[1:]), packed) for _ in range(2))
    _walk(program(packed.dtype), packed, _numbers(packed, leak, gain, dynamics), spikes, above)
    return restore(spikes, order), restore(above, order)


def fused(
    currents: Tensor, dynamics: Dynamics, slope: Slope, known: Tensor | None = None
) -> Tensor:
    """Run the neuron over time in one compiled pass over memory.

    Args:
        currents: Input current, ``(T, N, ...)``, float32 or float64 on the CPU, in any dense
            layout; a current expanded over time is read once.
        dynamics: The recursion; leak and gain may be learned.
        slope: Stands in for the derivative of each spike.
        known: The spikes of these currents, from :func:`look`; only the backward pass is then run.
    Returns:
        Spikes, ``(T, N, ...)``, 0 or 1.
    Raises:
        SettingError: numba is missing, the device or type is not served, or a second derivative
            was asked for.
        InputError: currents that are not finite.
    Cost:
        Reads the currents and writes spikes; backward reads currents and gradient and writes one
        gradient. Membranes are computed again there: one array less to keep, write and read.
        The first call in a fresh installation compiles for a few seconds.
    """
    _check(currents)
    packed, order = in_memory(currents)
    each = isinstance(slope.sharpness, Tensor)
    sharpness = sharpness_in(slope, currents, packed.dtype, order) if each else None
    leak, gain = (_typed(x, packed) for x in (dynamics.leak, dynamics.gain))
    settings = (len(currents), dynamics, slope)
    given = None if known is None else ordered(known, order)
    spikes: Tensor = _Fused.apply(  # type: ignore[no-untyped-call]
        packed, leak, gain, sharpness, settings, given
    )
    return restore(spikes, order)
