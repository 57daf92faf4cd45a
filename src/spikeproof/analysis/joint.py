"""What a grid of joint budgets says: gaps, gains and rescues with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.metrics import (
    Estimate,
    Intervals,
    cross_modal_rescue,
    fusion_gain,
    grid_violations,
    modality_gap,
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
        decibels: View → each of its radii in decibels, as text, empty where that says nothing; no
            entry where the views are not at hand.
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
    decibels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
            **({"decibels": loud} if (loud := _loud(self.decibels)) else {}),
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
    grid: JointGrid,
    x: Array | None = None,
    domain: Views | None = None,
    *,
    stealth: Sequence[Mapping[str, Any]] | None = None,
    decibels: Mapping[str, tuple[str, ...]] | None = None,
) -> GridSummary:
    """Return every measure of a grid with its 95 % interval over items.

    Args:
        grid: What was attacked.
        x: The clean items in its order, ``(N, D)``, for what is said of stealth.
        domain: Their views.
        stealth: What was said of stealth when the grid was made, in place of the items.
        decibels: Each radius of each view in decibels, in place of the views.
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
        stealth=tuple(Stealth(**one) for one in stealth or ())
        if x is None or domain is None
        else stealth_of(grid, x, domain),
        decibels=decibels or ({} if domain is None else _decibels(grid, domain)),
    )


def _decibels(grid: JointGrid, domain: Views) -> dict[str, tuple[str, ...]]:
    """Every radius of every view in decibels."""
    from spikeproof.threats import GEOMETRIES  # takes torch

    parts = dict(domain.parts)
    return {
        view: tuple(
            GEOMETRIES.build(grid.threats[view]["geometry"]).level(radius, parts[view])
            for radius in grid.radii(view)
        )
        for view in grid.views
    }


def _loud(decibels: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """The views whose radii have decibels."""
    return {view: list(texts) for view, texts in decibels.items() if any(texts)}


def stealth_of(grid: JointGrid, x: Array, domain: Views) -> tuple[Stealth, ...]:
    """Return how far the inputs of a grid can be seen or heard, view by view.

    Of each item the input counts that broke it in its smallest cell.

    Args:
        grid: What was attacked.
        x: The clean items in its order, ``(N, D)``.
        domain: Their views.
    """
    from spikeproof.evaluate import grid_stealth

    return tuple(Stealth(**one) for one in grid_stealth(grid, x, domain))


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
