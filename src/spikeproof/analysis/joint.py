"""What a grid of joint budgets says: gaps, gains and rescues with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.metrics import (
    Estimate,
    Intervals,
    cross_modal_rescue,
    events_moved,
    fusion_gain,
    grid_violations,
    modality_gap,
    signal_to_noise_db,
    step_mass,
)

if TYPE_CHECKING:  # what reads results takes none of what computed them
    from spikeproof.data import Views
    from spikeproof.evaluate import JointGrid

__all__ = ["GridSummary", "Stealth", "stealth_of", "summarise_grid"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Stealth:
    """How far the inputs that broke items can be seen or heard in one view; medians over items.

    Args:
        view: Its name.
        kind: ``"events"``, ``"audio"`` or ``"image"``.
        n: Items whose input changed this view.
        values: What is measured → its median.
    """

    view: str
    kind: str
    n: int
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class GridSummary:
    """The numbers of one grid; F levels of each view.

    Args:
        data: Data set.
        views: The two views, rows first.
        factors: The multiples of each view's own radius.
        radii: View → the same in the unit of its geometry.
        geometries: View → what its radius measures, as records name it.
        n: Items.
        accuracy: Robust accuracy at every pair of budgets, ``F x F``.
        random: Accuracy under random draws, ``F x F``; NaN where none were made.
        gaps: How many more items stand with the first view attacked than with the second, by level
            above 0 (see :func:`modality_gap`).
        gains: The best twin and what the fusion keeps more than it, ``F x F``; None without twins
            (see :func:`fusion_gain`).
        rescues: View → share of the items that its twin loses and the fusion keeps, by level above
            0; empty without twins (see :func:`cross_modal_rescue`).
        twins: View → accuracy of its twin, by level.
        violations: Items on which the grid contradicts itself; all 0 in a sound one.
        stealth: Of the inputs found, by view; empty where the clean items are not at hand.
    """

    data: str
    views: tuple[str, str]
    factors: tuple[float, ...]
    radii: Mapping[str, tuple[float, ...]]
    geometries: Mapping[str, str]
    n: int
    accuracy: tuple[tuple[Estimate, ...], ...]
    random: tuple[tuple[float, ...], ...]
    gaps: tuple[Estimate, ...]
    gains: tuple[tuple[tuple[str, Estimate], ...], ...] | None
    rescues: Mapping[str, tuple[Estimate, ...]]
    twins: Mapping[str, tuple[Estimate, ...]]
    violations: Mapping[str, int]
    stealth: tuple[Stealth, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain data."""
        gains = None if self.gains is None else [
            [{"best_twin": view, **_plain(gain)} for view, gain in row] for row in self.gains
        ]  # fmt: skip
        return {
            "data": self.data,
            "views": list(self.views),
            "geometries": dict(self.geometries),
            "factors": list(self.factors),
            "radii": {view: list(radii) for view, radii in self.radii.items()},
            "n": self.n,
            "robust_accuracy": [[_plain(cell) for cell in row] for row in self.accuracy],
            "random_accuracy": [list(row) for row in self.random],
            "modality_gap": [_plain(gap) for gap in self.gaps],
            "fusion_gain": gains,
            "rescue": {view: [_plain(e) for e in row] for view, row in self.rescues.items()},
            "twins": {view: [_plain(e) for e in row] for view, row in self.twins.items()},
            "violations": dict(self.violations),
            "stealth": [
                {"view": s.view, "kind": s.kind, "n": s.n, **s.values} for s in self.stealth
            ],
        }


def summarise_grid(
    grid: JointGrid, x: Array | None = None, domain: Views | None = None
) -> GridSummary:
    """Return every measure of a grid with its 95 % interval over items.

    Args:
        grid: What was attacked.
        x: The clean items in its order, ``(N, D)``, for what is said of stealth.
        domain: Their views.
    Returns:
        The numbers; all are given this network.
    """
    levels = range(len(grid.factors[grid.views[0]]))
    standing = grid.standing
    twins = {view: grid.standing_twin(view) for view in grid.twins}
    gains = None
    if len(twins) == len(grid.views):
        first, second = grid.views
        gains = tuple(
            tuple(
                fusion_gain(standing[i, j], {first: twins[first][i], second: twins[second][j]})
                for j in levels
            )
            for i in levels
        )
    return GridSummary(
        data=grid.data,
        views=grid.views,
        factors=grid.factors[grid.views[0]],
        radii={view: grid.radii(view) for view in grid.views},
        geometries={view: str(grid.threats[view]["geometry"]["kind"]) for view in grid.views},
        n=len(grid),
        accuracy=tuple(tuple(_share(standing[i, j]) for j in levels) for i in levels),
        random=tuple(
            tuple(float(grid.random_correct[i, j].mean()) for j in levels) for i in levels
        ),
        gaps=tuple(modality_gap(standing[k, 0], standing[0, k]) for k in levels[1:]),
        gains=gains,
        rescues={view: _rescues(grid, view) for view in grid.twins},
        twins={view: tuple(_share(row) for row in rows) for view, rows in twins.items()},
        violations=grid_violations(grid.broken),
        stealth=() if x is None or domain is None else stealth_of(grid, x, domain),
    )


def stealth_of(grid: JointGrid, x: Array, domain: Views) -> tuple[Stealth, ...]:
    """Return how far the inputs of a grid can be seen or heard, view by view.

    Of each item the input counts that broke it in its smallest cell.

    Args:
        grid: What was attacked.
        x: The clean items in its order, ``(N, D)``.
        domain: Their views.
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
        out.append(Stealth(view=name, kind=part.kind, n=len(rows), values=values))
    return tuple(out)


def _seen(kind: str, near: Array, far: Array) -> dict[str, float]:
    """What can be noticed of one changed view."""
    if kind == "audio":
        return {"snr_db": signal_to_noise_db(near, far)}
    if kind == "events":
        return {**events_moved(near, far), "step_mass": step_mass(near, far)[2]}
    change = np.abs(far - near)
    return {"changed": float((change > 0).sum()), "largest": float(change.max())}


def _rescues(grid: JointGrid, view: str) -> tuple[Estimate, ...]:
    """What the other view saves of the items that the twin of this one loses, by level."""
    twin, row = grid.twins[view], view == grid.views[0]
    return tuple(
        cross_modal_rescue(
            grid.standing[level, 0] if row else grid.standing[0, level],
            twin.correct & twin.broken[level],
        )
        for level in range(1, len(twin.broken))
    )


def _share(standing: Array) -> Estimate:
    """The share of items that stand."""
    return Intervals(1, len(standing)).share(standing[None].astype(float))


def _plain(estimate: Estimate) -> dict[str, float]:
    """A number with its ends."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
