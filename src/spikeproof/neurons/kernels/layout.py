"""Currents in the order in which they lie in memory, for kernels that walk it."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.neurons.surrogate import Slope

__all__ = ["dense", "in_memory", "ordered", "restore", "sharpness_in"]


def in_memory(currents: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Currents in the order of memory, ``(T, ...)`` or ``(1, ...)``, and that order."""
    if currents.stride(0) == 0:
        currents = currents[:1]
    strides = currents.stride()
    order = tuple(sorted(range(1, currents.ndim), key=strides.__getitem__, reverse=True))
    return ordered(currents, order).contiguous(), order


def ordered(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """A tensor ``(T, N, ...)`` with its axes in an order of memory."""
    return x if order == tuple(range(1, x.ndim)) else x.permute(0, *order)


def dense(
    currents: Tensor, slope: Slope, dtype: torch.dtype
) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Currents and sharpness in the order of memory, so that channels-last is not copied.

    Args:
        currents: ``(T, N, ...)`` in any layout.
        slope: Its sharpness, where it is a tensor, is brought into the same order.
        dtype: Of the sharpness.
    Returns:
        Contiguous currents ``(T, ...)``, or ``(1, ...)`` where they are one current expanded over
        time; the sharpness ``(T, ...)`` or ``(1, 1)``; and the order for :func:`restore`.
    """
    packed, order = in_memory(currents)
    return packed, sharpness_in(slope, currents, dtype, order), order


def sharpness_in(
    slope: Slope, currents: Tensor, dtype: torch.dtype, order: tuple[int, ...]
) -> Tensor:
    """The sharpness of every neuron in an order of memory, ``(T, ...)``, or ``(1, 1)``."""
    sharpness = slope.sharpness
    if not isinstance(sharpness, Tensor):
        return currents.new_full((1, 1), sharpness, dtype=dtype)
    full = sharpness.to(currents.device, dtype).expand(currents.shape)
    return ordered(full, order).contiguous()


def restore(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """A tensor in the order of memory back in the order of its currents."""
    if order == tuple(range(1, x.ndim)):
        return x
    back = [0] * x.ndim
    for place, axis in enumerate(order, start=1):
        back[axis] = place
    return x.permute(*back)
