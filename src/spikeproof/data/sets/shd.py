"""`shd`: the Spiking Heidelberg Digits, spoken digits as spikes of 700 cochlear channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import SettingError, check_count
from spikeproof.data.domain import Domain
from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Download, Listed, Source, StoredItems, stamp
from spikeproof.data.layouts import in_folder
from spikeproof.data.streams import (
    Binning,
    Recording,
    ShdFile,
    SpikeFile,
    WrittenBack,
    write_back,
)

__all__ = ["Shd", "hdf5_source"]

Array = np.ndarray[Any, Any]
_SITE = "https://zenkelab.org/datasets/"
# What is published of the archives of both sets, md5.
_ARCHIVES = {
    "shd_train.h5": "f3252aeb598ac776c1b526422d90eecb",
    "shd_test.h5": "1503a5064faa34311c398fb0a1ed0a6f",
    "ssc_train.h5": "d102be95e7144fcc0553d1f45ba94170",
    "ssc_valid.h5": "b4eee3516a4a90dd0c71a6ac23a8ae43",
    "ssc_test.h5": "a35ff1e9cffdd02a20eb850c17c37748",
}


@dataclass(frozen=True, kw_only=True)
class Shd:
    """Read the spikes of ``shd_train.h5`` and ``shd_test.h5`` as counts per bin and line.

    Needs h5py. Spikes after the window count in its last bin, those of ``pool`` neighbouring
    channels together.

    Args:
        published: Where the files may lie.
        timesteps: Bins.
        duration: Length of the window, microseconds.
        pool: Channels that become one line.
        most: The largest legal count.
    Returns:
        From a call with a folder: what to decode; uint8 counts ``(T, 700 / pool)``.
    Raises:
        FileProblem: a file is absent, truncated or of another layout.
        SettingError: h5py is not installed, or channels that do not divide.
    Cost:
        About a millisecond a recording the first time, 14 kB each in the cache.
    References:
        cramer2022
    Example:
        >>> Shd().domain.shape
        (100, 140)
    """

    form: ClassVar[type[SpikeFile]] = ShdFile
    parts: ClassVar[tuple[str, ...]] = ("shd_train.h5", "shd_test.h5")
    whole: ClassVar[int] = 10_420
    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=20,
        title="Heidelberg digits",
        unit="spikes per line and step",
        licence="CC BY 4.0",
        source=(
            "Spiking Heidelberg Digits, 10 420 spoken digits in English and German through a model "
            "of the cochlea (cramer2022)."
        ),
        radii={
            "linf": (0.02, 0.05, 0.1),
            "l2": (1.0, 2.0, 4.0),
            "l1": (20.0, 50.0, 100.0),
            "l0": (10.0, 25.0, 50.0),
            "counts": (20.0, 80.0, 200.0),
        },
        training={
            "model": "recurrent",
            "width": 128,
            "epochs": 10,
            "batch_size": 64,
            "learning_rate": 0.002,
        },
    )

    published: Source = field(default_factory=lambda: hdf5_source("shd", Shd.parts))
    timesteps: int = 100
    duration: int = 1_400_000
    pool: int = 5
    most: int = 15

    def __post_init__(self) -> None:
        check_count(self, "pool", "most")
        if self.form.channels % self.pool or self.most > 255:
            raise SettingError(
                f"{type(self).__name__}: pool must divide the {self.form.channels} channels and "
                f"most be at most 255; got {self.pool} and {self.most}."
            )
        _ = self.binning

    @property
    def binning(self) -> Binning:
        """How recordings become counts."""
        return Binning(
            timesteps=self.timesteps,
            duration=self.duration,
            outside="clip",
            most=self.most,
            pool=(1, self.pool),
        )

    @property
    def domain(self) -> Domain:
        """Legal counts."""
        shape = (self.timesteps, self.form.channels // self.pool)
        return Domain(kind="events", shape=shape, high=float(self.most), integer=True)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        place = in_folder(self.published, folder, self.facts.title, self.parts)
        paths = [place / name for name in self.parts]

        def read() -> StoredItems:
            files = [ShdFile(path, sort=True) for path in paths]
            y = np.concatenate([file.y for file in files])
            return StoredItems(
                y=y,
                official=len(y) - len(files[-1]),
                shape=self.domain.shape,
                dtype=np.uint8,
                items=self.counts(files),
                notes=part_of(len(y), self.whole, "recordings"),
                validation=len(files[1]) if len(files) == 3 else None,
            )

        return Listed(stamp={path.name: list(stamp(path)) for path in paths}, read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Counts as numbers."""
        return stored.to(torch.float32)

    def written_back(
        self, recording: Recording, counts: Tensor | Array, *, delete: str = "newest"
    ) -> WrittenBack:
        """Return the recording of all channels that attacked counts stand for.

        Args:
            recording: The original, of the set's file.
            counts: Whole counts of the domain's shape, ``(T, lines)``.
            delete: Which spikes of a cell go first, as of :func:`write_back`.
        Returns:
            What :func:`write_back` does, with blocks of ``pool`` channels and times that the set's
            seconds hold.
        """
        frames = counts.reshape(self.binning.shape(recording.sensor))
        return write_back(recording, frames, self.binning, delete=delete, nearest=self.form.nearest)

    def counts(self, files: Iterable[Iterable[Recording]]) -> Iterator[Array]:
        """The counts of each recording of each file, uint8 of the domain's shape."""
        for file in files:
            for one in file:
                yield self.binning(one).numpy().astype(np.uint8).reshape(self.domain.shape)


def hdf5_source(name: str, parts: tuple[str, ...]) -> Source:
    """Return where the files of a set lie, and where their archives are to be had."""
    return Source(
        files={},
        places=(name, name.upper(), "."),
        url=_SITE,
        downloads={
            f"{part}.zip": Download(url=f"{_SITE}{part}.zip", digest=_ARCHIVES[part], unpack=True)
            for part in parts
        },
    )
