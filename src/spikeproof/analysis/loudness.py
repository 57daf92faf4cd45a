"""How loud the radii of a run are, where its inputs are sounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spikeproof.analysis.records import CellRecord
from spikeproof.base import SettingError

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["decibels_of", "holds_sound", "loudness"]


def loudness(results: Results, data: str) -> dict[tuple[str, float | None], str]:
    """Return the radii of a data set that have decibels: threat and radius → these, as text.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        data: Data set of the run.
    """
    cells = results.of_kind("attack", data)
    ladders = {(str(c.cell["threat"]["name"]), *c.cell["threat"]["radii"]): c for c in cells}
    found: dict[tuple[str, float | None], str] = {}
    for (name, *given), cell in ladders.items():
        radii = [float(radius) for radius in given]
        texts = decibels_of(results.cells, data, cell.cell["threat"], radii)
        found |= {(name, r): text for r, text in zip(radii, texts, strict=True) if text}
    return found


def decibels_of(
    cells: Iterable[CellRecord],
    data: str,
    threat: Mapping[str, Any],
    radii: Sequence[float],
    *,
    view: str | None = None,
) -> tuple[str, ...]:
    """Return each radius of a recorded threat in decibels, as text.

    Args:
        cells: Completed cells of a run; the first one of a network says what the inputs are.
        data: Name of the data set.
        threat: The record of the threat in a cell.
        radii: Its radii.
        view: The view that it is on, where it is on one of several.
    Returns:
        One text per radius, as ``Threat.level`` says it: ``"-20.0 dBFS"``, ``"30 dB SNR"``; empty
        ones where decibels say nothing.
    """
    silent, cells = ("",) * len(radii), list(cells)
    if not any(holds_sound(cell.cell) for cell in cells if cell.data == data):
        return silent
    from spikeproof.analysis.inputs import recorded_domain  # both take torch, which only
    from spikeproof.threats import Threat  # runs on sounds need to be told of

    domain = recorded_domain(cells, data)
    if view is not None:
        domain = dict(getattr(domain, "parts", ())).get(view)
    if domain is None:
        return silent
    try:
        return tuple(Threat.from_record({**threat, "radius": r}, domain).level for r in radii)
    except (KeyError, TypeError, SettingError):  # a geometry of a package that is not here
        return silent


def holds_sound(cell: Mapping[str, Any]) -> bool:
    """Whether the network of a cell is given a sound, alone or beside something else.

    Example:
        >>> holds_sound({"model": {"domain": {"kind": "audio"}}}), holds_sound({"model": {}})
        (True, False)
        >>> holds_sound({"model": {"domain": {"views": [["left", {"kind": "audio"}]]}}})
        True
    """
    model = cell.get("model")
    domain = model.get("domain") if isinstance(model, Mapping) else None
    if not isinstance(domain, Mapping):
        return False
    views = domain.get("views", ())
    parts = [view[1] for view in views if isinstance(view, list | tuple) and len(view) == 2]
    return any(
        isinstance(part, Mapping) and part.get("kind") == "audio" for part in (domain, *parts)
    )
