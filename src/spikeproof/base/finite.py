"""Whether numbers are finite, asked after every pass, so in one walk through memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["all_finite"]


def all_finite(x: Tensor) -> bool:
    """Whether every entry is finite; of no entries all are.

    Args:
        x: Any shape and type.
    Cost:
        On the CPU one walk, for the least and the largest entry, either of which is NaN where one
        entry is: about a tenth of what ``torch.isfinite(x).all()`` takes.
    Example:
        >>> all_finite(torch.zeros(2)), all_finite(torch.tensor([0.0, torch.nan]))
        (True, False)
    """
    x = x.detach()
    if not x.numel():
        return True
    if x.device.type != "cpu" or not x.is_floating_point() or torch.compiler.is_compiling():
        return bool(torch.isfinite(x).all())
    low, high = torch.aminmax(x)
    return math.isfinite(low) and math.isfinite(high)
