"""The two loops of the fused kernel, as numba compiles them for one floating type.

Every loop over neurons is simple enough for the compiler to vectorise, and every constant has the
type of the data: one of another type would double the width of all arithmetic around it.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

__all__ = ["BLOCK", "CODES", "programs"]

# Neurons are walked in blocks that stay in cache over all time steps.
BLOCK = 2048

# Numbers of the surrogate shapes inside compiled code.
CODES = {"triangle": 0, "rectangle": 1, "sigmoid": 2, "arctan": 3}


@functools.cache
def programs(dtype: torch.dtype) -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile both loops; numba keeps the result on disk.

    Args:
        dtype: float32 or float64.
    Returns:
        ``forward(current, leak, threshold, start, stop, spikes)`` and ``backward(grad, current,
        leak, threshold, code, sharpness, detach, start, stop, out)`` over matrices ``(T, M)``;
        ``current`` and ``grad`` may have one row, which then stands for every step.
    """
    import numba

    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
    kind: Any = np.float32 if dtype == torch.float32 else np.float64
    zero, half, one = kind(0), kind(0.5), kind(1)
    half_pi = kind(math.pi / 2)
    exponential = _exponential(compiled, dtype)

    @compiled
    def charge(current, leak, threshold, before, u):
        for i in range(len(u)):
            kept = before[i] if before[i] < threshold else zero
            u[i] = leak * kept + current[i]

    @compiled
    def derivative(code, s, theta, u, out):
        if code == 0:
            for i in range(len(u)):
                rest = one - s * abs(u[i] - theta)
                out[i] = s * (rest if rest > zero else zero)
        elif code == 1:
            width = one / s
            for i in range(len(u)):
                out[i] = half * s if abs(u[i] - theta) < width else zero
        elif code == 2:
            # From the side where the exponential is small: sigmoid(x)(1 - sigmoid(x)) is even.
            for i in range(len(u)):
                out[i] = -s * abs(u[i] - theta)
            exponential(out)
            for i in range(len(u)):
                out[i] = s * out[i] / ((one + out[i]) * (one + out[i]))
        else:
            for i in range(len(u)):
                z = half_pi * s * (u[i] - theta)
                out[i] = half * s / (one + z * z)

    @compiled
    def forward(current, leak, threshold, start, stop, spikes):
        membrane = np.zeros((2, BLOCK), spikes.dtype)
        for a in range(start, stop, BLOCK):
            b = min(a + BLOCK, stop)
            membrane[1] = 0
            for t in range(len(spikes)):
                u = membrane[t % 2, : b - a]
                row = current[t if len(current) > 1 else 0, a:b]
                charge(row, leak, threshold, membrane[1 - t % 2, : b - a], u)
                out = spikes[t, a:b]
                for i in range(len(u)):
                    out[i] = one if u[i] >= threshold else zero

    @compiled
    def unroll(grad, slope, leak, threshold, detach, u, later, out):
        if detach:
            for i in range(len(u)):
                kept = later[i] if u[i] < threshold else zero
                out[i] = grad[i] * slope[i] + kept
                later[i] = leak * out[i]
        else:
            for i in range(len(u)):
                kept = later[i] if u[i] < threshold else zero
                out[i] = (grad[i] - later[i] * u[i]) * slope[i] + kept
                later[i] = leak * out[i]

    @compiled
    def backward(grad, current, leak, threshold, code, sharpness, detach, start, stop, out):
        steps = len(out)
        # The last row stays zero: it is the membrane before the first step.
        membrane = np.zeros((steps + 1, BLOCK), out.dtype)
        slope, later = np.empty(BLOCK, out.dtype), np.empty(BLOCK, out.dtype)
        for a in range(start, stop, BLOCK):
            b = min(a + BLOCK, stop)
            n = b - a
            for t in range(steps):
                row = current[t if len(current) > 1 else 0, a:b]
                charge(row, leak, threshold, membrane[t - 1, :n], membrane[t, :n])
            later[:] = 0
            for t in range(steps - 1, -1, -1):
                u, h = membrane[t, :n], slope[:n]
                derivative(code, sharpness, threshold, u, h)
                row = grad[t if len(grad) > 1 else 0, a:b]
                unroll(row, h, leak, threshold, detach, u, later[:n], out[t, a:b])

    return forward, backward


def _exponential(compiled: Callable[..., Any], dtype: torch.dtype) -> Any:
    """``x -> exp(x)`` in place for ``x <= 0``, to the last bits of the type.

    The float32 one is Cephes' polynomial after taking out the power of two (relative error
    below 1e-7, smaller than 1e-38 becomes 1e-38): unlike a call per element it is vectorised.
    """
    if dtype == torch.float64:

        @compiled
        def exact(x):
            for i in range(len(x)):
                x[i] = math.exp(x[i])

        return exact

    single = np.float32
    low, one, shift = single(-87.3), single(1), single(12582912.0)
    log2_e, high_part, low_part = single(1.4426950409), single(0.693359375), single(-2.12194440e-4)
    c0, c1, c2 = single(1.9875691500e-4), single(1.3981999507e-3), single(8.3334519073e-3)
    c3, c4, c5 = single(4.1665795894e-2), single(1.6666665459e-1), single(5.0000001201e-1)

    @compiled
    def fast(x):
        for i in range(len(x)):
            v = x[i] if x[i] > low else low
            n = (v * log2_e + shift) - shift  # rounds to the nearest whole number
            r = (v - n * high_part) - n * low_part
            y = ((((c0 * r + c1) * r + c2) * r + c3) * r + c4) * r + c5
            power = np.int32((np.int32(n) + np.int32(127)) << np.int32(23))
            x[i] = (y * r * r + r + one) * power.view(np.float32)

    return fast
