"""From numbers of checks to a confusion table: thresholds of the design half, verdicts of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from spikeproof.evaluate.doctor import Check, Thresholds, judged
from spikeproof.metrics import wilson_ends

__all__ = ["FOUND", "confusion", "fixed_on", "rates", "rejudged", "restated"]

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
    checks = [
        Check(
            name=check["name"],
            weight=check["weight"],
            number=check["number"],
            threshold=getattr(limits, _key(check)) if _moves(check) else check["threshold"],
            below=check["below"],
            needed=check["needed"],
            seen="-",
            why="-",
            settles="-",
            mend="-",
        )
        for check in row["checks"]
    ]
    return judged(row["threat"], checks, limits, items=row["items"]).verdict


def restated(row: Row) -> list[dict[str, Any]]:
    """The checks of a row with the states that their numbers have today.

    Args:
        row: With ``checks``.
    """
    found = []
    for check in row["checks"]:
        keys = ("name", "weight", "number", "threshold", "below", "needed")
        plain = {key: check[key] for key in keys}
        one = Check(**plain, seen="-", why="-", settles="-", mend="-")
        found.append({**check, "state": one.state})
    return found


def _moves(check: Mapping[str, Any]) -> bool:
    """Whether a check has a threshold of its own."""
    return _key(check) in _NAMES and check["threshold"] is not None


def fixed_on(rows: Iterable[Row], start: Thresholds | None = None) -> Thresholds:
    """Thresholds under which some rows hold no false alarm, and else as they stand.

    A threshold moves only where a sound entry that is called masked or suspicious raises its check:
    then to the middle between the worst sound number and the nearest broken one beyond it, or,
    where no broken one lies beyond, past the worst sound number by as much as that passed the
    threshold. Thresholds are not moved towards broken entries, so a check is never made more eager
    by what is known of them.

    Args:
        rows: Of entries, with ``truth`` and ``checks``.
        start: Where thresholds stand at first.
    """
    limits, rows = start or Thresholds(), list(rows)
    alarms = [row for row in rows if row["truth"] == "sound" and rejudged(row, limits) in FOUND]
    rows = [row for row in rows if row["truth"] != "sound"] + alarms
    for name in sorted(_NAMES):
        sound, broken, below = _numbers(rows, name)
        sign = -1.0 if below else 1.0
        limit = sign * getattr(limits, name)
        worst = max((sign * number for number in sound), default=limit)
        if worst <= limit:
            continue
        beyond = [sign * number for number in broken if sign * number > worst]
        moved = (worst + min(beyond)) / 2 if beyond else 2 * worst - limit
        limits = replace(limits, **{name: round(sign * moved, 4)})
    return limits


def _numbers(rows: Sequence[Row], name: str) -> tuple[list[float], list[float], bool]:
    """The numbers of one check, of sound and of broken entries, and whether it counts below."""
    sound, broken, below = list[float](), list[float](), False
    for row in rows:
        for check in row["checks"]:
            if _key(check) == name and check["number"] is not None and _moves(check):
                below = check["below"]
                (sound if row["truth"] == "sound" else broken).append(check["number"])
    return sound, broken, below


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
