"""Currents in the order in which they lie in memory, for kernels that walk it."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.neurons.surrogate import Slope

__all__ = ["dense", "in_memory", "restore"]


def in_memory(currents: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Currents in the order of memory, ``(T, ...)`` or ``(1, ...)``, and that order."""
    if currents.stride(0) == 0:
        currents = currents[:1]
    strides = currents.stride()
    order = tuple(sorted(range(1, currents.ndim), key=strides.__getitem__, reverse=True))
    return currents.permute(0, *order).contiguous(), order


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
    sharpness = slope.sharpness
    if isinstance(sharpness, Tensor):
        full = sharpness.to(currents.device, dtype).expand(currents.shape)
        return packed, full.permute(0, *order).contiguous(), order
    return packed, packed.new_full((1, 1), sharpness, dtype=dtype), order


def restore(x: Tensor, order: tuple[int, ...]) -> Tensor:
    """A tensor in the order of memory back in the order of its currents."""
    back = [0] * x.ndim
    for place, axis in enumerate(order, start=1):
        back[axis] = place
    return x.permute(*back)
