"""How far an attack can be seen or heard: events moved, loudness of the change, events per step."""

from __future__ import annotations

import math

import numpy as np

from spikeproof.base import InputError
from spikeproof.metrics.accuracy import Floats

__all__ = ["events_moved", "signal_to_noise_db", "step_mass"]


def events_moved(x: Floats, x_adv: Floats) -> dict[str, float]:
    """Count the events that an attack added and removed.

    Args:
        x: Counts of one recording, any shape.
        x_adv: The same shape.
    Returns:
        ``"added"``, ``"removed"`` and ``"share"``: both together over the events that there were,
        infinite where there were none and some were added.
    Raises:
        InputError: two shapes.
    Example:
        >>> events_moved(np.array([0.0, 2.0, 2.0]), np.array([1.0, 0.0, 2.0]))
        {'added': 1.0, 'removed': 2.0, 'share': 0.75}
    """
    near, far = _pair(x, x_adv)
    added, removed = float((far - near).clip(0).sum()), float((near - far).clip(0).sum())
    total, moved = float(near.sum()), added + removed
    share = moved / total if total else math.inf if moved else 0.0
    return {"added": added, "removed": removed, "share": share}


def signal_to_noise_db(x: Floats, x_adv: Floats) -> float:
    r"""Return the ratio of a sound to what was changed of it, in decibels.

    .. math:: 10 \log_{10} \frac{\sum_t x_t^2}{\sum_t (x'_t - x_t)^2}

    Args:
        x: Samples.
        x_adv: The attacked ones.
    Returns:
        dB; infinite where nothing changed, ``-inf`` where silence was.
    Raises:
        InputError: two shapes.
    Example:
        >>> round(signal_to_noise_db(np.array([1.0, -1.0]), np.array([1.1, -0.9])), 6)
        20.0
    """
    near, far = _pair(x, x_adv)
    noise, signal = float(np.square(far - near).sum()), float(np.square(near).sum())
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def step_mass(x: Floats, x_adv: Floats) -> tuple[Floats, Floats, float]:
    """Return the events of every step, before and after, and how far the second leaves the first.

    A retimed recording keeps its events and moves them between steps: this is what a defender who
    only counts events per step would see.

    Args:
        x: Counts of one recording, time first.
        x_adv: The same shape.
    Returns:
        Events per step of both, ``(T,)`` each, and the total variation of their shares, in [0, 1];
        1 where only one of the two holds any events.
    Raises:
        InputError: two shapes, or no time axis.
    Example:
        >>> step_mass(np.array([[2.0, 0.0], [2.0, 0.0]]), np.array([[0.0, 1.0], [2.0, 1.0]]))[2]
        0.25
    """
    near, far = _pair(x, x_adv)
    if near.ndim < 2:
        raise InputError(f"Events per step need a time axis and another; got {near.shape}.")
    before, after = (part.reshape(len(part), -1).sum(1) for part in (near, far))
    if not before.sum() or not after.sum():
        return before, after, float(before.sum() != after.sum())
    apart = 0.5 * np.abs(before / before.sum() - after / after.sum()).sum()
    return before, after, float(apart)


def _pair(x: Floats, x_adv: Floats) -> tuple[Floats, Floats]:
    """Both as float64 of one shape."""
    near, far = np.asarray(x, dtype=np.float64), np.asarray(x_adv, dtype=np.float64)
    if near.shape != far.shape:
        raise InputError(
            f"A clean input and its attacked one have one shape; got {near.shape} and {far.shape}."
        )
    return near, far
