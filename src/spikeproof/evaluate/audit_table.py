"""The numbers of an audit as plain data, and as the lines of a table."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.evaluate.diagnose import Flag, withheld
from spikeproof.evaluate.outcome import Outcome
from spikeproof.metrics import Intervals
from spikeproof.names import radius_text

__all__ = [
    "attack_lines",
    "flag_lines",
    "flags_record",
    "interval",
    "overridden",
    "rows_of",
    "stopped",
    "threat_record",
]

_WIDTH = 100


def interval(hits: np.ndarray[Any, Any]) -> list[float]:
    """The 95 % interval of a share: what the matrix of a run says of one network."""
    share = Intervals(1, len(hits)).share(np.asarray(hits, dtype=np.float64)[None])
    return [share.low, share.high]


def threat_record(outcome: Outcome, *, stated: bool = True) -> dict[str, Any]:
    """One ladder as plain data; robust accuracy is None where it is not to be stated."""
    rows = []
    for number, threat in enumerate(outcome.ladder):
        alive = outcome.correct & ~outcome.broken[number]
        share = outcome.random_accuracy[number]
        rows.append(
            {
                "radius": threat.radius,
                "random": None if np.isnan(share) else share,
                "robust": float(alive.mean()) if stated else None,
                "interval": interval(alive) if stated else None,
                **({"level": level} if (level := threat.level) else {}),
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
            radius = radius_text(row["radius"])
            line = _line(threat["name"], radius, row["random"], row["robust"], row["interval"])
            lines.append(line + _level(row))
    lines.append(_line("union", "", None, content["union_accuracy"], content["union_interval"]))
    return lines


def attack_lines(content: Mapping[str, Any]) -> list[str]:
    """The lines of the table of one attack, from its result as plain data."""
    name, _, radius = content["threat"].partition(":")
    robust, ends = content["robust_accuracy"], content["interval"]
    return [
        f"{content['n']} items given, attack {content['attack']['kind']}, seed {content['seed']}",
        f"{'threat':<12}{'radius':>9}{'':>9}{'right':>9}   95 % interval",
        _line("clean", "", None, content["clean_accuracy"], content["clean_interval"]),
        _line(name, radius_text(float(radius)), None, robust, ends) + _level(content),
    ]


def flags_record(flags: Sequence[Flag] | None, despite: Sequence[str]) -> dict[str, Any]:
    """Flags as plain data, which of them withhold numbers, and which are overridden.

    Nothing where nobody looked, as audits had it before there were flags.
    """
    if flags is None:
        return {}
    return {
        "flags": [flag.record() for flag in flags],
        "withheld": list(withheld(flags, despite)),
        "despite": list(despite),
    }


def flag_lines(flags: Sequence[Flag] | None, despite: Sequence[str]) -> list[str]:
    """The lines of a table that say what makes its numbers doubtful."""
    lines = []
    names = withheld(flags, despite)
    if names:
        lines.append(
            f"Robust accuracy is withheld ({', '.join(names)}); despite={names!r} states it."
        )
    if said := overridden(flags, despite):
        lines.append(f"Robust accuracy is {said}.")
    for flag in flags or ():
        text = f"{'STOP' if flag.stop else 'flag'} {flag.name}: {flag.sentence}"
        lines += textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False)
    return lines


def overridden(flags: Sequence[Flag] | None, despite: Sequence[str]) -> str:
    """The stops in spite of which a number is stated, in words; nothing where there are none."""
    names = [flag.name for flag in flags or () if flag.stop and flag.name in despite]
    return f"stated despite {', '.join(dict.fromkeys(names))}" if names else ""


def stopped(what: str, flags: Sequence[Flag] | None, despite: Sequence[str]) -> str:
    """One line for a result that is withheld: what stops it first, each with its mend.

    Args:
        what: What is withheld.
        flags: What was seen.
        despite: Names of flags that are overridden.
    """
    names = withheld(flags, despite)
    stops = [f"STOP {f.name}: {f.sentence}" for f in flags or () if f.stop and f.name in names]
    told = f"{what} withheld ({', '.join(names)}); despite={names!r} states it"
    return f"<{' '.join(stops)} {told}>"


def _level(row: Mapping[str, Any]) -> str:
    """The radius of a waveform in decibels, behind its line."""
    return f"   {row['level']}" if row.get("level") else ""


def _line(
    name: str,
    radius: str,
    random: float | None,
    robust: float | None,
    ends: Sequence[float] | None,
) -> str:
    """One line of the table."""
    drawn = "" if random is None else f"{100 * random:.1f}"
    if robust is None or ends is None:
        return f"{name:<12}{radius:>9}{drawn:>9}{'withheld':>9}"
    low, high = (100 * end for end in ends)
    return f"{name:<12}{radius:>9}{drawn:>9}{100 * robust:>9.1f}   {low:.1f} to {high:.1f}"
