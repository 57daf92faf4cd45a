"""`digits`: the 1797 handwritten digits of scikit-learn, 8x8 grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from spikeproof.data.domain import Domain

__all__ = ["CLASSES", "ITEMS", "DigitsImages", "labels"]

CLASSES = 10
ITEMS = 1797


@cache
def _scans() -> tuple[np.ndarray, np.ndarray]:
    """Grey levels 0..16, uint8 ``(1797, 8, 8)``, and class numbers, int64."""
    # scikit-learn takes a second to import and is needed only here.
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.uint8), found.target.astype(np.int64)


def labels(items: Tensor) -> Tensor:
    """Return the digit that each item shows or sounds, int64 ``(N,)``, the same in every set."""
    return torch.from_numpy(_scans()[1])[items]


@dataclass(frozen=True, kw_only=True)
class DigitsImages:
    """Make the scans: grey level 0..16, divided by 16.

    Args:
        levels: Grey level that becomes 1.
    Returns:
        From a call with item numbers: float32 ``(N, 1, 8, 8)`` in [0, 1].
    Cost:
        One second to import scikit-learn at the first call, then nothing.
    References:
        alpaydin1998optdigits
    Example:
        >>> DigitsImages()(torch.tensor([3, 7])).shape
        torch.Size([2, 1, 8, 8])
    """

    levels: int = 16

    @property
    def domain(self) -> Domain:
        """Legal scans."""
        return Domain(kind="image", shape=(1, 8, 8))

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The scans of ``items``; nothing is drawn, ``seed`` changes nothing."""
        scans = torch.from_numpy(_scans()[0])[items]
        return (scans.to(torch.float32) / self.levels)[:, None]
