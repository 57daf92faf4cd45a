"""What makes numbers doubtful, as the page shows it: rows of a table, and what is withheld."""

from __future__ import annotations

from dataclasses import dataclass

from spikeproof.analysis import FlagRow, Summary
from spikeproof.report.labels import data_title, listed, pretty

__all__ = ["ShownFlag", "shown_flags", "withheld_sentences"]


@dataclass(frozen=True, kw_only=True)
class ShownFlag:
    """A flag with the networks that it was seen of.

    Args:
        where: Data set, training and seeds.
        name: Of the flag.
        how: ``"withholds"``, ``"overridden"`` or ``"doubt"``.
        seen: What was seen, with numbers.
        why: Why it matters.
        mend: What to do.
    """

    where: str
    name: str
    how: str
    seen: str
    why: str
    mend: str


def shown_flags(summary: Summary) -> list[ShownFlag]:
    """Every flag of a run, those that stop numbers first."""
    rows = sorted(summary.flags, key=lambda row: not row.stop)
    return [
        ShownFlag(
            where=f"{data_title(row.data)}, {row.training}, seed {row.seed}",
            name=row.name,
            how=_how(row),
            seen=pretty(row.seen),
            why=pretty(row.why),
            mend=pretty(row.mend),
        )
        for row in rows
    ]


def withheld_sentences(summary: Summary) -> list[str]:
    """What of the run is not stated, and for which flags; and what is stated in spite of some."""
    found = [
        f"Robust accuracy of {training} on {data_title(data)} is withheld for the flags "
        f"{listed(list(names))}: the attacks say nothing of it."
        for (data, training), names in summary.withheld.items()
    ]
    overridden = {row.name: None for row in summary.flags if row.overridden}
    if overridden:
        found.append(
            f"Robust accuracy is stated despite the flags {listed(list(overridden))}, as the plan "
            "asks."
        )
    return found


def _how(row: FlagRow) -> str:
    """What a flag does to the numbers."""
    if not row.stop:
        return "doubt"
    return "overridden" if row.overridden else "withholds"
