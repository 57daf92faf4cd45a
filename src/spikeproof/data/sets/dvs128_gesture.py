"""`dvs128-gesture`: eleven gestures before a DVS128 camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spikeproof.base import FileProblem, read_text
from spikeproof.data.event_sets import EventFrames, part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source
from spikeproof.data.layouts import PackedRecordings, in_folder, stamp_of_files
from spikeproof.data.streams import Recording, read_intervals, read_recording

__all__ = ["Dvs128Gesture"]

Array = np.ndarray[Any, Any]
_PACKED = "dvs128gesture_clips.npz"
_TRIALS = ("trials_to_train.txt", "trials_to_test.txt")
_CLASSES = 11


@dataclass(frozen=True, kw_only=True)
class Dvs128Gesture(EventFrames):
    """Read the gestures of the recordings that ``trials_to_train.txt`` and its like name.

    A gesture is what its ``_labels.csv`` says, from its begin for as long as the window. Squares of
    ``pool`` pixels count together. Where only the packed clips are there, ten without a published
    split, all of them are test items.

    Args:
        published: The packed clips; the published folder is taken as it is.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        most: The largest legal count.
        outside: What is done with events after the window.
        pool: Pixels to a side that become one.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 2, H, W)``.
    Raises:
        FileProblem: a recording or table is absent, truncated or none.
    Cost:
        About 20 ms a gesture the first time, 33 kB each in the cache.
    References:
        amir2017
    Example:
        >>> Dvs128Gesture().domain.shape
        (16, 2, 32, 32)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=_CLASSES,
        title="Gestures",
        unit="events per square and frame",
        licence="CC BY 4.0",
        source="DVS128 Gesture, 1 342 gestures of 29 people before a DVS128 camera (amir2017).",
        radii={
            "linf": (0.05, 0.1, 0.2),
            "l2": (2.0, 4.0, 8.0),
            "l1": (50.0, 150.0, 500.0),
            "l0": (10.0, 30.0, 60.0),
            "counts": (50.0, 200.0, 800.0),
        },
        pinned_parts={
            "ten packed clips, one of each class but the last": {
                "all": "effc21bb90429fb9bbf3d06178dd1e86eda5cebff2e8a3d0099af74bb5bb8df8",
                "x": "39cf667270c99ed4fe7e2c474e022d3c2e98a12534d7b4959350b0f0a6ff23db",
                "y": "66cdfc65e9f03393c8c0befd98b1c9a447d842adde001f27f8451fe00620259a",
                "train": "dddf7b47ea1c3863067978eeed63012aa8c70e98a9bbcab8db07e22ffce55613",
                "validation": "0093caf934f5fd5ac341e15a3b1212edc5630bd949e03e0a84e613a25140b1d1",
                "test": "eba2f74a8b59d3f113caea2d0ab40cd5d65f88d9aa7f26cf5273e9db67ca6709",
            },
        },
        limits=(
            "Ten packed clips are no test set: they show formats and attacks, and no accuracy.",
        ),
        training={
            "model": "cnn-small",
            "width": 16,
            "epochs": 15,
            "batch_size": 16,
            "learning_rate": 0.005,
        },
    )
    sensor: ClassVar[tuple[int, int, int]] = (2, 128, 128)

    published: Source = field(
        default_factory=lambda: Source(
            files={_PACKED: "bbdae5d34609280ba5176391caf3ab25126a0862a4bd6b3e4b9395470069165e"},
            places=("dvs128gesture", "DvsGesture", "DVSGesture", "."),
            url="https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8",
        )
    )
    timesteps: int = 16
    duration: int = 1_450_000
    most: int = 255
    outside: str = "drop"
    pool: int = 4

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        if self.published.present(folder):
            return self._clips(folder)
        place = in_folder(self.published, folder, "dvs128-gesture", _TRIALS)
        named = [_named(place / name) for name in _TRIALS]
        paths = [place / name for part in named for name in part]
        tables = [_table(path) for path in paths]
        found = [(path, row) for path, table in zip(paths, tables, strict=True) for row in table]
        official = sum(map(len, tables[: len(named[0])]))
        stamp = stamp_of_files(place, [*paths, *map(_beside, paths)])
        reading = _reading()

        def gesture(number: int) -> Recording:
            path, (_, begin, _) = found[number]
            return _begun(reading(path), int(begin), self.duration, path)

        return Listed(
            stamp=stamp,
            read=lambda: self.stored(
                np.array([int(row[0]) - 1 for _, row in found]),
                official,
                gesture,
                part_of(len(found), 1342, "gestures"),
            ),
        )

    def _clips(self, folder: Path) -> Listed:
        """The packed clips."""
        path = self.published.find(folder, _PACKED)
        packed = PackedRecordings.read(path, self.sensor)
        y = packed.arrays.get("label_inferred")
        if y is None or y.shape != (len(packed),):
            raise FileProblem(f"{path} does not say the label of each clip; pack it again.")
        notes = (*part_of(len(packed), 1342, "gestures"),
                 "The labels of the packed clips were inferred from their order.")  # fmt: skip
        return Listed(
            stamp=self.published.stamp(folder),
            read=lambda: self.stored(y.astype(np.int64), 0, packed.__getitem__, notes),
        )


def _reading() -> Callable[[Path], Recording]:
    """What reads a file and keeps the last, whose gestures follow each other."""
    return lru_cache(maxsize=1)(lambda path: read_recording(path, "aedat3"))


def _begun(recording: Recording, begin: int, duration: int, path: Path) -> Recording:
    """A gesture with its times counted from its begin."""
    found = recording.window(begin, begin + duration, rebase=True)
    if not len(found):
        raise FileProblem(
            f"{path} has no events from {begin} us on, where its table has a gesture."
        )
    return found


def _named(path: Path) -> list[str]:
    """The recordings that a list of trials names."""
    names = read_text(path, "list of recordings").split()
    for name in names:
        if "/" in name or not name.endswith(".aedat"):
            raise FileProblem(f"{path} names {name[:80]!r}, which is no recording beside it.")
    return names


def _beside(path: Path) -> Path:
    """The table of a recording."""
    return path.with_name(f"{path.stem}_labels.csv")


def _table(path: Path) -> Array:
    """Class, begin and end of each gesture of a recording."""
    if not path.is_file():
        raise FileProblem(f"There is no {path}, which the list of trials names; unpack it again.")
    table = read_intervals(_beside(path))
    if ((table[:, 0] < 1) | (table[:, 0] > _CLASSES)).any():
        raise FileProblem(
            f"{_beside(path)} names a class outside 1 to {_CLASSES}; unpack it again."
        )
    return table
