"""The fused kernel for graphics cards: the same recursion in Triton, one program per block.

It keeps the membranes in float32, because a program cannot hold all steps at once, and refuses
second derivatives like its relative on the CPU. Under ``TRITON_INTERPRET=1`` it runs on the CPU,
slowly, which is how the tests check it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.neurons import formulas
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels.layout import dense, restore
from spikeproof.neurons.kernels.reference import reference, refuse_second
from spikeproof.neurons.surrogate import Slope

__all__ = ["TYPES", "available", "gpu"]

TYPES = (torch.float32, torch.bfloat16)

_BLOCK = 1024


@functools.cache
def available() -> bool:
    """Whether triton can be imported; asked once."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


@functools.cache
def _programs(shape: str) -> tuple[Any, Any]:
    """Both programs, the backward one with the formula of one surrogate."""
    import triton
    import triton.language as tl

    from spikeproof.neurons.kernels import blocks

    def jitted(function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
        assert isinstance(function, FunctionType)
        meaning = {**function.__globals__, "tl": tl, **names}
        built = FunctionType(function.__code__, meaning, function.__name__)
        built.__annotations__ = dict(function.__annotations__)
        built.__module__ = function.__module__
        return triton.jit(built)

    names = {name: tl.constexpr(getattr(formulas, name)) for name in formulas.CONSTANTS}
    names |= {part.__name__: jitted(part, {}) for part in blocks.OPERATIONS}
    slope = jitted(formulas.SHAPES[shape], names)
    return jitted(blocks.forward, {}), jitted(blocks.backward, {"slope": slope})


class _Gpu(torch.autograd.Function):
    """Spikes forward, surrogate gradient backward, first order only."""

    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, sharpness: Tensor, settings: tuple[int, Dynamics, Slope]
    ) -> Tensor:
        """``currents`` is contiguous, ``(T, ...)``, or ``(1, ...)`` for a constant current."""
        steps, dynamics, slope = settings
        shape = (steps, *currents.shape[1:])
        spikes = currents.new_empty(shape)
        membrane = torch.empty(shape, dtype=torch.float32, device=currents.device)
        n = spikes[0].numel()
        run, _ = _programs(slope.shape)
        if n:
            row = n if len(currents) > 1 else 0
            head = (currents, spikes, membrane, n, steps, row)
            run[(-(-n // _BLOCK),)](*head, *_numbers(dynamics), SOFT=dynamics.soft, BLOCK=_BLOCK)
        ctx.save_for_backward(membrane, sharpness)
        ctx.settings = settings, len(currents), currents.dtype
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The recursion of the reference kernel's gradient, in one pass."""
        refuse_second("triton")
        membrane, sharpness = ctx.saved_tensors
        (steps, dynamics, slope), rows, dtype = ctx.settings
        (grad,) = grads
        grad = (grad[:1] if grad.stride(0) == 0 else grad).contiguous()
        out = torch.empty(membrane.shape, dtype=dtype, device=membrane.device)
        n = out[0].numel()
        _, run = _programs(slope.shape)
        if n:
            row = n if len(grad) > 1 else 0
            head = (grad, membrane, sharpness, out, n, steps, row, *_numbers(dynamics))
            back = float(dynamics.leak) * dynamics.carry
            run[(-(-n // _BLOCK),)](
                *head,
                slope.height,
                dynamics.reset,
                back,
                EACH=sharpness.numel() > 1,
                SOFT=dynamics.soft,
                KEPT=dynamics.reset == 1,
                DETACHED=dynamics.reset == 0,
                BLOCK=_BLOCK,
            )
        return (out if rows == steps else out.sum(0, keepdim=True)), None, None


def _numbers(dynamics: Dynamics) -> tuple[float, float, float, float]:
    """The numbers of a recursion."""
    leak, gain = float(dynamics.leak), float(dynamics.gain)
    return leak, gain, float(dynamics.threshold), float(dynamics.synapse)


def gpu(currents: Tensor, dynamics: Dynamics, slope: Slope) -> Tensor:
    """Run the neuron over time in one Triton program per block of neurons.

    Args:
        currents: Input current, ``(T, N, ...)``, float32 or bfloat16, in any dense layout; a
            current expanded over time is read once.
        dynamics: The recursion. A learned leak runs on the reference kernel instead.
        slope: Stands in for the derivative of each spike.
    Returns:
        Spikes, ``(T, N, ...)``, 0 or 1, or NaN where the current was not finite.
    Raises:
        SettingError: triton is missing, the device or type is not served, or a second derivative
            was asked for.
    Cost:
        Reads the currents, writes spikes and membranes; backward reads two and writes one.
    """
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not available():
        raise SettingError("kernel='triton' needs triton: `pip install triton`, or use 'auto'.")
    if not (currents.is_cuda or interpreted) or currents.dtype not in TYPES:
        raise SettingError(
            "kernel='triton' serves float32 and bfloat16 on CUDA; got "
            f"{currents.dtype} on {currents.device}. Use kernel='auto'."
        )
    if isinstance(dynamics.leak, Tensor) or isinstance(dynamics.gain, Tensor):
        return reference(currents, dynamics, slope)
    packed, sharpness, order = dense(currents, slope, torch.float32)
    spikes: Tensor = _Gpu.apply(packed, sharpness, (len(currents), dynamics, slope))  # type: ignore[no-untyped-call]
    return restore(spikes, order)
