"""The numbers of an audit as plain data, and as the lines of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.evaluate.outcome import Outcome
from spikeproof.metrics import wilson

__all__ = ["interval", "rows_of", "threat_record"]


def interval(hits: np.ndarray[Any, Any]) -> list[float]:
    """The 95 % interval of a share."""
    return list(wilson(int(hits.sum()), len(hits)))


def threat_record(outcome: Outcome) -> dict[str, Any]:
    """One ladder as plain data."""
    rows = []
    for number, threat in enumerate(outcome.ladder):
        alive = outcome.correct & ~outcome.broken[number]
        share = outcome.random_accuracy[number]
        rows.append(
            {
                "radius": threat.radius,
                "random": None if np.isnan(share) else share,
                "robust": float(alive.mean()),
                "interval": interval(alive),
                **({"unsettled": outcome.unsettled[number]} if outcome.unsettled else {}),
            }
        )
    record = outcome.ladder[0].record()
    return {
        "name": outcome.name,
        "geometry": record["geometry"],
        "space": record["space"],
        "rows": rows,
        "passes": {"forward": outcome.passes.forward, "backward": outcome.passes.backward},
        "members": outcome.first_breaks(),
        **({"not_run": list(outcome.not_run)} if outcome.not_run else {}),
    }


def rows_of(content: Mapping[str, Any]) -> list[str]:
    """The lines of the table, one per threat and radius, from an audit as plain data."""
    lines = [_line("clean", "", None, content["clean_accuracy"], content["clean_interval"])]
    for threat in content["threats"]:
        for row in threat["rows"]:
            radius = f"{row['radius']:g}"
            lines.append(
                _line(threat["name"], radius, row["random"], row["robust"], row["interval"])
            )
    lines.append(_line("union", "", None, content["union_accuracy"], content["union_interval"]))
    return lines


def _line(
    name: str, radius: str, random: float | None, robust: float, ends: Sequence[float]
) -> str:
    """One line of the table."""
    drawn = "" if random is None else f"{100 * random:.1f}"
    low, high = (100 * end for end in ends)
    return f"{name:<12}{radius:>9}{drawn:>9}{100 * robust:>9.1f}   {low:.1f} to {high:.1f}"
