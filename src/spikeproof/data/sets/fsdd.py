"""`fsdd`: the Free Spoken Digit Dataset, 3,000 spoken digits of six speakers, 8 kHz."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem, check_count
from spikeproof.data.domain import Domain
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, Stored
from spikeproof.data.layouts import (
    PackedSounds,
    files_below,
    fitted,
    in_folder,
    read_wav,
    stamp_of_files,
)

__all__ = ["Fsdd", "SpokenDigits"]

RATE_HZ = 8000
_PACKED = "fsdd.npz"
_OFFICIAL_TEST = 5  # takes 0 to 4 of each speaker and digit
_HOLD_OUT = (
    "The same six speakers are in all three splits, so accuracy says nothing about new speakers."
)
_NAME = r"(?:recordings/)?(\d)_([a-z]+)_(\d+)\.wav"


@dataclass(frozen=True, kw_only=True)
class SpokenDigits:
    """Where each spoken digit of a folder is, who speaks it, and which take it is.

    Args:
        digit: int64 ``(N,)``.
        speaker: Names, ``(N,)``.
        take: int64 ``(N,)``.
        sounds: What returns the samples of a clip.
        stamp: What tells these files from others.
    """

    digit: np.ndarray[Any, Any]
    speaker: np.ndarray[Any, Any]
    take: np.ndarray[Any, Any]
    sounds: Any
    stamp: dict[str, Any]

    @classmethod
    def find(cls, source: Source, folder: Path) -> SpokenDigits:
        """Find the clips: one WAV file each, or the packed file.

        Raises:
            FileProblem: neither is there, or the packed one is not whole.
        """
        if source.present(folder):
            path = source.find(folder, _PACKED)
            return cls._packed(path, source.stamp(folder))
        place = in_folder(source, folder, "fsdd")
        found = files_below(place, _NAME, "recording 7_jackson_0.wav and its like")
        paths = [path for path, _ in found]
        return cls(
            digit=np.array([int(match[1]) for _, match in found]),
            speaker=np.array([match[2] for _, match in found]),
            take=np.array([int(match[3]) for _, match in found]),
            sounds=lambda number: read_wav(paths[number], rate_hz=RATE_HZ).samples,
            stamp=dict(stamp_of_files(place, paths)),
        )

    @classmethod
    def _packed(cls, path: Path, stamp: dict[str, Any]) -> SpokenDigits:
        """The clips of a packed file, in the order of the names that their WAV files have."""
        packed = PackedSounds.read(path, rate_hz=RATE_HZ)
        try:
            label, take, who = (packed.arrays[name] for name in ("label", "index", "speaker"))
            speaker = packed.arrays["speakers"][who]
        except (LookupError, TypeError):
            raise FileProblem(
                f"{path} does not say label, index and speaker of each clip; pack it again."
            ) from None
        names = [f"{d}_{s}_{t}.wav" for d, s, t in zip(label, speaker, take, strict=True)]
        order = sorted(range(len(names)), key=names.__getitem__)
        return cls(
            digit=label[order].astype(np.int64),
            speaker=speaker[order],
            take=take[order].astype(np.int64),
            sounds=lambda number: packed[order[number]],
            stamp=stamp,
        )


@dataclass(frozen=True, kw_only=True)
class Fsdd:
    """Read the spoken digits with the official split: takes 0 to 4 are the test.

    A clip is cut to the ``length`` samples with the most energy, or gets zeros on both sides.

    Args:
        published: The packed file; the WAV files are taken as they are.
        length: Samples of an item; half of the clips are shorter than 3,359.
    Returns:
        From a call with a folder: what to decode; int16 samples.
    Raises:
        FileProblem: no recordings are there, or one is truncated or of another sampling rate.
    Cost:
        About a second the first time, 25 MB in the cache.
    References:
        jackson2018fsdd
    Example:
        >>> Fsdd().domain.shape
        (4096,)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Spoken digits",
        unit="amplitude, −1 to 1",
        licence="CC BY-SA 4.0",
        source=(
            "Free Spoken Digit Dataset, 3 000 English digits by six speakers, 8 kHz "
            "(jackson2018fsdd)."
        ),
        # A fiftieth of the range would drown a quiet clip. l_2 and l_1 in CIFAR-10's proportion.
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.02, 0.045, 0.09),
            "l1": (0.5, 1.3, 2.7),
            "l0": (10.0, 20.0, 40.0),
        },
        limits=(_HOLD_OUT,),
        training={
            "model": "tcn-small",
            "width": 32,
            "epochs": 12,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=RATE_HZ,
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={_PACKED: "74b96782df0f5605e585acefdd6f4e797191a21ce49d90e47314d4a865a64197"},
            places=(
                "fsdd",
                "free-spoken-digit-dataset",
                "free-spoken-digit-dataset-master",
                ".",
            ),
            url="https://github.com/Jakobovski/free-spoken-digit-dataset",
        )
    )
    length: int = 4096

    def __post_init__(self) -> None:
        check_count(self, "length")

    @property
    def domain(self) -> Domain:
        """Legal waveforms."""
        return Domain(kind="audio", shape=(self.length,), low=-1.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        clips = SpokenDigits.find(self.published, folder)
        test = self.is_test(clips)
        order = np.argsort(test, kind="stable")  # training clips first

        def items() -> Iterator[np.ndarray[Any, Any]]:
            for number in order:
                yield fitted(clips.sounds(int(number)), self.length)

        def read() -> Stored:
            return Stored(
                y=clips.digit[order],
                official=int((~test).sum()),
                shape=(self.length,),
                dtype=np.int16,
                items=items(),
                notes=part_of(len(order), 3000, "clips"),
            )

        return Listed(stamp=clips.stamp, read=read)

    def is_test(self, clips: SpokenDigits) -> np.ndarray[Any, Any]:
        """Which clips are test items, bool ``(N,)``."""
        return clips.take < _OFFICIAL_TEST

    def values(self, stored: Tensor) -> Tensor:
        """Samples as values in [-1, 1)."""
        return stored.to(torch.float32).div_(32768)
