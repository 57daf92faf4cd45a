"""Colours that survive colour blindness, dark screens and paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["ACCURACY", "DIVERGING", "SOUND", "at", "hexed", "ink_on", "painted"]

# Twelve anchors of matplotlib's viridis and magma (CC0), interpolated linearly in between.
ACCURACY = (
    "#440154", "#482173", "#433e85", "#38588c", "#2d708e", "#25858e",
    "#1e9b8a", "#2ab07f", "#52c569", "#86d549", "#c2df23", "#fde725",
)  # fmt: skip
SOUND = (
    "#000004", "#120d31", "#331067", "#5a167e", "#7e2482", "#a3307e",
    "#c83e73", "#e95462", "#f97b5d", "#fea973", "#fed395", "#fcfdbf",
)  # fmt: skip
# Orange to blue through near white: told apart with every common colour blindness.
DIVERGING = ("#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7",
             "#d1e5f0", "#92c5de", "#4393c3", "#2166ac")  # fmt: skip


def _anchors(colours: Sequence[str]) -> np.ndarray:
    """Hex colours as ``(n, 3)`` numbers 0..255."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], dtype=float)


def painted(values: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """Colour an array.

    Args:
        values: Any shape, 0..1; what lies outside takes the end colour.
        colours: Hex anchors from 0 to 1.
    Returns:
        uint8, ``(*shape, 3)``.
    """
    anchors = _anchors(colours)
    place = np.clip(np.asarray(values, dtype=float), 0, 1)
    knots = np.linspace(0, 1, len(anchors))
    channels = [np.interp(place, knots, anchors[:, i]) for i in range(3)]
    out: np.ndarray = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return out


def hexed(rgb: Sequence[float] | np.ndarray) -> str:
    """The hex text of one colour."""
    return "#" + "".join(f"{round(float(channel)):02x}" for channel in rgb)


def at(value: float, colours: Sequence[str]) -> str:
    """The hex colour of one value in 0..1."""
    return hexed(painted(np.array(value), colours))


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2, 0..1."""
    channels = _anchors([colour])[0] / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour``; at least 4.5 : 1 on any colour."""
    light = _luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"
