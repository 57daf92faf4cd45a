"""`audiomnist`: 30,000 spoken digits of sixty speakers, tested on speakers of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import check_count
from spikeproof.data.domain import Domain
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, Stored
from spikeproof.data.layouts import (
    files_below,
    fitted,
    in_folder,
    read_wav,
    resampled,
    stamp_of_files,
)

__all__ = ["AudioMnist"]

_NAME = r"(?:data/)?(\d\d)/(\d)_(\d\d)_(\d+)\.wav"
# The first of the five splits that the authors publish; the other 36 speakers are for training.
_VALIDATION = (12, 47, 59, 15, 27, 41, 4, 11, 21, 31, 44, 50)
_TEST = (26, 52, 60, 18, 32, 42, 5, 13, 22, 33, 45, 51)


@dataclass(frozen=True, kw_only=True)
class AudioMnist:
    """Read the spoken digits at 8 kHz, with the first published split: by speakers.

    A clip is published with 48 kHz; it is resampled, and cut to the ``length`` samples with the
    most energy or given zeros on both sides.

    Args:
        published: Where the folder may lie.
        length: Samples of an item at 8 kHz.
    Returns:
        From a call with a folder: what to decode; int16 samples.
    Raises:
        FileProblem: no recordings are there, or one is truncated or of another sampling rate.
    Cost:
        About 2 ms a clip the first time, 480 MB in the cache for all of them.
    References:
        becker2024audiomnist
    Example:
        >>> AudioMnist().domain.shape
        (8000,)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Spoken digits of sixty speakers",
        unit="amplitude, −1 to 1",
        licence="MIT",
        source=(
            "AudioMNIST, 30 000 English digits by sixty speakers (becker2024audiomnist), at 8 kHz; "
            "the first of the published splits by speaker."
        ),
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.03, 0.065, 0.13),
            "l1": (1.0, 2.6, 5.2),
            "l0": (20.0, 40.0, 80.0),
        },
        training={
            "model": "tcn-small",
            "width": 32,
            "epochs": 4,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=8000,
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("audiomnist", "AudioMNIST", "AudioMNIST-master"),
            url="https://github.com/soerenab/AudioMNIST",
        )
    )
    length: int = 8000

    def __post_init__(self) -> None:
        check_count(self, "length")

    @property
    def domain(self) -> Domain:
        """Legal waveforms."""
        return Domain(kind="audio", shape=(self.length,), low=-1.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, "audiomnist")
        found = files_below(place, _NAME, "recording data/01/0_01_0.wav and its like")
        part = np.array([_part(int(match[3])) for _, match in found])
        order = np.argsort(part, kind="stable")

        def items() -> Iterator[np.ndarray[Any, Any]]:
            for number in order:
                sound = resampled(read_wav(found[number][0], rate_hz=48000), 8000)
                yield fitted(sound.samples, self.length)

        def read() -> Stored:
            return Stored(
                y=np.array([int(found[number][1][2]) for number in order]),
                official=int((part < 2).sum()),
                shape=(self.length,),
                dtype=np.int16,
                items=items(),
                notes=part_of(len(found), 30_000, "clips"),
                validation=int((part == 1).sum()),
            )

        return Listed(stamp=stamp_of_files(place, [path for path, _ in found]), read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Samples as values in [-1, 1)."""
        return stored.to(torch.float32).div_(32768)


def _part(speaker: int) -> int:
    """0, 1 or 2 for a speaker of training, validation or test."""
    return 2 if speaker in _TEST else 1 if speaker in _VALIDATION else 0
