"""The gallery: what attacks changed, to see and to hear."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spikeproof.report.colours import SOUND, painted
from spikeproof.report.labels import measure, number, threat_title
from spikeproof.report.pictures import (
    data_uri,
    difference,
    event_gif,
    event_still,
    image_of,
    png,
)
from spikeproof.report.sound import snr_db, spectrogram, wav

__all__ = [
    "LOUDNESS_DB",
    "SHOWN",
    "GalleryItem",
    "GalleryView",
    "Panel",
    "ViewSlice",
    "chosen",
    "gallery_item",
]

_PLAYED_HZ = 8000  # a sound whose rate nobody recorded
LOUDNESS_DB = (-90.0, -10.0)  # the ends of every spectrogram's colours, dB of full scale


@dataclass(frozen=True, kw_only=True)
class ViewSlice:
    """Where one view lies in a stored item.

    Args:
        kind: ``"image"``, ``"events"`` or ``"audio"``.
        shape: Its own shape.
        start: Its first place in the flat item.
        rate_hz: Samples per second of sound; None where nobody knows.
        low: Smallest legal value.
        high: Largest legal value.
    """

    kind: str
    shape: tuple[int, ...]
    start: int = 0
    rate_hz: int | None = None
    low: float = 0.0
    high: float = 1.0

    def cut(self, x: np.ndarray) -> np.ndarray:
        """This view of an item."""
        flat = np.asarray(x, dtype=float).reshape(-1)
        return flat[self.start : self.start + int(np.prod(self.shape))].reshape(self.shape)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture, and a sound where there is one; data URIs."""

    name: str
    image: str
    alt: str
    sound: str = ""


@dataclass(frozen=True, kw_only=True)
class GalleryView:
    """One view of an attacked item: three panels, or one film with three parts, and words."""

    kind: str
    panels: list[Panel]
    words: str
    film: bool = False
    still: str = ""
    counts: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GalleryItem:
    """One attacked item."""

    training: str
    threat: str
    radius: str
    y: int
    predicted: int
    predicted_adv: int
    views: list[GalleryView]


