"""From numbers of checks to a confusion table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from spikeproof.evaluate.doctor import Check, MaskingVerdict, Thresholds, judged
from spikeproof.metrics import wilson_ends

__all__ = ["FOUND", "confusion", "rates", "rejudged", "restated"]

FOUND = ("masked", "suspicious")
"""Verdicts by which a broken entry counts as found, and a sound one as a false alarm."""

Row = Mapping[str, Any]
_NAMES = frozenset(field.name for field in fields(Thresholds)) - {"fewest", "hints"}


def _key(check: Mapping[str, Any]) -> str:
    return str(check["name"]).replace("-", "_")


def rejudged(row: Row, limits: Thresholds) -> str:
    """The verdict of an entry's checks under some thresholds.

    Args:
        row: With ``threat``, ``items`` and ``checks``.
        limits: Where checks begin to count.
    """
    return _judged(row, limits).verdict


def restated(row: Row) -> list[dict[str, Any]]:
    """The checks of a row with the states that their numbers have today.

    Args:
        row: With ``threat``, ``items`` and ``checks``.
    """
    checks = _judged(row, None).checks
    return [{**check, "state": one.state} for check, one in zip(row["checks"], checks, strict=True)]


def _judged(row: Row, limits: Thresholds | None) -> MaskingVerdict:
    """The verdict of a row under some thresholds; under those that it was measured by if none."""
    checks = [
        Check(
            name=check["name"],
            weight=check["weight"],
            number=check["number"],
            threshold=check["threshold"]
            if limits is None or not _moves(check)
            else getattr(limits, _key(check)),
            below=check["below"],
            needed=check["needed"],
            symptom=check.get("symptom", False),
            seen="-",
            why="-",
            settles="-",
            mend="-",
        )
        for check in row["checks"]
    ]
    return judged(row["threat"], checks, limits or Thresholds(), items=row["items"])


def _moves(check: Mapping[str, Any]) -> bool:
    """Whether a check has a threshold of its own."""
    return _key(check) in _NAMES and check["threshold"] is not None


def confusion(rows: Iterable[Row], limits: Thresholds) -> dict[str, dict[str, int]]:
    """How many entries of each truth have which verdict."""
    table = {
        truth: dict.fromkeys(("masked", "suspicious", "undecided", "sound"), 0)
        for truth in ("broken", "sound")
    }
    for row in rows:
        table[row["truth"]][rejudged(row, limits)] += 1
    return table


def rates(table: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Shares found and false alarms, each with its count and its 95 % interval (Wilson)."""
    shares = {}
    for name, truth in (("found", "broken"), ("false_alarms", "sound")):
        of = sum(table[truth].values())
        hits = sum(table[truth][verdict] for verdict in FOUND)
        low, high = wilson_ends(hits, of) if of else (0.0, 1.0)
        shares[name] = {
            "count": hits,
            "of": of,
            "share": hits / of if of else None,
            "interval": [round(low, 4), round(high, 4)],
        }
    return shares
