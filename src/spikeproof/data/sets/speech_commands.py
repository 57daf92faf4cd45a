"""`speech-commands`: one-second commands of 35 words, 16 kHz, with the published lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem, check_count, read_text
from spikeproof.data.domain import Domain
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Listed, Source, Stored
from spikeproof.data.layouts import files_below, fitted, in_folder, read_wav, stamp_of_files

__all__ = ["WORDS", "SpeechCommands"]

WORDS = (
    "backward", "bed", "bird", "cat", "dog", "down", "eight", "five", "follow", "forward", "four",
    "go", "happy", "house", "learn", "left", "marvin", "nine", "no", "off", "on", "one", "right",
    "seven", "sheila", "six", "stop", "three", "tree", "two", "up", "visual", "wow", "yes", "zero",
)  # fmt: skip
"""The word of each class."""
_LISTS = ("validation_list.txt", "testing_list.txt")
_ARCHIVE = "speech_commands_v0.02.tar.gz"


@dataclass(frozen=True, kw_only=True)
class SpeechCommands:
    """Read version 0.02: a folder for each word; the two published lists say which split is whose.

    The lists go by speaker: nobody is in two splits. What is in neither list is for training.
    Folders of other names, ``_background_noise_`` among them, are left alone.

    Args:
        published: Where the folder may lie.
        length: Samples of an item.
    Returns:
        From a call with a folder: what to decode; int16 samples.
    Raises:
        FileProblem: no recordings or lists are there, a list names a file that is not there, or a
            recording is truncated or of another sampling rate.
    Cost:
        About 0.3 ms a clip the first time, 3.4 GB in the cache for all of them.
    References:
        warden2018
    Example:
        >>> SpeechCommands().domain.shape, len(WORDS)
        ((16000,), 35)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=len(WORDS),
        title="Speech commands",
        unit="amplitude, −1 to 1",
        licence="CC BY 4.0",
        source=(
            "Speech Commands 0.02, 105 829 commands of 35 words, one second at 16 kHz (warden2018)."
        ),
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.035, 0.09, 0.18),
            "l1": (2.0, 5.2, 10.4),
            "l0": (40.0, 80.0, 160.0),
        },
        training={
            "model": "tcn-small",
            "width": 32,
            "epochs": 4,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=16000,
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("speech-commands", "speech_commands_v0.02", "SpeechCommands"),
            url=f"http://download.tensorflow.org/data/{_ARCHIVE}",
            downloads={
                _ARCHIVE: Download(
                    url=f"http://download.tensorflow.org/data/{_ARCHIVE}",
                    digest="af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
                    unpack=True,
                )
            },
        )
    )
    length: int = 16000

    def __post_init__(self) -> None:
        check_count(self, "length")

    @property
    def domain(self) -> Domain:
        """Legal waveforms."""
        return Domain(kind="audio", shape=(self.length,), low=-1.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, "speech-commands", _LISTS)
        named = f"({'|'.join(WORDS)})/[^/]+\\.wav"
        found = files_below(place, named, "recording yes/0a7c2a8d_nohash_0.wav and its like")
        paths = [path for path, _ in found]
        part = _parts(place, [path.relative_to(place).as_posix() for path in paths])
        order = np.argsort(part, kind="stable")

        def items() -> Iterator[np.ndarray[Any, Any]]:
            for number in order:
                yield fitted(read_wav(paths[number], rate_hz=16000).samples, self.length)

        def read() -> Stored:
            return Stored(
                y=np.array([WORDS.index(found[number][1][1]) for number in order]),
                official=int((part < 2).sum()),
                shape=(self.length,),
                dtype=np.int16,
                items=items(),
                notes=part_of(len(found), 105_829, "clips"),
                validation=int((part == 1).sum()),
            )

        lists = [place / name for name in _LISTS]
        return Listed(stamp=stamp_of_files(place, [*paths, *lists]), read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Samples as values in [-1, 1)."""
        return stored.to(torch.float32).div_(32768)


def _parts(place: Path, names: list[str]) -> np.ndarray[Any, Any]:
    """0, 1 or 2 for each clip of training, validation or test."""
    where = {name: number for number, name in enumerate(names)}
    part = np.zeros(len(names), np.int64)
    for number, name in enumerate(_LISTS, start=1):
        for line in read_text(place / name, "list of clips").split():
            if line not in where or part[where[line]]:
                why = "is in both lists" if line in where else "is not there"
                raise FileProblem(
                    f"{place / name} names {line[:80]!r}, which {why}; unpack {_ARCHIVE} again."
                )
            part[where[line]] = number
    return part
