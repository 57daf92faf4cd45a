"""`n-mnist`: MNIST digits before a moving event camera, 34x34 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import FileProblem
from spikeproof.data.event_sets import EventFrames, part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Listed, Source
from spikeproof.data.layouts import PackedRecordings, files_below, in_folder, stamp_of_files
from spikeproof.data.streams import Recording, read_recording

__all__ = ["NMnist", "NMnistRecordings"]

Array = np.ndarray[Any, Any]
_PACKED = "nmnist_subset.npz"
_SITE = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
_ARCHIVES = (
    ("Train", "39c25547-014b-4137-a934-9d29fa53c7a0", "20959b8e626244a1b502305a9e6e2031"),
    ("Test", "05a4d654-7e03-4c15-bdfa-9bb2bcbea494", "69ca8762b2fe404d9b9bad1103e97832"),
)
_NAME = r"(Train|Test)/(\d)/(\d+)\.bin"


@dataclass(frozen=True, kw_only=True)
class NMnistRecordings:
    """Where each recording of a folder is, training recordings first.

    Args:
        y: The digit of each, int64 ``(N,)``.
        official: How many of them, from the first, are the official training part.
        read: What returns a recording.
        stamp: What tells these files from others.
    """

    y: Array
    official: int
    read: Any
    stamp: dict[str, Any]

    @classmethod
    def find(cls, source: Source, folder: Path) -> NMnistRecordings:
        """Find the recordings: one ``.bin`` file each, or the packed file.

        Raises:
            FileProblem: neither is there, or the packed one is not whole.
        """
        if source.present(folder):
            return cls._packed(source.find(folder, _PACKED), source.stamp(folder))
        place = in_folder(source, folder, "n-mnist", ["Train", "Test"])
        found = files_below(place, _NAME, "recording Train/5/00001.bin and its like", source.url)
        # By part and number: the order of MNIST itself.
        found.sort(key=lambda one: (one[1][1] == "Test", int(one[1][3])))
        paths = [path for path, _ in found]
        return cls(
            y=np.array([int(match[2]) for _, match in found]),
            official=sum(match[1] == "Train" for _, match in found),
            read=lambda number: _from_file(paths[number]),
            stamp=dict(stamp_of_files(place, paths)),
        )

    @classmethod
    def _packed(cls, path: Path, stamp: dict[str, Any]) -> NMnistRecordings:
        """The recordings of a packed file."""
        packed = PackedRecordings.read(path, NMnist.sensor)
        y, split = (packed.arrays.get(name) for name in ("label", "split"))
        if y is None or split is None or not y.shape == split.shape == (len(packed),):
            raise FileProblem(f"{path} does not say label and split of each; pack it again.")
        order = np.argsort(split, kind="stable")
        return cls(
            y=y[order].astype(np.int64),
            official=int((split == 0).sum()),
            read=lambda number: packed[int(order[number])],
            stamp=stamp,
        )


def _from_file(path: Path) -> Recording:
    """The recording of one file."""
    return read_recording(path, "bin")


@dataclass(frozen=True, kw_only=True)
class NMnist(EventFrames):
    """Read the recordings as frames of counts; train and test are MNIST's.

    The three saccades of a recording take about 308 ms. Events after the window count in its last
    bin.

    Args:
        published: The packed subset; folders of ``.bin`` files are taken as they are.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        most: The largest legal count.
        outside: What is done with events after the window.
        pool: Pixels to a side that become one.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 2, 34, 34)``.
    Raises:
        FileProblem: no recordings are there, or one is truncated or none.
    Cost:
        About 0.5 ms a recording the first time, 23 kB each in the cache.
    References:
        orchard2015
    Example:
        >>> NMnist().domain.shape
        (10, 2, 34, 34)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="N-MNIST recordings",
        unit="events per pixel and frame",
        licence="CC BY-SA 4.0",
        source=(
            "N-MNIST, MNIST digits on a screen before a moving ATIS event camera, 34x34 pixels "
            "(orchard2015)."
        ),
        # A recording has some 4,100 events: 12 to 120 of them are 0.3 to 3 %.
        radii={
            "linf": (0.02, 0.05, 0.1),
            "l2": (0.75, 1.5, 3.0),
            "l1": (15.0, 40.0, 80.0),
            "l0": (6.0, 15.0, 30.0),
            "counts": (12.0, 40.0, 120.0),
        },
        pinned_parts={
            "recordings of the first 1,000 training and 100 test digits": {
                "all": "9999885fadf843dd3a1ed9312a729509746bcadfcd3ebf57bbddf33d3be530bb",
                "x": "284178486c9b790aa3d4cc1cd728b7537c7fd4f1b57c76ffb0cb4bf6142d60c4",
                "y": "8125bb6b112b0da8ad5eef7c5b75637cebd3f16d97f309d9fbbd2a2d84d84be3",
                "train": "c2693881e9e361dda0c87c95782f0935c4acc95559e407e16ff351fbd7fb44a6",
                "validation": "05d783701b4f26da537e9c92a1949c7b6d4e479b921dbbf55c0aa28694507811",
                "test": "fe40007904810cf23bbedb777afff55d8df5860003af12884b6b5ccf74051336",
            },
        },
        limits=("The camera looked at digits on a screen; nothing else moved before it.",),
        training={
            "model": "cnn-small",
            "width": 8,
            "epochs": 12,
            "batch_size": 32,
            "learning_rate": 0.01,
        },
    )
    sensor: ClassVar[tuple[int, int, int]] = (2, 34, 34)

    published: Source = field(
        default_factory=lambda: Source(
            files={_PACKED: "f11a667f0eb6c1b0188caeff486952824da3e4644e22c6771f024c725a48a322"},
            places=("nmnist", "n-mnist", "N-MNIST", "NMNIST", "."),
            url="https://www.garrickorchard.com/datasets/n-mnist",
            downloads={
                f"{part}.zip": Download(
                    url=f"{_SITE}{identifier}/file_downloaded", digest=digest, unpack=True
                )
                for part, identifier, digest in _ARCHIVES
            },
        )
    )
    timesteps: int = 10
    duration: int = 310_000
    most: int = 15

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        found = NMnistRecordings.find(self.published, folder)
        notes = part_of(len(found.y), 70_000, "recordings")
        return Listed(
            stamp=found.stamp,
            read=lambda: self.stored(found.y, found.official, found.read, notes),
        )
