"""`digits`: the 1797 handwritten digits of scikit-learn, 8x8 grey levels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts

__all__ = ["LICENCE", "ONE_COLLECTION", "SCANS", "DigitsImages", "labels"]

# What the sets made from these scans share with them.
LICENCE = "CC BY 4.0"
SCANS = (
    "scikit-learn's load_digits, the test part of Optical Recognition of Handwritten Digits, "
    "UCI (alpaydin1998optdigits)"
)
ONE_COLLECTION = (
    "The inputs come from one small collection of handwritten digits; nothing here says what "
    "happens on large inputs or with many classes."
)


@cache
def _scans() -> tuple[np.ndarray, np.ndarray]:
    """Grey levels 0..16, uint8 ``(1797, 8, 8)``, and class numbers, int64."""
    # scikit-learn takes a second to import and is needed only here.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target.astype(np.int64)


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

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Images",
        unit="pixel intensity, 0–1",
        licence=LICENCE,
        source=f"1797 scans of handwritten digits, 8x8 pixels: {SCANS}.",
        radii={
            "linf": (0.05, 0.1, 0.15),
            "l2": (0.25, 0.5, 0.75),
            "l1": (0.75, 1.5, 3.0),
            "l0": (1.0, 2.0, 3.0),
        },
        limits=(ONE_COLLECTION,),
        training={
            "model": "cnn-small",
            "timesteps": 4,
            "width": 12,
            "epochs": 15,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        pinned={
            "all": "4624611677bfdc71c4473b80ed800fd8e039bfcc0c6ef5adbd13eed5a1b633ae",
            "x": "05e7eb05be1b19c43937ee30ff68cf2fafcb18caa821510be9aee0001c2e5ce3",
            "y": "c99579baa0e11596303e3ea4a354b88d3c970b5a72bbd3dd8525f9379e30be72",
            "train": "47661eb819fcd5869634b413a839953dafb93af6dc9bf6442a49222ff81fb821",
            "validation": "79d3a92a1cbc7a4fa214ba671bb17861e071bb7d6974d4edf32bbbee0c948f90",
            "test": "e3e53e8472f0dac95b1b955d36fb0f025c22855a633a05d0d5e2e795bd13860c",
        },
    )

    levels: int = 16

    @property
    def domain(self) -> Domain:
        """Legal scans."""
        return Domain(kind="image", shape=(1, 8, 8))

    def labels(self) -> Tensor:
        """The digit of each of the 1797 scans."""
        return torch.from_numpy(_scans()[1].copy())

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The scans of ``items``; nothing is drawn, ``seed`` changes nothing."""
        scans = torch.from_numpy(_scans()[0])[items]
        return (scans.to(torch.float32) / self.levels)[:, None]
