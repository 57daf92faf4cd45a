"""`i2e-fashion-mnist`: Fashion-MNIST as binary event recordings, by the rule of I2E."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spikeproof.data.conversion import FromImages
from spikeproof.data.facts import Facts, Reader
from spikeproof.data.sets.fashion_mnist import FashionMnist

__all__ = ["I2EFashionMnist"]


@dataclass(frozen=True, kw_only=True)
class I2EFashionMnist(FromImages):
    """Read Fashion-MNIST and convert every photograph into eight frames of binary events.

    Args:
        images: Reader of the photographs.
        ratio: Share of an image's own range that a difference must reach to be an event.
    Returns:
        From a call with a folder: what to decode; packed bits of 0 and 1 per place and step.
    Raises:
        FileProblem: a file of Fashion-MNIST is absent, truncated or changed.
    Cost:
        About 20 seconds the first time, 110 MB in the cache.
    References:
        xiao2017fashion, ma2025i2e
    Example:
        >>> I2EFashionMnist().domain.shape
        (8, 2, 28, 28)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="I2E(Fashion-MNIST)",
        unit="event or none, per place and step",
        licence="MIT",
        source=(
            "Fashion-MNIST (xiao2017fashion) converted to binary events by the rule of I2E "
            "(ma2025i2e), ratio 0.07."
        ),
        # A flip is one place; l_1 and l_0 count like flips, l_2 is the square root of them.
        radii={
            "linf": (0.05, 0.1, 0.2),
            "l2": (1.0, 2.0, 3.0),
            "l1": (10.0, 25.0, 50.0),
            "l0": (5.0, 10.0, 20.0),
            "counts": (5.0, 10.0, 20.0),
        },
        limits=(
            "The events were computed from still photographs by a rule; no event camera was used.",
        ),
        training={
            "model": "cnn-small",
            "width": 8,
            "epochs": 2,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
    )

    images: Reader = field(default_factory=FashionMnist)
    ratio: float = 0.07
