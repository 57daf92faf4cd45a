"""Inputs as a caller gave them: what attacks found, in the library and on the device of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["array_of", "broken_inputs", "given_back"]

Array = np.ndarray[Any, Any]


def given_back(x_adv: Tensor, like: object) -> Any:
    """Inputs in the library and on the device of those that were given."""
    return x_adv.to(like.device) if isinstance(like, Tensor) else x_adv.cpu().numpy()


def broken_inputs(x: Tensor, level: int, found: Sequence[Array]) -> Tensor:
    """Items with those replaced that a ladder broke at a level or below it.

    Args:
        x: Clean items, ``(N, *shape)``, numbered from 0.
        level: Which radius, 0 is the smallest.
        found: Numbers of broken items, at which level they broke, and what broke them.
    """
    items, levels, x_adv = found
    chosen = levels <= level
    out = x.clone()
    out[torch.from_numpy(items[chosen])] = torch.from_numpy(x_adv[chosen]).to(x)
    return out


def array_of(values: Any) -> Array:
    """Inputs as an array."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
