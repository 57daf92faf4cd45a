"""`cifar10-dvs`: 10,000 pictures of CIFAR-10 that move before a DVS128 camera, with one split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from spikeproof.base import seeds
from spikeproof.data.event_sets import EventFrames, classed, part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source
from spikeproof.data.layouts import files_below, in_folder, stamp_of_files
from spikeproof.data.streams import Recording, read_recording

__all__ = ["CLASSES", "SPLIT_SHA256", "Cifar10Dvs", "test_numbers"]

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""The folder of each class."""
SPLIT_SHA256 = "2b0fbb07fef161c17daf64e9b597b7a64439b5738623da689d947ee69dbf5763"
"""Hash of :func:`test_numbers`, as ``digest`` of the list."""
_OF_A_CLASS, _TEST = 1000, 100


def test_numbers() -> tuple[int, ...]:
    """Return which recordings of every class are the test: 100 of the numbers 0 to 999.

    The set is published without a split. This one is drawn once, by integer arithmetic, and is the
    same for every class: recording ``cifar10_cat_N.aedat`` is a test item exactly where N is here.

    Example:
        >>> from spikeproof.base import digest
        >>> len(test_numbers()), digest(list(test_numbers())) == SPLIT_SHA256
        (100, True)
    """
    keys = seeds(0, n=_OF_A_CLASS).child("cifar10-dvs split").bits(())
    return tuple(sorted(keys.argsort()[:_TEST].tolist()))


test_numbers.__test__ = False  # type: ignore[attr-defined]  # no test, whatever its name


@dataclass(frozen=True, kw_only=True)
class Cifar10Dvs(EventFrames):
    """Read the recordings with the split of :func:`test_numbers`.

    Times are counted from a recording's first event. Squares of ``pool`` pixels count together.

    Args:
        published: Where the folder may lie.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        most: The largest legal count.
        outside: What is done with events after the window.
        pool: Pixels to a side that become one.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 2, H, W)``.
    Raises:
        FileProblem: no recordings are there, or one is truncated or none.
    Cost:
        About 10 ms a recording the first time, 20 kB each in the cache.
    References:
        li2017cifar10dvs
    Example:
        >>> Cifar10Dvs().domain.shape
        (10, 2, 32, 32)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="CIFAR10-DVS recordings",
        unit="events per square and frame",
        licence="CC BY 4.0",
        source=(
            "CIFAR10-DVS, 10 000 pictures of CIFAR-10 moved before a DVS128 camera "
            "(li2017cifar10dvs); the split is ours, since none is published."
        ),
        radii={
            "linf": (0.05, 0.1, 0.2),
            "l2": (2.0, 4.0, 8.0),
            "l1": (50.0, 150.0, 500.0),
            "l0": (10.0, 30.0, 60.0),
            "counts": (50.0, 200.0, 800.0),
        },
        limits=(
            "Papers use other splits, most of them unpublished: accuracies do not compare to a "
            "point.",
        ),
        training={
            "model": "vgg-5",
            "width": 32,
            "epochs": 20,
            "batch_size": 32,
            "learning_rate": 0.002,
        },
    )
    sensor: ClassVar[tuple[int, int, int]] = (2, 128, 128)

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("cifar10-dvs", "CIFAR10DVS", "CIFAR10-DVS"),
            url="https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671",
        )
    )
    timesteps: int = 10
    duration: int = 1_300_000
    most: int = 255
    pool: int = 4

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, "cifar10-dvs")
        named = rf"({'|'.join(CLASSES)})/cifar10_\1_(\d+)\.aedat"
        found = files_below(
            place, named, "recording cat/cifar10_cat_0.aedat and its like", self.published.url
        )
        paths, y, training = classed(found, CLASSES, test_numbers())

        def recording(number: int) -> Recording:
            one: Any = read_recording(paths[number], "aedat2", sort=True)
            return Recording(one.t - one.t[:1], one.x, one.y, one.p, one.sensor)

        return Listed(
            stamp=stamp_of_files(place, paths),
            read=lambda: self.stored(y, training, recording, part_of(len(y), 10_000, "recordings")),
        )
