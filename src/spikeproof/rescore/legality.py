"""What a stored threat allows, from its record: box, grid and length, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from spikeproof.rescore.layers import Array
from spikeproof.rescore.sound import SOUND, sound_length
from spikeproof.rescore.spikes import EVENT_KINDS, event_length

__all__ = ["illegal", "unknown_threat"]

# Relative slack of real-valued lengths, the one that evaluation allows, and a hair for the sum.
_SLACK = 1 + 1e-6 + 1e-9
_COUNTED = ("l0", "counts", *EVENT_KINDS)
_KINDS = ("linf", "l2", "l1", "joint", *SOUND, *_COUNTED)


def unknown_threat(threat: Mapping[str, Any]) -> bool:
    """Whether a threat is measured by a length that is not known here."""
    return threat["geometry"]["kind"] not in _KINDS


def illegal(
    threat: Mapping[str, Any], domain: Mapping[str, Any], radius: Array, x_adv: Array, x: Array
) -> list[str]:
    """Say of each input what is illegal about it; an empty text where nothing is.

    Args:
        threat: Record of the threat.
        domain: Record of the legal inputs.
        radius: What each input may move, ``(N,)``.
        x_adv: The inputs, ``(N, *shape)``.
        x: The clean ones.
    Returns:
        One text per input.
    """
    if not len(x):
        return []
    grid = threat["space"] != "frames"
    inside = np.ones(len(x), bool)
    for part, begin, end in _parts(domain):
        z = x_adv.reshape(len(x), -1)[:, begin:end]
        low, high = float(part.get("low", 0.0)), float(part.get("high", 1.0))
        inside &= (np.isfinite(z) & (z >= low) & (z <= high)).all(1)
        if grid and part.get("integer"):
            inside &= (z == np.rint(z)).all(1)
    far, clean = x_adv.astype(np.float64), x.astype(np.float64)
    length = _length(threat["geometry"], domain, far, clean)
    counted = threat["geometry"]["kind"] in _COUNTED
    near = length <= radius * (1.0 if counted else _SLACK)
    return [
        ""
        if ok and short
        else f"moved {far:.9g} where {most:.9g} is allowed"
        if ok
        else "is not finite, or outside the box or off the grid"
        for ok, short, far, most in zip(inside, near, length, radius, strict=True)
    ]


def _parts(domain: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, int]]:
    """Every modality of a domain, and which features of a flat item it has."""
    begin = 0
    for _, part in domain.get("views", [["", domain]]):
        end = begin + int(np.prod(part["shape"]))
        yield part, begin, end
        begin = end


def _length(
    geometry: Mapping[str, Any], domain: Mapping[str, Any], x_adv: Array, x: Array
) -> Array:
    """How far each input moved, in the unit of the radius, ``(N,)``."""
    flat = (x_adv - x).reshape(len(x), -1)
    kind = geometry["kind"]
    if kind == "joint":
        return _joint(geometry, domain, x_adv.reshape(len(x), -1), x.reshape(len(x), -1))
    if kind in SOUND:
        return sound_length(geometry, flat, x)
    if kind in EVENT_KINDS:
        far, near = (v.reshape(len(x), -1) for v in (x_adv, x))
        return event_length(geometry, domain["shape"], far, near)
    if kind == "l0":
        if not geometry.get("pixels", True):
            return np.asarray((flat != 0).sum(1), dtype=np.float64)
        each = [_pixels(part, flat[:, begin:end]) for part, begin, end in _parts(domain)]
        return np.asarray(np.sum(each, axis=0))
    if kind == "linf":
        return np.asarray(np.abs(flat).max(1))
    if kind == "l2":
        return np.asarray(np.sqrt((flat**2).sum(1)))
    return np.asarray(np.abs(flat).sum(1))  # l1, and counts of events


def _pixels(part: Mapping[str, Any], flat: Array) -> Array:
    """How many places changed in any channel."""
    changed = flat.reshape(len(flat), *part["shape"]) != 0
    if part["kind"] in ("image", "events") and len(part["shape"]) >= 3:
        changed = changed.any(-3)
    return np.asarray(changed.reshape(len(flat), -1).sum(1), dtype=np.float64)


def _joint(geometry: Mapping[str, Any], domain: Mapping[str, Any], x_adv: Array, x: Array) -> Array:
    """The largest share that a view used of its own radius."""
    shares = []
    names = [name for name, _ in domain["views"]]
    for name, (part, begin, end) in zip(names, _parts(domain), strict=True):
        own = geometry["views"].get(name, {"geometry": {"kind": "linf"}, "radius": 0.0})
        length = _length(own["geometry"], part, x_adv[:, begin:end], x[:, begin:end])
        radius = float(own["radius"])
        none = np.where(length > 0, np.inf, 0.0)
        shares.append(length / radius if radius > 0 else none)
    return np.asarray(np.max(shares, axis=0))
