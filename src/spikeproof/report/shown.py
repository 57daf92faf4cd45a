"""One view of an item as pictures and sounds: images, events and recordings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from spikeproof.data import Domain
from spikeproof.metrics import step_mass
from spikeproof.report.colours import DIVERGING, SOUND, hexed, painted
from spikeproof.report.labels import number
from spikeproof.report.pictures import (
    EVENT_COLOURS,
    NIGHT,
    data_uri,
    difference,
    event_change,
    event_overlay,
    events_of,
    filmstrip,
    image_of,
    png,
    raster_of,
)
from spikeproof.report.sound import snr_db, spectrogram, wav

__all__ = [
    "CHANGE_DB",
    "LOUDNESS_DB",
    "SHOWN",
    "ColourScale",
    "Panel",
    "Shown",
    "ViewSlice",
    "view_slices",
]

_PLAYED_HZ = 8000  # a sound whose rate nobody recorded
LOUDNESS_DB = (-90.0, -10.0)  # the ends of every spectrogram's colours, dB of full scale
CHANGE_DB = 30.0  # the difference of two spectrograms in full colour


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


def view_slices(domains: Iterable[Domain], rate_hz: int | None) -> list[ViewSlice] | None:
    """Return where each view lies in an item; None where an item cannot be shown.

    Args:
        domains: The views, in order.
        rate_hz: Samples per second of sound, where it is known.
    """
    out, start = [], 0
    for domain in domains:
        if domain.kind not in SHOWN or not math.isfinite(domain.high - domain.low):
            return None
        rate = rate_hz if domain.kind == "audio" else None
        part = ViewSlice(kind=domain.kind, shape=domain.shape, start=start, rate_hz=rate)
        out.append(replace(part, low=domain.low, high=domain.high))
        start += domain.size
    return out or None


@dataclass(frozen=True, kw_only=True)
class ColourScale:
    """What colours mean, from one end to the other."""

    name: str
    low: str
    high: str
    colours: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A picture, a film of ``frames`` side by side with a still, or a spectrogram with a sound."""

    name: str
    pixels: np.ndarray
    alt: str
    frames: int = 1
    still: np.ndarray | None = None
    sound: str = ""
    smooth: bool = False
    raster: bool = False

    @property
    def image(self) -> str:
        """The picture as a data URI."""
        return data_uri(png(self.pixels), "image/png")

    @property
    def still_image(self) -> str:
        """The still of a film as a data URI."""
        return "" if self.still is None else data_uri(png(self.still), "image/png")

    @property
    def at_rest(self) -> np.ndarray:
        """What paper shows."""
        return self.pixels if self.still is None else self.still


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One view: pictures, words, and what the colours mean."""

    kind: str
    panels: list[Panel]
    words: str
    scales: list[ColourScale] = field(default_factory=list)


def _scans(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray | None, full: float) -> Shown:
    """An image, clean or attacked with what changed; ``full`` is the change in full colour."""
    low, width = part.low, part.high - part.low
    if x_adv is None:
        grey = ("#000000", "#ffffff")
        scale = ColourScale(name="image", low=number(low), high=number(part.high), colours=grey)
        clean = Panel(name="clean", pixels=image_of((x - low) / width), alt="The clean image.")
        return Shown(kind="image", panels=[clean], words="", scales=[scale])
    change = np.abs(x_adv - x)
    touched = int((change > 1e-7).any(0).sum())
    panels = [
        Panel(name="adversarial", pixels=image_of((x_adv - low) / width), alt="Attacked image."),
        Panel(name="change", pixels=difference(x, x_adv, full), alt="What the attack changed."),
    ]
    words = f"{touched} of {x[0].size} pixels changed, at most by {number(float(change.max()))}"
    return Shown(kind="image", panels=panels, words=words)


def _events(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray | None, full: float) -> Shown:
    """Films and rasters of events, and what was added and removed; ``full`` has full colour."""
    total = float(x.sum())
    if x_adv is None:
        words = f"{number(total, 4)} events in {len(x)} frames{_rows(x)}"
        panels = [_raster("raster", raster_of(x), None, "Clean")]
        if x.ndim == 4:
            sums = float(x.sum(0).max()) or 1.0
            panels.insert(0, _film("clean", events_of(x, full), events_of(x.sum(0), sums), "Clean"))
            words += f"; at rest, frames are added up and full colour is {number(sums)} per pixel"
        return Shown(kind="events", panels=panels, words=words, scales=_event_scales(full))
    change = x_adv - x
    added, removed = float(change.clip(0).sum()), float((-change).clip(0).sum())
    panels = [*_films(x, x_adv, full), *_rasters(x, x_adv)]
    words = f"{number(added)} events added, {number(removed)} removed, of {number(total, 4)}"
    words += f"; at most {number(float(np.abs(change).max()))} per pixel and frame"
    words += f"; {number(100 * step_mass(x, x_adv)[2], 2)} % of the events change their frame"
    return Shown(kind="events", panels=panels, words=words)


def _films(x: np.ndarray, x_adv: np.ndarray, full: float) -> list[Panel]:
    """The attacked recording and what changed of it, as films; none of spikes on lines."""
    if x.ndim == 2:
        return []
    sums = float(x.sum(0).max()) or 1.0
    attacked = events_of(x_adv, full), events_of(x_adv.sum(0), sums)
    changed = event_overlay(x, x_adv, full), event_change(x.sum(0), x_adv.sum(0), sums)
    return [_film("adversarial", *attacked, "Attacked"), _film("change", *changed, "Changed")]


def _rasters(x: np.ndarray, x_adv: np.ndarray) -> list[Panel]:
    """The attacked recording by place and time, alone and over the clean one."""
    near, far = raster_of(x), raster_of(x_adv)
    plain = _raster("raster", far, None, "Attacked")
    return [plain, _raster("raster, change", near, far, "Changed")]


def _raster(name: str, x: np.ndarray, x_adv: np.ndarray | None, what: str) -> Panel:
    """Events by place and time; counts and changes each on a scale up to their largest."""
    top = float(x.max()) or 1.0
    if x_adv is None:
        pixels = events_of(x[None], top)
    else:
        # One event more among the many of a row would be too faint on the scale of the row.
        most = float(np.abs(x_adv - x).max()) or 1.0
        pixels = event_overlay(x[None], x_adv[None], top, most)
    alt = f"{what} events by place and, to the right, time."
    return Panel(name=name, pixels=pixels, alt=alt, raster=True)


def _rows(x: np.ndarray) -> str:
    """What a row of the raster is."""
    if x.ndim == 4:
        return "; rasters: rows of the sensor as in the film, time to the right"
    group = -(-x.shape[1] // raster_of(x).shape[0])
    several = f" in groups of {group}" if group > 1 else ""
    return f"; rasters: {x.shape[1]} lines{several} upwards, time to the right"


def _film(name: str, frames: np.ndarray, still: np.ndarray, what: str) -> Panel:
    """A film."""
    alt = f"{what} events, {len(frames)} frames."
    return Panel(name=name, pixels=filmstrip(frames), alt=alt, frames=len(frames), still=still)


def _event_scales(full: float) -> list[ColourScale]:
    """What the colours of events mean."""
    night, top = hexed(NIGHT), f"{number(full)} or more per pixel and frame"
    return [
        ColourScale(name=name, low="0", high=top, colours=(night, hexed(colour)))
        for name, colour in EVENT_COLOURS.items()
    ]


def _sounds(part: ViewSlice, x: np.ndarray, x_adv: np.ndarray | None, full: float) -> Shown:
    """Spectrograms and players of a sound, and of what was changed, all on one scale."""
    rate, top = part.rate_hz or _PLAYED_HZ, max(abs(part.low), abs(part.high)) or full
    if x_adv is None:
        ends = [f"{number(end)} dB" for end in LOUDNESS_DB]
        scale = ColourScale(name="loudness", low=ends[0], high=ends[1], colours=SOUND)
        far = f"{number(CHANGE_DB)} dB"
        apart = ColourScale(name="difference", low=f"−{far}", high=f"+{far}", colours=DIVERGING)
        clean, words = _sound("clean", x / top, rate, "The clean sound"), _axes(part, len(x))
        return Shown(kind="audio", panels=[clean], words=words, scales=[scale, apart])
    largest = number(float(np.abs(x_adv - x).max()))
    x, x_adv = x / top, x_adv / top
    gain = _gain(x_adv - x)
    change = _sound("change", x_adv - x, rate, "What was changed", gain)
    attacked = _sound("adversarial", x_adv, rate, "The attacked sound")
    panels = [attacked, change, _louder_softer(x, x_adv)]
    words = f"signal to noise {number(snr_db(x, x_adv))} dB, largest change {largest}"
    return Shown(kind="audio", panels=panels, words=words)


def _axes(part: ViewSlice, samples: int) -> str:
    """What the axes of a spectrogram are."""
    if part.rate_hz is None:
        return (
            f"{samples} samples (left to right) up to half the sampling rate (bottom to top), "
            f"which is not known here and played as {_PLAYED_HZ / 1000:g} kHz"
        )
    seconds, top = samples / part.rate_hz, part.rate_hz / 2000
    return f"{seconds:.2g} s (left to right) up to {top:g} kHz (bottom to top)"


def _sound(name: str, samples: np.ndarray, rate: int, alt: str, gain: int = 1) -> Panel:
    """A spectrogram as it is, and a player that may be louder, which its name says."""
    low, high = LOUDNESS_DB
    levels = spectrogram(samples)[::-1]
    shares = np.rint(63 * np.clip((levels - low) / (high - low), 0, 1)) / 63
    uri = data_uri(wav(gain * samples, rate), "audio/wav")
    louder = f"{name}, played ×{gain}" if gain > 1 else name
    pixels = painted(shares, SOUND)
    return Panel(name=louder, pixels=pixels, alt=f"{alt}: spectrogram.", sound=uri, smooth=True)


def _louder_softer(x: np.ndarray, x_adv: np.ndarray) -> Panel:
    """Where a sound became louder (blue) or softer (orange), in dB between two spectrograms."""
    floor = LOUDNESS_DB[0]  # what lies below is drawn as silence, and so is its change
    near, far = (np.maximum(spectrogram(samples)[::-1], floor) for samples in (x, x_adv))
    steps = np.rint(32 * np.clip((far - near) / CHANGE_DB, -1, 1)) / 32
    pixels = painted(0.5 + steps / 2, DIVERGING)
    alt = "Difference of the two spectrograms: blue is louder, orange is softer."
    return Panel(name="difference", pixels=pixels, alt=alt, smooth=True)


def _gain(change: np.ndarray) -> int:
    """The power of two that makes a change audible without clipping it."""
    largest = float(np.abs(change).max())
    return 1 if largest == 0 else int(2 ** max(0, np.floor(np.log2(0.9 / largest))))


SHOWN: Mapping[str, Callable[[ViewSlice, np.ndarray, np.ndarray | None, float], Shown]] = {
    "audio": _sounds,
    "events": _events,
    "image": _scans,
}
"""Kind of input → how it is shown: clean where there is no attacked one."""
