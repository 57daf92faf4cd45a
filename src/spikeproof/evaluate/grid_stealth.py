"""How far the inputs that broke items of a grid can be seen or heard, view by view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.metrics import events_moved, signal_to_noise_db, step_mass

if TYPE_CHECKING:  # what reads results takes no torch
    from spikeproof.data import Views
    from spikeproof.evaluate.grid_result import JointGrid

__all__ = ["grid_stealth"]

Array = np.ndarray[Any, Any]


def grid_stealth(grid: JointGrid, x: Array, domain: Views) -> list[dict[str, Any]]:
    """Return how far the inputs of a grid can be seen or heard: medians over items, per view.

    Of each item the input counts that broke it in its smallest cell.

    Args:
        grid: What was attacked.
        x: The clean items in its order, ``(N, D)``.
        domain: Their views.
    Returns:
        One entry per view: ``view``, ``kind``, ``n`` items whose input changed it, and ``values``.
    """
    place = {int(item): at for at, item in enumerate(grid.items)}
    smallest: dict[int, Array] = {}
    for item, far in zip(grid.found_items, grid.found_x_adv, strict=True):
        smallest.setdefault(int(item), far)
    out = []
    for name, where in domain.slices().items():
        part = dict(domain.parts)[name]
        pairs = [
            (np.asarray(x[place[i]][where]).reshape(part.shape), far[where].reshape(part.shape))
            for i, far in smallest.items()
        ]
        pairs = [(near, far) for near, far in pairs if (near != far).any()]
        rows = [_seen(part.kind, near, far) for near, far in pairs]
        values = {key: float(np.median([row[key] for row in rows])) for key in (rows or [{}])[0]}
        out.append({"view": name, "kind": part.kind, "n": len(rows), "values": values})
    return out


def _seen(kind: str, near: Array, far: Array) -> dict[str, float]:
    """What can be noticed of one changed view."""
    if kind == "audio":
        return {"snr_db": signal_to_noise_db(near, far)}
    if kind == "events":
        return {**events_moved(near, far), "step_mass": step_mass(near, far)[2]}
    change = np.abs(far - near)
    return {"changed": float((change > 0).sum()), "largest": float(change.max())}
