"""`i2e-cifar10`: CIFAR-10 as binary event recordings, by the rule of I2E."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spikeproof.data.conversion import FromImages
from spikeproof.data.facts import Facts, Reader
from spikeproof.data.sets.cifar10 import Cifar10

__all__ = ["I2ECifar10"]


@dataclass(frozen=True, kw_only=True)
class I2ECifar10(FromImages):
    """Read CIFAR-10 and convert every photograph into eight frames of binary events.

    Args:
        pictures: Reader of the photographs.
        ratio: Share of an image's own range that a difference must reach to be an event.
    Returns:
        From a call with a folder: what to decode; packed bits of 0 and 1 per place and step.
    Raises:
        FileProblem: a file of CIFAR-10 is absent, truncated or changed.
    Cost:
        About 20 seconds the first time, 123 MB in the cache.
    References:
        krizhevsky2009, ma2025i2e
    Example:
        >>> I2ECifar10().domain.shape
        (8, 2, 32, 32)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="I2E(CIFAR-10)",
        unit="event or none, per place and step",
        licence="none stated; published for research",
        source=(
            "CIFAR-10 (krizhevsky2009) converted to binary events by the rule of I2E (ma2025i2e), "
            "ratio 0.07."
        ),
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
        pinned={
            "all": "6a83b517beb1bb647a84b95d965a9cc96cf54eafff17236e55a9034e389404aa",
            "x": "e3ba2c95f5331328fe109dbee34dff3b53b8850ec547b70e7ebc0356656b56f7",
            "y": "cd271e023e0f4c5b008f126714be47f5a16fd21717e2f94c0c6bcaf833b27c4b",
            "train": "db6fa79bea06cc01c126d235ccf014019bf4d7cc04ccd9857294dda5bce435b6",
            "validation": "93d5ca0b7ee04d0fffe4f203d3572838e6a177348e02b03ce4b8373e9698f5b8",
            "test": "7d0e628f29a914afe11506f0ceec288b115544b72f24c8fd30e8b128e7e3bb61",
        },
        training={
            "model": "cnn-small",
            "width": 16,
            "epochs": 5,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
    )

    pictures: Reader = field(default_factory=Cifar10)
    ratio: float = 0.07
