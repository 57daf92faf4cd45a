"""What is known of each data set without making it: maker, version, licence, source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from spikeproof.data.audio import DigitsAudio
from spikeproof.data.events import DigitsEvents
from spikeproof.data.images import DigitsImages
from spikeproof.data.multimodal import DigitsAV
from spikeproof.data.spec import Domain, Views

__all__ = ["CATALOGUE", "Entry", "Maker"]


class Maker(Protocol):
    """What makes the inputs of a data set from item numbers."""

    @property
    def domain(self) -> Domain | Views:
        """Legal inputs."""

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The inputs of ``items``, ``(N, *shape)``."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the catalogue.

    Args:
        make: Builds the maker with its standard settings.
        version: Raised whenever any value changes.
        modality: ``"image"``, ``"events"``, ``"audio"`` or ``"audio-visual"``.
        licence: Licence of the data.
        source: Where the data come from.
    """

    make: Callable[[], Maker]
    version: str
    modality: str
    licence: str
    source: str


_SCANS = (
    "scikit-learn's load_digits, the test part of Optical Recognition of Handwritten Digits, "
    "UCI (alpaydin1998optdigits)"
)
_LICENCE = "CC BY 4.0"

CATALOGUE: Mapping[str, Entry] = {
    "digits": Entry(
        make=DigitsImages,
        version="1",
        modality="image",
        licence=_LICENCE,
        source=f"1797 scans of handwritten digits, 8x8 pixels: {_SCANS}.",
    ),
    "digits-events": Entry(
        make=DigitsEvents,
        version="1",
        modality="events",
        licence=_LICENCE,
        source=(
            "The scans of digits moved by three saccades (orchard2015) before a simulated "
            f"event camera (rebecq2018esim, hu2021v2e); scans: {_SCANS}."
        ),
    ),
    "digits-audio": Entry(
        make=DigitsAudio,
        version="1",
        modality="audio",
        licence=_LICENCE,
        source=(
            "Simulated telephone key tones (ituq23, ituq24) over a noisy line, one for "
            f"each scan of digits, with its label; labels: {_SCANS}."
        ),
    ),
    "digits-av": Entry(
        make=DigitsAV,
        version="1",
        modality="audio-visual",
        licence=_LICENCE,
        source=(
            "Item i pairs scan i of digits with key tone i of digits-audio, the same digit "
            f"(ituq23); scans: {_SCANS}."
        ),
    ),
}