def chosen(items: Iterable[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """Return at most ``most`` items that show as many threats and trainings as possible."""
    piles: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for item in items:
        threat, training = str(item["threat"]), str(item["training"])
        piles.setdefault(threat, {}).setdefault(training, []).append(item)
    out: list[Mapping[str, Any]] = []
    turn = 0
    while len(out) < most and any(piles.values()):
        for place, mine in enumerate(piles.values()):
            if mine and len(out) < most:
                training = list(mine)[(turn + place) % len(mine)]
                out.append(mine[training].pop(0))
                if not mine[training]:
                    del mine[training]
        turn += 1
    return out


def gallery_item(item: Mapping[str, Any], parts: Sequence[ViewSlice]) -> GalleryItem:
    """Return everything the page shows of one attacked item.

    Args:
        item: A member of ``Results.gallery``.
        parts: The views of the data set, in order.
    """
    views = [SHOWN[part.kind](part, part.cut(item["x"]), part.cut(item["x_adv"])) for part in parts]
    threat = str(item["threat"])
    return GalleryItem(
        training=str(item["training"]),
        threat=threat_title(threat),
        radius=f"{number(float(item['radius']))} ({measure(threat)})",
        y=int(item["y"]),
        predicted=int(item["predicted"]),
        predicted_adv=int(item["predicted_adv"]),
        views=views,
    )


def _picture(pixels: np.ndarray, zoom: int) -> str:
    """Pixels as a PNG in a data URI."""
    return data_uri(png(pixels, zoom), "image/png")


def _scans(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray) -> GalleryView:
    """Clean, adversarial, difference of an image."""
    zoom = max(1, 160 // x.shape[-1])
    largest, touched = float(np.abs(x_adv - x).max()), int((np.abs(x_adv - x) > 1e-7).any(0).sum())
    low, width = part.low, part.high - part.low
    span = width * (0.25 if largest <= 0.25 * width else 1.0)
    clean, attacked = (image_of((values - low) / width) for values in (x, x_adv))
    panels = [
        Panel(name="clean", image=_picture(clean, zoom), alt="The clean image."),
        Panel(name="adversarial", image=_picture(attacked, zoom), alt="The attacked image."),
        Panel(
            name="difference",
            image=_picture(difference(x, x_adv, span), zoom),
            alt="What the attack changed.",
        ),
    ]
    words = (
        f"Images on the fixed scale {number(low)} to {number(part.high)}; the difference from "
        f"−{span:g} (orange) over 0 (white) to +{span:g} (blue). {touched} of {x[0].size} pixels "
        f"changed, at most by {number(largest)}."
    )
    return GalleryView(kind="image", panels=panels, words=words)


def _events(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray) -> GalleryView:
    """A film of clean events, adversarial events and the difference."""
    if x.ndim == 2:  # spikes on lines, drawn side by side
        x, x_adv = x[:, None, None], x_adv[:, None, None]
    zoom = max(1, 144 // x.shape[-1])
    change = x_adv - x
    added, removed = float(change.clip(0).sum()), float((-change).clip(0).sum())
    film = data_uri(event_gif(x, x_adv, zoom=zoom), "image/gif")
    still = data_uri(event_still(x, x_adv, zoom=zoom), "image/png")
    words = (
        f"{number(float(x.sum()), 4)} events in the clean recording, "
        f"{number(float(x_adv.sum()), 4)} in the adversarial one: {number(added, 4)} added, "
        f"{number(removed, 4)} removed, over {len(x)} frames."
    )
    counts = [(float(a.sum()), float(b.sum())) for a, b in zip(x, x_adv, strict=True)]
    panel = Panel(name="film", image=film, alt=f"Clean, adversarial and changed events. {words}")
    return GalleryView(
        kind="events", panels=[panel], words=words, film=True, still=still, counts=counts
    )


def _sounds(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray) -> GalleryView:
    """Clean, adversarial, difference of a sound: spectrograms and players."""
    rate, full = part.rate_hz or _PLAYED_HZ, max(abs(part.low), abs(part.high))
    largest = number(float(np.abs(x_adv - x).max()))
    x, x_adv = x / full, x_adv / full
    gain = _gain(x_adv - x)
    sounds = [
        ("clean", x, x),
        ("adversarial", x_adv, x_adv),
        (f"difference ×{gain}", x_adv - x, gain * (x_adv - x)),
    ]
    panels = []
    for name, seen, samples in sounds:
        uri = data_uri(wav(samples, rate), "audio/wav")
        alt = f"Spectrogram: {name.split(' ')[0]} sound."
        panels.append(Panel(name=name, image=_spectrum(seen), alt=alt, sound=uri))
    axes = f"{len(x) / rate:.2g} s (left to right) up to {rate / 2000:g} kHz (bottom to top)"
    if part.rate_hz is None:
        axes = (
            f"{len(x)} samples (left to right) up to half the sampling rate (bottom to top), which "
            f"is not known here and played as {rate / 1000:g} kHz"
        )
    words = (
        f"Spectrograms of {axes}, colours from {number(LOUDNESS_DB[0])} to "
        f"{number(LOUDNESS_DB[1])} dB of full scale. Signal-to-noise ratio "
        f"{number(snr_db(x, x_adv))} dB, largest change {largest}."
    )
    return GalleryView(kind="audio", panels=panels, words=words)


def _gain(change: np.ndarray) -> int:
    """The power of two that makes a change audible without clipping it."""
    largest = float(np.abs(change).max())
    return 1 if largest == 0 else int(2 ** max(0, np.floor(np.log2(0.9 / largest))))


def _spectrum(samples: np.ndarray) -> str:
    """A spectrogram as a PNG in a data URI, low frequencies at the bottom."""
    low, high = LOUDNESS_DB
    levels = spectrogram(samples, hop=8)[::-1]
    pixels = painted((levels - low) / (high - low), SOUND)
    return _picture(pixels, max(1, 160 // pixels.shape[0]))


SHOWN: Mapping[str, Callable[[ViewSlice, np.ndarray, np.ndarray], GalleryView]] = {
    "audio": _sounds,
    "events": _events,
    "image": _scans,
}
"""Kind of input → how it is shown."""
