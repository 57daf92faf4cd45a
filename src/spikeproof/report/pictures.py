"""Pictures in a page: arrays as PNG on honest colour scales, bytes as data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from spikeproof.report.colours import DIVERGING, painted

__all__ = [
    "EVENT_COLOURS",
    "NIGHT",
    "data_uri",
    "difference",
    "event_change",
    "event_overlay",
    "events_of",
    "filmstrip",
    "image_of",
    "png",
    "raster_of",
]

# Full colours of the ramps from night; Okabe-Ito, safe in colour blindness.
EVENT_COLOURS = {
    "on": (86, 180, 233),
    "off": (230, 159, 0),
    "added": (0, 198, 146),
    "removed": (222, 90, 180),
    "kept": (138, 148, 160),
}
NIGHT = (16, 22, 29)


def data_uri(content: bytes, kind: str) -> str:
    """Return ``content`` as a ``data:`` address of media type ``kind``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG of uint8 ``(H, W, 3)`` or ``(H, W)``; the page enlarges it, pixel by pixel."""
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if pixels.ndim == 3 and (colours := image.getcolors(256)) is not None:
        image = _with_palette(pixels, np.array(sorted(colour for _, colour in colours)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _with_palette(pixels: np.ndarray, palette: np.ndarray) -> Image.Image:
    """The same picture by numbers of its few colours, which takes a third of the bytes."""
    packed = pixels.astype(np.int64) @ np.array([65536, 256, 1])
    numbers = np.searchsorted(palette @ np.array([65536, 256, 1]), packed).astype(np.uint8)
    image = Image.fromarray(numbers)
    image.putpalette(palette.astype(np.uint8).tobytes())
    return image


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
    return painted(0.5 + _strongest(x_adv - x, 0) / (2 * span), DIVERGING)


def _strongest(change: np.ndarray, axis: int) -> np.ndarray:
    """The change of the channel that changed most."""
    where = np.expand_dims(np.abs(change).argmax(axis), axis)
    found: np.ndarray = np.take_along_axis(change.astype(float), where, axis).squeeze(axis)
    return found


def _lit(shares: np.ndarray, which: str) -> np.ndarray:
    """What a share 0..1 of a colour adds to the night; half a share adds half as much."""
    full = np.array(EVENT_COLOURS[which], dtype=float) - NIGHT
    light: np.ndarray = np.clip(shares, 0, 1)[..., None] * full
    return light


def events_of(x: np.ndarray, full: float) -> np.ndarray:
    """Return events as colours: brightness is the count, ON and OFF add up.

    Args:
        x: Counts ``(..., C, H, W)``; channel 0 is ON, channel 1 is OFF.
        full: The count in full colour; a tenth of it has a tenth of the brightness.
    Returns:
        uint8 ``(..., H, W, 3)``.
    """
    light = _lit(x[..., 0, :, :] / full, "on")
    if x.shape[-3] > 1:
        light = light + _lit(x[..., 1, :, :] / full, "off")
    out: np.ndarray = np.rint(np.clip(NIGHT + light, 0, 255)).astype(np.uint8)
    return out


def event_change(x: np.ndarray, x_adv: np.ndarray, full: float) -> np.ndarray:
    """Return what was added and removed, on the scale of ``events_of``.

    Args:
        x: Counts ``(..., C, H, W)``.
        x_adv: Same shape.
        full: The change in full colour.
    Returns:
        uint8 ``(..., H, W, 3)``; of several channels the one that changed most.
    """
    change = _strongest(x_adv - x, -3) / full
    light = _lit(change, "added") + _lit(-change, "removed")
    out: np.ndarray = np.rint(np.clip(NIGHT + light, 0, 255)).astype(np.uint8)
    return out


def event_overlay(
    x: np.ndarray, x_adv: np.ndarray, full: float, most: float | None = None
) -> np.ndarray:
    """Return a recording in grey with what was added and removed in colour.

    Args:
        x: Counts ``(..., C, H, W)``.
        x_adv: Same shape.
        full: The count in full grey.
        most: The change in full colour; ``full`` where absent, so that both have one scale.
    Returns:
        uint8 ``(..., H, W, 3)``; where anything changed, the colours of ``event_change`` alone.
    """
    change = event_change(x, x_adv, full if most is None else most)
    kept = np.minimum(x, x_adv).sum(-3) / full
    grey = np.rint(np.clip(NIGHT + _lit(kept, "kept"), 0, 255)).astype(np.uint8)
    touched = (x != x_adv).any(-3)[..., None]
    out: np.ndarray = np.where(touched, change, grey)
    return out


_MOST_LINES = 96


def raster_of(x: np.ndarray) -> np.ndarray:
    """Return a recording as counts by place and time, ``(rows, T)``, the first line at the bottom.

    Args:
        x: Counts, ``(T, n)`` on lines; or ``(T, C, H, W)``, of which rows of the sensor are added
            up. More than 96 lines are added up in groups of neighbours.
    """
    lines = x if x.ndim == 2 else x.sum((1, 3))[:, ::-1]
    group = -(-lines.shape[1] // _MOST_LINES)
    padded = np.pad(lines, ((0, 0), (0, -lines.shape[1] % group)))
    out: np.ndarray = padded.reshape(len(lines), -1, group).sum(2).T[::-1]
    return out


def filmstrip(frames: np.ndarray) -> np.ndarray:
    """Return frames ``(T, H, W, 3)`` side by side, ``(H, T W, 3)``."""
    return np.concatenate(list(frames), axis=1)
