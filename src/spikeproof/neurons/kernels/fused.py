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

from spikeproof.base import SettingError
from spikeproof.neurons.kernels.compiled import BLOCK, CODES, programs
from spikeproof.neurons.lif import Neuron
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["available", "fused"]

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


def _rows(x: Tensor) -> np.ndarray:
    """A contiguous ``(T, ...)`` tensor as a matrix ``(T, M)`` of the same memory."""
    return x.detach().reshape(len(x), -1).numpy()


def _empty(shape: Sequence[int], like: Tensor) -> Tensor:
    """Memory for a result. Large arrays of numpy lie on huge pages where the system has them;
    touching fresh small pages would cost several times what the loop does."""
    kind = torch.empty(0, dtype=like.dtype).numpy().dtype
    return torch.from_numpy(np.empty(tuple(shape), kind))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Threads for the halves of large arrays; made at first use."""
    return ThreadPoolExecutor(os.cpu_count() or 1, "spikeproof-fused")


# A forked process inherits the pool without its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _spread(run: Callable[[int, int], None], size: int, steps: int) -> None:
    """Run ``run(start, stop)`` over all neurons, on as many threads as torch uses."""
    threads = min(torch.get_num_threads(), max(1, size * steps // _ALONE))
    if threads == 1:
        run(0, size)
        return
    # Whole blocks per thread: where a block ends never changes a result, but keeps lines unshared.
    share = -(-size // (threads * BLOCK)) * BLOCK
    starts = range(0, size, share)
    list(_pool().map(run, starts, [min(start + share, size) for start in starts]))


class _Fused(torch.autograd.Function):
    """Spikes forward, surrogate gradient backward, first order only."""

    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, steps: int, neuron: Neuron, surrogate: Surrogate
    ) -> Tensor:
        """``currents`` is contiguous, ``(T, ...)``, or ``(1, ...)`` for a constant current."""
        run, _ = programs(currents.dtype)
        spikes = _empty((steps, *currents.shape[1:]), currents)
        given, out = _rows(currents), _rows(spikes)
        leak, threshold = given.dtype.type(neuron.leak), given.dtype.type(neuron.threshold)
        _spread(lambda a, b: run(given, leak, threshold, a, b, out), out.shape[1], steps)
        ctx.save_for_backward(currents)
        ctx.settings = neuron, surrogate, steps
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The recursion of the reference kernel's gradient, in one pass."""
        if torch.is_grad_enabled():
            raise SettingError(
                "The fused kernel has no second derivative; build the network's Spiking layers "
                "with kernel='reference' to differentiate twice."
            )
        (currents,) = ctx.saved_tensors
        neuron, surrogate, steps = ctx.settings
        (grad,) = grads
        if grad.stride(0) == 0:
            grad = grad[:1]
        out = _empty((steps, *currents.shape[1:]), currents)
        given, incoming, result = _rows(currents), _rows(grad.contiguous()), _rows(out)
        kind = given.dtype.type
        settings = (
            kind(neuron.leak),
            kind(neuron.threshold),
            CODES[surrogate.shape],
            kind(surrogate.sharpness),
            neuron.detach_reset,
        )
        _, run = programs(currents.dtype)
        _spread(lambda a, b: run(incoming, given, *settings, a, b, result), result.shape[1], steps)
        return (out if len(currents) == steps else out.sum(0, keepdim=True)), None, None, None


def fused(currents: Tensor, neuron: Neuron, surrogate: Surrogate) -> Tensor:
    """Run the neuron over time in one compiled pass over memory.

    Args:
        currents: Input current, ``(T, N, ...)``, float32 or float64 on the CPU, in any dense
            layout; a current expanded over time is read once.
        neuron: Leak, threshold and reset.
        surrogate: Stands in for the derivative of each spike.
    Returns:
        Spikes, ``(T, N, ...)``, 0 or 1.
    Raises:
        SettingError: a second derivative was asked for.
    Cost:
        Reads the currents and writes spikes; backward reads currents and gradient and writes one
        gradient. Membranes are computed again there, which is cheaper than keeping them.
        The first call in a fresh installation compiles for a few seconds.
    """
    steps = len(currents)
    if currents.stride(0) == 0:
        currents = currents[:1]
    # Walk memory in the order it lies in, so that channels-last currents are not copied.
    strides = currents.stride()
    order = sorted(range(1, currents.ndim), key=strides.__getitem__, reverse=True)
    dense = currents.permute(0, *order).contiguous()
    spikes: Tensor = _Fused.apply(dense, steps, neuron, surrogate)  # type: ignore[no-untyped-call]
    back = [0] * currents.ndim
    for place, axis in enumerate(order, start=1):
        back[axis] = place
    return spikes.permute(*back)
