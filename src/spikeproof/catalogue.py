"""What there is under which names, read from a file: free of torch, so that ``spikeproof list``,
completion and the tables of stored runs answer at once.

``scripts/generate_docs.py`` writes the file from the registries; a test fails when it is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["FILE", "all_names", "data_specs", "guest_points", "kinds", "norms", "rows", "words"]

FILE = "catalogue.json"
_GROUPS = {"data": "datasets"}  # where entry points go by another word


@cache
def _content() -> dict[str, Any]:
    """What the file holds."""
    text = files("spikeproof").joinpath(FILE).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def kinds() -> list[str]:
    """Return the kinds of things that there are, in the order of ``spikeproof list``.

    Example:
        >>> kinds()[:3]
        ['data', 'models', 'encoders']
    """
    return [name for name, _ in _content()["kinds"]]


def rows(kind: str) -> dict[str, str]:
    """Return each name of a kind that is part of spikeproof, with what is said of it.

    Args:
        kind: One of ``kinds()``.
    Example:
        >>> rows("executors")["processes"]
        'Compute cells in fresh processes, one thread each.'
    """
    return dict(dict(_content()["kinds"])[kind])


def all_names(kind: str) -> list[str]:
    """Return the names of a kind, those that other packages offer among them.

    Args:
        kind: One of ``kinds()``.
    Example:
        >>> all_names("plans")
        ['demo', 'demo-real', 'quick', 'recipes']
    """
    group = f"spikeproof.{_GROUPS.get(kind, kind)}"
    offered = [point.name for point in guest_points() if point.group == group]
    return list(dict.fromkeys([*rows(kind), *sorted(offered)]))


def words(what: str) -> list[str]:
    """Return other names that the command line takes: ``"flags"`` or ``"settings"``."""
    return list(_content()["words"][what])


def data_specs() -> list[dict[str, Any]]:
    """Return what is known of every data set of the package, as plain data."""
    return list(_content()["data"])


def norms() -> Mapping[str, float]:
    """Return the threats of the package that are l_p norms, with their p, math.inf and 0 included.

    Example:
        >>> norms()["linf"], norms()["l0-features"], "counts" in norms()
        (inf, 0.0, False)
    """
    return {name: float(order) for name, order in _content()["norms"].items()}


@cache
def guest_points() -> tuple[EntryPoint, ...]:
    """Return what other packages offer to the registries, without importing any of it."""
    from importlib.metadata import entry_points  # a third of what a tab may take

    found = entry_points()
    groups = sorted(group for group in found.groups if group.startswith("spikeproof."))
    return tuple(point for group in groups for point in found.select(group=group))
