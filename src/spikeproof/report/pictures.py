"""Pictures in a page: arrays as PNG, events as GIF, bytes as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from spikeproof.report.colours import DIVERGING, painted

__all__ = [
    "EVENT_COLOURS",
    "data_uri",
    "difference",
    "event_frames",
    "event_gif",
    "event_still",
    "image_of",
    "png",
]

# Two ramps of the first two panels and two marks of the third; Okabe-Ito, safe in colour blindness.
EVENT_COLOURS = {
    "on": (86, 180, 233),
    "off": (230, 159, 0),
    "both": (240, 240, 240),
    "added": (0, 198, 146),
    "removed": (222, 90, 180),
}
_NIGHT, _GAP = (16, 22, 29), (64, 74, 86)
_LEVELS = 40


def data_uri(content: bytes, kind: str) -> str:
    """Return ``content`` as a ``data:`` address of media type ``kind``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def png(pixels: np.ndarray, zoom: int = 1) -> bytes:
    """Return a PNG of uint8 ``(H, W, 3)`` or ``(H, W)``, every pixel a square of ``zoom``."""
    large = np.repeat(np.repeat(pixels, zoom, axis=0), zoom, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(large)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def image_of(x: np.ndarray) -> np.ndarray:
    """Return an image ``(C, H, W)`` in [0, 1] as uint8 ``(H, W, 3)``, on the fixed scale 0..1."""
    channels = x if x.shape[0] == 3 else np.repeat(x.mean(0, keepdims=True), 3, axis=0)
    pixels: np.ndarray = np.rint(np.clip(channels, 0, 1) * 255).astype(np.uint8)
    return pixels.transpose(1, 2, 0)


def difference(x: np.ndarray, x_adv: np.ndarray, span: float) -> np.ndarray:
    """Return ``x_adv - x`` as uint8 ``(H, W, 3)``; orange is less, blue is more, white nothing.

    Args:
        x: ``(C, H, W)``.
        x_adv: Same shape.
        span: The change drawn in full colour; larger ones are cut to it.
    """
    change = (x_adv - x).astype(float)
    strongest = np.take_along_axis(change, np.abs(change).argmax(0)[None], axis=0)[0]
    return painted(0.5 + strongest / (2 * span), DIVERGING)


def _palette() -> list[int]:
    """The fixed palette: night, gap, then one ramp of 40 steps per colour."""
    colours = [_NIGHT, _GAP]
    for colour in EVENT_COLOURS.values():
        for step in range(1, _LEVELS + 1):
            share = 0.25 + 0.75 * step / _LEVELS
            mixed = [n + (c - n) * share for n, c in zip(_NIGHT, colour, strict=True)]
            colours.append((round(mixed[0]), round(mixed[1]), round(mixed[2])))
    flat = [channel for colour in colours for channel in colour]
    return flat + [0] * (768 - len(flat))


def _ramp(which: str, values: np.ndarray, full: float) -> np.ndarray:
    """Palette numbers of positive values on one ramp."""
    first = 2 + list(EVENT_COLOURS).index(which) * _LEVELS
    step = np.clip(np.ceil(values / full * _LEVELS), 1, _LEVELS).astype(int)
    return first + step - 1


def _panel(frame: np.ndarray, full: float) -> np.ndarray:
    """One frame ``(C, H, W)`` as palette numbers ``(H, W)``."""
    on, off = frame[0], frame[1] if len(frame) > 1 else np.zeros_like(frame[0])
    out = np.zeros(on.shape, dtype=int)
    for which, mask in (("on", (on > 0) & (off <= 0)), ("off", (off > 0) & (on <= 0))):
        out[mask] = _ramp(which, on + off, full)[mask]
    both = (on > 0) & (off > 0)
    out[both] = _ramp("both", on + off, full)[both]
    return out


def _change(before: np.ndarray, after: np.ndarray, full: float) -> np.ndarray:
    """What was added and removed in one frame, as palette numbers."""
    change = after - before
    strongest = np.take_along_axis(change, np.abs(change).argmax(0)[None], axis=0)[0]
    out = np.zeros(strongest.shape, dtype=int)
    out[strongest > 0] = _ramp("added", np.abs(strongest), full)[strongest > 0]
    out[strongest < 0] = _ramp("removed", np.abs(strongest), full)[strongest < 0]
    return out


def event_frames(x: np.ndarray, x_adv: np.ndarray) -> np.ndarray:
    """Return the animation as palette numbers.

    Args:
        x: Counts ``(T, C, H, W)``; channel 0 is ON, channel 1 is OFF.
        x_adv: Same shape.
    Returns:
        uint8 ``(T, H, 3 W + 2)``: clean, adversarial, and what changed, with a line in between.
    """
    full = max(float(x.max()), float(x_adv.max()), 1e-9)
    frames = []
    for before, after in zip(x.astype(float), x_adv.astype(float), strict=True):
        line = np.ones((before.shape[1], 1), dtype=int)
        panels = (_panel(before, full), line, _panel(after, full), line)
        frames.append(np.concatenate((*panels, _change(before, after, full)), axis=1))
    return np.stack(frames).astype(np.uint8)


def event_gif(x: np.ndarray, x_adv: np.ndarray, *, zoom: int = 6, frame_ms: int = 220) -> bytes:
    """Return an animated GIF of a clean and an adversarial recording and their difference.

    Args:
        x: Counts ``(T, C, H, W)``.
        x_adv: Same shape.
        zoom: Side of one sensor pixel in the picture.
        frame_ms: How long each frame shows.
    Returns:
        The bytes; the palette is fixed, so every frame decodes to exactly its colours.
    """
    numbers = event_frames(x, x_adv).repeat(zoom, axis=1).repeat(zoom, axis=2)
    images = []
    for frame in numbers:
        image = Image.fromarray(np.ascontiguousarray(frame), mode="P")
        image.putpalette(_palette())
        images.append(image)
    buffer = io.BytesIO()
    images[0].save(
        buffer, "GIF", save_all=True, append_images=images[1:], duration=frame_ms, loop=0,
        optimize=False, disposal=1,
    )  # fmt: skip
    return buffer.getvalue()


def event_still(x: np.ndarray, x_adv: np.ndarray, *, zoom: int = 6) -> bytes:
    """Return the animation of ``event_gif`` added up over time, as one PNG."""
    numbers = event_frames(x.sum(0, keepdims=True), x_adv.sum(0, keepdims=True))[0]
    colours = np.array(_palette(), dtype=np.uint8).reshape(-1, 3)
    return png(colours[numbers], zoom)
