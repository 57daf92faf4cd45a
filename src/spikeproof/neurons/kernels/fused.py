"""The fused CPU kernel: the loop over time compiled by numba, one pass forward and one backward.

It keeps the membrane trace only. Second derivatives do not exist through it, and a fused kernel
that pretended otherwise would return wrong ones without an error, so its backward pass refuses.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.neurons.lif import Neuron
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["available", "fused"]

# Neurons are walked in blocks that stay in the first-level cache over all time steps.
_BLOCK = 2048

# Numbers of the surrogate shapes inside compiled code.
_CODES = {"triangle": 0, "rectangle": 1, "sigmoid": 2, "arctan": 3}


@functools.cache
def available() -> bool:
    """Whether numba can be imported; asked once."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


@functools.cache
def _programs() -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile the two loops; numba keeps the result on disk."""
    import numba

    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

    @compiled
    def charge(current, before, leak, threshold, u, s):  # type: ignore[no-untyped-def]
        for i in range(len(u)):
            kept = before[i] if before[i] < threshold else 0 * before[i]
            u[i] = leak * kept + current[i]
        for i in range(len(u)):
            s[i] = 1 if u[i] >= threshold else 0

    @compiled
    def derivative(code, s, theta, u, out):  # type: ignore[no-untyped-def]
        # One simple loop per shape, in the type of u, so that each is vectorised.
        one = u.dtype.type(1)
        half = u.dtype.type(0.5)
        if code == 0:
            for i in range(len(u)):
                out[i] = s * max(one - s * abs(u[i] - theta), one - one)
        elif code == 1:
            width = one / s
            for i in range(len(u)):
                out[i] = half * s if abs(u[i] - theta) < width else one - one
        elif code == 2:
            for i in range(len(u)):
                p = one / (one + np.exp(-s * (u[i] - theta)))
                out[i] = s * p * (one - p)
        else:
            scale = u.dtype.type(0.5 * math.pi) * s
            for i in range(len(u)):
                z = scale * (u[i] - theta)
                out[i] = half * s / (one + z * z)

    @compiled
    def unroll(grad, slope, later, leak, threshold, detach, u, out):  # type: ignore[no-untyped-def]
        if detach:
            for i in range(len(u)):
                carried = leak * later[i]
                out[i] = grad[i] * slope[i] + (carried if u[i] < threshold else 0 * carried)
        else:
            for i in range(len(u)):
                carried = leak * later[i]
                kept = carried if u[i] < threshold else 0 * carried
                out[i] = (grad[i] - carried * u[i]) * slope[i] + kept

    @compiled
    def forward(current, leak, threshold, membrane, spikes):  # type: ignore[no-untyped-def]
        steps, n = spikes.shape
        zero = np.zeros(_BLOCK, membrane.dtype)
        for a in range(0, n, _BLOCK):
            b = min(a + _BLOCK, n)
            for t in range(steps):
                row = current[t if len(current) > 1 else 0, a:b]
                before = membrane[t - 1, a:b] if t > 0 else zero[: b - a]
                charge(row, before, leak, threshold, membrane[t, a:b], spikes[t, a:b])

    @compiled
    def backward(  # type: ignore[no-untyped-def]
        grad, membrane, leak, threshold, code, sharpness, detach, out
    ):
        steps, n = grad.shape
        zero = np.zeros(_BLOCK, membrane.dtype)
        slope = np.empty(_BLOCK, membrane.dtype)
        for a in range(0, n, _BLOCK):
            b = min(a + _BLOCK, n)
            for t in range(steps - 1, -1, -1):
                u = membrane[t, a:b]
                h = slope[: b - a]
                derivative(code, sharpness, threshold, u, h)
                later = out[t + 1, a:b] if t + 1 < steps else zero[: b - a]
                unroll(grad[t, a:b], h, later, leak, threshold, detach, u, out[t, a:b])

    return forward, backward


def _rows(x: Tensor) -> np.ndarray:
    """A contiguous ``(T, ...)`` tensor as a matrix ``(T, M)`` of the same memory."""
    return x.detach().reshape(len(x), -1).numpy()


class _Fused(torch.autograd.Function):
    """Spikes forward, surrogate gradient backward, first order only."""

    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, steps: int, neuron: Neuron, surrogate: Surrogate
    ) -> Tensor:
        """``currents`` is contiguous, ``(T, ...)``, or ``(1, ...)`` for a constant current."""
        run, _ = _programs()
        shape = (steps, *currents.shape[1:])
        membrane, spikes = currents.new_empty(shape), currents.new_empty(shape)
        kind = _rows(currents).dtype.type
        run(
            _rows(currents),
            kind(neuron.leak),
            kind(neuron.threshold),
            _rows(membrane),
            _rows(spikes),
        )
        ctx.save_for_backward(membrane)
        ctx.settings = neuron, surrogate, len(currents)
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """The recursion of the reference kernel's gradient, in one pass."""
        if torch.is_grad_enabled():
            raise SettingError(
                "The fused kernel has no second derivative; build the network's Spiking layers "
                "with kernel='reference' to differentiate twice."
            )
        (membrane,) = ctx.saved_tensors
        neuron, surrogate, rows = ctx.settings
        grad, out = grads[0].contiguous(), torch.empty_like(membrane)
        kind = _rows(membrane).dtype.type
        _, run = _programs()
        run(
            _rows(grad),
            _rows(membrane),
            kind(neuron.leak),
            kind(neuron.threshold),
            _CODES[surrogate.shape],
            kind(surrogate.sharpness),
            neuron.detach_reset,
            _rows(out),
        )
        return (out if rows > 1 or len(out) == 1 else out.sum(0, keepdim=True)), None, None, None


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
        Reads the currents, writes spikes and membranes; backward reads two and writes one.
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
