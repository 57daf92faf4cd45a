"""One view of an item as pictures and sounds: images, events and recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spikeproof.report.colours import SOUND, hexed, painted
from spikeproof.report.labels import number
from spikeproof.report.pictures import (
    EVENT_COLOURS,
    NIGHT,
    data_uri,
    difference,
    event_change,
    events_of,
    filmstrip,
    image_of,
    png,
)
from spikeproof.report.sound import snr_db, spectrogram, wav

__all__ = ["LOUDNESS_DB", "SHOWN", "ColourScale", "Panel", "Shown", "ViewSlice"]

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
    """Films of events, of what was added and what was removed; ``full`` events have full colour."""
    if x.ndim == 2:  # spikes on lines, drawn side by side
        x = x[:, None, None]
        x_adv = None if x_adv is None else x_adv[:, None, None]
    total, sums = float(x.sum()), float(x.sum(0).max()) or 1.0
    if x_adv is None:
        clean = _film("clean", events_of(x, full), events_of(x.sum(0), sums), "Clean")
        words = (
            f"{number(total, 4)} events in {len(x)} frames; at rest, frames are added up and full "
            f"colour is {number(sums)} per pixel"
        )
        return Shown(kind="events", panels=[clean], words=words, scales=_event_scales(full))
    change = x_adv - x
    added, removed = float(change.clip(0).sum()), float((-change).clip(0).sum())
    attacked = events_of(x_adv, full), events_of(x_adv.sum(0), sums)
    changed = event_change(x, x_adv, full), event_change(x.sum(0), x_adv.sum(0), sums)
    panels = [_film("adversarial", *attacked, "Attacked"), _film("change", *changed, "Changed")]
    words = f"{number(added)} events added, {number(removed)} removed, of {number(total, 4)}"
    words += f"; at most {number(float(np.abs(change).max()))} per pixel and frame"
    return Shown(kind="events", panels=panels, words=words)


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
        clean = _sound("clean", x / top, rate, "The clean sound")
        return Shown(kind="audio", panels=[clean], words=_axes(part, len(x)), scales=[scale])
    largest = number(float(np.abs(x_adv - x).max()))
    x, x_adv = x / top, x_adv / top
    gain = _gain(x_adv - x)
    change = _sound("change", x_adv - x, rate, "What was changed", gain)
    panels = [_sound("adversarial", x_adv, rate, "The attacked sound"), change]
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
