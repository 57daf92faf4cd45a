"""What is known of each data set without making it: maker, version, licence, source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from spikeproof.data.audio import DigitsAudio
from spikeproof.data.cifar import Cifar10
from spikeproof.data.domain import Domain
from spikeproof.data.events import DigitsEvents
from spikeproof.data.fashion import FashionMnist
from spikeproof.data.files import Published, Source
from spikeproof.data.images import DigitsImages
from spikeproof.data.multimodal import DigitsAV
from spikeproof.data.views import Views

__all__ = ["CATALOGUE", "Entry", "FileEntry", "MadeEntry", "Maker", "Reader"]


class Maker(Protocol):
    """What makes the inputs of a data set from item numbers."""

    @property
    def domain(self) -> Domain | Views:
        """Legal inputs."""

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The inputs of ``items``, ``(N, *shape)``."""


class Reader(Protocol):
    """What reads the items of a data set from files."""

    @property
    def domain(self) -> Domain:
        """Legal inputs, once the stored bytes 0..255 have been divided by 255."""

    @property
    def published(self) -> Source:
        """The files to get where none are there."""

    def __call__(self, folder: Path) -> Published:
        """The items in ``folder``."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the catalogue.

    Args:
        version: Raised whenever any value changes.
        modality: ``"image"``, ``"events"``, ``"audio"`` or ``"audio-visual"``.
        licence: Licence of the data.
        source: Where the data come from.
    """

    version: str
    modality: str
    licence: str
    source: str


@dataclass(frozen=True, kw_only=True)
class MadeEntry(Entry):
    """A data set that is made here.

    Args:
        make: Builds the maker with its standard settings.
    """

    make: Callable[[], Maker]


@dataclass(frozen=True, kw_only=True)
class FileEntry(Entry):
    """A data set that comes as files of the user's.

    Args:
        read: Builds the reader of the published files.
    """

    read: Callable[[], Reader]


_SCANS = (
    "scikit-learn's load_digits, the test part of Optical Recognition of Handwritten Digits, "
    "UCI (alpaydin1998optdigits)"
)
_LICENCE = "CC BY 4.0"

CATALOGUE: Mapping[str, MadeEntry | FileEntry] = {
    "digits": MadeEntry(
        make=DigitsImages,
        version="1",
        modality="image",
        licence=_LICENCE,
        source=f"1797 scans of handwritten digits, 8x8 pixels: {_SCANS}.",
    ),
    "digits-events": MadeEntry(
        make=DigitsEvents,
        version="1",
        modality="events",
        licence=_LICENCE,
        source=(
            "The scans of digits moved by three saccades (orchard2015) before a simulated "
            f"event camera (rebecq2018esim, hu2021v2e); scans: {_SCANS}."
        ),
    ),
    "digits-audio": MadeEntry(
        make=DigitsAudio,
        version="1",
        modality="audio",
        licence=_LICENCE,
        source=(
            "Simulated telephone key tones (ituq23, ituq24) over a noisy line, one for "
            f"each scan of digits, with its label; labels: {_SCANS}."
        ),
    ),
    "digits-av": MadeEntry(
        make=DigitsAV,
        version="1",
        modality="audio-visual",
        licence=_LICENCE,
        source=(
            "Item i pairs scan i of digits with key tone i of digits-audio, the same digit "
            f"(ituq23); scans: {_SCANS}."
        ),
    ),
    "fashion-mnist": FileEntry(
        read=FashionMnist,
        version="1",
        modality="image",
        licence="MIT",
        source=(
            "Fashion-MNIST, 70 000 photographs of clothes in ten classes, 28x28 pixels "
            "(xiao2017fashion), from the four published files."
        ),
    ),
    "cifar10": FileEntry(
        read=Cifar10,
        version="1",
        modality="image",
        licence="none stated; published for research",
        source=(
            "CIFAR-10, 60 000 colour photographs in ten classes, 32x32 pixels (krizhevsky2009), "
            "from the published files."
        ),
    ),
}
