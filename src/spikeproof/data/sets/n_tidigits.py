"""`n-tidigits`: single spoken digits before a silicon cochlea of 64 channels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from spikeproof.base import FileProblem
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, StoredItems, stamp
from spikeproof.data.layouts import in_folder
from spikeproof.data.sets.shd import Shd
from spikeproof.data.streams import NTidigitsFile, Recording, SpikeFile

__all__ = ["WORDS", "NTidigits"]

WORDS = "z123456789o"
"""What the last part of a name calls each class: zero is z, and oh, which is also 0, is o."""
_FILE = "n-tidigits.hdf5"
# man-im-a-7557: who speaks, by sex and initials, which take, and the digits that are said.
_NAME = re.compile(rf"[a-z]+-[a-z0-9]+-[a-z0-9]+-([{WORDS}]+)")


@dataclass(frozen=True, kw_only=True)
class NTidigits(Shd):
    """Read the recordings of one digit in ``n-tidigits.hdf5`` as counts per bin and channel.

    Needs h5py. Recordings of several digits are left out. Spikes after the window count in its
    last bin, those of ``pool`` neighbouring channels together.

    Args:
        published: Where the file may lie.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        pool: Channels that become one line.
        most: The largest legal count.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 64 / pool)``.
    Raises:
        FileProblem: the file is absent, truncated or of another layout, its names do not say what
            is said, or a part of it holds no single digit.
        SettingError: h5py is not installed, or channels that do not divide.
    Cost:
        About a millisecond a recording the first time, 6 kB each in the cache.
    References:
        anumula2018
    Example:
        >>> NTidigits().domain.shape
        (100, 64)
    """

    form: ClassVar[type[SpikeFile]] = NTidigitsFile
    parts: ClassVar[tuple[str, ...]] = (_FILE,)
    whole: ClassVar[int] = 4_950
    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=11,
        title="N-TIDIGITS digits",
        unit="spikes per channel and step",
        licence="none stated; published for research",
        source=(
            "N-TIDIGITS18, single digits of TIDIGITS played to a CochleaAMS1b, the channels of "
            "one ear (anumula2018)."
        ),
        radii={
            "linf": (0.02, 0.05, 0.1),
            "l2": (1.0, 2.0, 4.0),
            "l1": (20.0, 50.0, 100.0),
            "l0": (10.0, 25.0, 50.0),
            "counts": (20.0, 80.0, 200.0),
        },
        limits=(
            "Speakers of the test are heard nowhere else; those of validation are in training too.",
        ),
        training=Shd.facts.training,
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={},
            places=("n-tidigits", "NTIDIGITS", "N-TIDIGITS", "NTIDIGITS18", "."),
            url="https://docs.google.com/document/d/1Uxe7GsKKXcy6SlDUX4hoJVAC0-UkH-8kr5UXp0Ndi1M",
        )
    )
    timesteps: int = 100
    duration: int = 1_500_000
    pool: int = 1

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        path = in_folder(self.published, folder, self.facts.title, self.parts) / _FILE

        def read() -> StoredItems:
            files = [NTidigitsFile(path, part, sort=True) for part in ("train", "test")]
            chosen = [_single(file) for file in files]
            y = np.array([label for part in chosen for _, label in part], dtype=np.int64)
            return StoredItems(
                y=y,
                official=len(chosen[0]),
                shape=self.domain.shape,
                dtype=np.uint8,
                items=self.counts(map(_recordings, files, chosen)),
                notes=part_of(len(y), self.whole, "single digits"),
            )

        return Listed(stamp={_FILE: list(stamp(path))}, read=read)


def _single(file: NTidigitsFile) -> list[tuple[int, int]]:
    """Where the recordings of one digit are, each with its class."""
    found = []
    for item, name in enumerate(file.names):
        match = _NAME.fullmatch(name)
        if match is None:
            raise FileProblem(
                f"{file.path} is no whole N-TIDIGITS file: it holds a {file.part} recording of the "
                f"name {name[:40]!r}, expected is one such as 'man-im-a-7557'; get it again."
            )
        if len(match[1]) == 1:
            found.append((item, WORDS.index(match[1])))
    if not found:
        raise FileProblem(
            f"{file.path} has no {file.part} recording of a single digit, such as 'man-im-a-7', "
            f"among its {len(file)}; get the whole file again."
        )
    return found


def _recordings(file: NTidigitsFile, chosen: list[tuple[int, int]]) -> Iterator[Recording]:
    """Some recordings of a file."""
    return (file[item] for item, _ in chosen)
