"""A grid of joint budgets as one page: the grid, what fusion gains, and what broke some items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from spikeproof.analysis import GridSummary
from spikeproof.base import write_atomic
from spikeproof.data import Views
from spikeproof.report.budgets import grid_figures, grid_lead, grid_measures, grid_stealth
from spikeproof.report.colours import DIVERGING
from spikeproof.report.document import asset, environment
from spikeproof.report.labels import data_title, number
from spikeproof.report.shown import SHOWN, ColourScale, Shown, ViewSlice, view_slices

__all__ = ["GridExample", "joint_page", "write_joint_page"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class GridExample:
    """One item and the inputs that broke it.

    Args:
        item: Its number.
        y: Its class.
        x: The clean item, ``(D,)``.
        found: ``(multiples of the two views' radii, input)``, single views first.
    """

    item: int
    y: int
    x: Array
    found: tuple[tuple[tuple[float, float], Array], ...]


def write_joint_page(
    path: Path | str,
    summary: GridSummary,
    examples: Sequence[GridExample] = (),
    domain: Views | None = None,
    *,
    rate_hz: int | None = None,
) -> Path:
    """Write the page of a grid as one HTML file that works without a network.

    Args:
        path: The file.
        summary: What the grid says.
        examples: Items to show; none where the clean items are not at hand.
        domain: Their views.
        rate_hz: Samples per second of sound.
    Returns:
        The file.
    Raises:
        FileProblem: it cannot be written.
    """
    target = Path(path)
    page = joint_page(summary, examples, domain, rate_hz=rate_hz)
    write_atomic(target, page.encode("utf-8"))
    return target


def joint_page(
    summary: GridSummary,
    examples: Sequence[GridExample] = (),
    domain: Views | None = None,
    *,
    rate_hz: int | None = None,
) -> str:
    """Return the page of a grid; nothing is computed here that is not in the summary."""
    parts = None if domain is None else view_slices((d for _, d in domain.parts), rate_hz)
    names = [] if domain is None else [name for name, _ in domain.parts]
    shown = [_example(e, parts, names, summary.views) for e in examples] if parts else []
    page = {
        "title": f"{data_title(summary.data)}: joint budgets",
        "lead": grid_lead(summary),
        "figures": grid_figures(summary),
        "measures": grid_measures(summary),
        "stealth": grid_stealth(summary),
        "sound": not any(summary.violations.values()),
        "examples": shown,
        "n": summary.n,
        "css": Markup(asset("page.css")),
        "script": Markup(asset("page.js")),
    }
    return environment().get_template("joint.html.j2").render(page=page)


def _example(
    example: GridExample, parts: Sequence[ViewSlice], names: Sequence[str], views: tuple[str, str]
) -> dict[str, Any]:
    """One item: clean, and each input that broke it, view by view."""
    tops = [_top(part, example.x) for part in parts]
    clean = [
        SHOWN[part.kind](part, part.cut(example.x), None, top)
        for part, top in zip(parts, tops, strict=True)
    ]
    cells = []
    for factors, far in example.found:
        shown: Mapping[str, Shown | None] = {
            name: _changed(part, example.x, far, top)
            for name, part, top in zip(names, parts, tops, strict=True)
        }
        told = ", ".join(f"{v} ×{number(f)}" for v, f in zip(views, factors, strict=True) if f)
        cells.append({"head": told, "views": shown})
    scales = [scale for view in clean for scale in view.scales]
    ends = ColourScale(name="change, each up to its largest", low="−", high="+", colours=DIVERGING)
    scales += [ends] if any(part.kind == "image" for part in parts) else []
    return {
        "item": example.item, "y": example.y, "clean": clean, "cells": cells, "scales": scales,
    }  # fmt: skip


def _changed(part: ViewSlice, x: Array, far: Array, top: float) -> Shown | None:
    """One view of an input that broke its item; None where it keeps every bit."""
    near, moved = part.cut(x), part.cut(far)
    if (near == moved).all():
        return None
    full = float(np.abs(moved - near).max()) if part.kind == "image" else top
    return SHOWN[part.kind](part, near, moved, full)


def _top(part: ViewSlice, x: Array) -> float:
    """The value of a view in full colour."""
    return (float(part.cut(x).max()) or 1.0) if part.kind == "events" else part.high
