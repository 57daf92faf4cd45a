"""The kinds of input there are, and how the numbers of each are to be read: the one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MODALITIES", "Modality", "together"]


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One kind of input.

    Args:
        item: One item of it.
        title: What a data set of it holds, in the plural.
        unit: What one value is.
        layouts: The orders of axes that an item may have; empty where every shape is legal.
            ``"time"`` is a step of a recording, ``"sample"`` one of a waveform; all
            ``"channel"`` values of a position are one pixel.
        counts: Whether whole numbers are counts of events, which can be lost or come late.
    """

    item: str
    title: str
    unit: str
    layouts: tuple[tuple[str, ...], ...]
    counts: bool = False


MODALITIES: Mapping[str, Modality] = {
    "image": Modality(
        item="an image",
        title="images",
        unit="pixel intensity",
        layouts=(("channel", "height", "width"),),
    ),
    "events": Modality(
        item="an event recording",
        title="event recordings",
        unit="events per place and step",
        # Recordings of a sensor with places, or trains of spikes on named lines.
        layouts=(("time", "channel", "height", "width"), ("time", "line")),
        counts=True,
    ),
    "audio": Modality(item="a sound", title="sounds", unit="amplitude", layouts=(("sample",),)),
    "real": Modality(item="an item", title="numbers", unit="input units", layouts=()),
}
"""Kind of a domain → how its numbers are to be read."""


def together(*kinds: str) -> str:
    """Return what items of one or several kinds are called.

    Example:
        >>> together("image"), together("image", "audio"), together("audio", "real")
        ('image', 'audio-visual', 'audio and real')
    """
    visual, audible = {"image", "events"} & set(kinds), "audio" in kinds
    if visual and audible and set(kinds) == {*visual, "audio"}:
        return "audio-visual"
    return " and ".join(sorted(set(kinds)))
