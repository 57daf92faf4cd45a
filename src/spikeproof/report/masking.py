"""The verdicts on gradient masking, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from spikeproof.analysis import MaskingRow, Summary
from spikeproof.report.labels import data_title, listed, percent, pretty, threat_title

__all__ = ["ShownVerdict", "shown_verdicts"]


@dataclass(frozen=True, kw_only=True)
class ShownVerdict:
    """The verdict on one network under one threat.

    Args:
        where: Data set, training and seed.
        threat: Norm and radius.
        verdict: Sound, suspicious, masked or undecided.
        because: Why.
        claimed: What one attack through the network's own gradient leaves of the right items, %.
        strongest: What all attacks of the diagnosis together leave, %.
        raised: The checks that count, and the symptoms that were settled.
        not_made: The checks that were not made.
    """

    where: str
    threat: str
    verdict: str
    because: str
    claimed: str
    strongest: str
    raised: str
    not_made: str


def shown_verdicts(summary: Summary) -> list[ShownVerdict]:
    """Every verdict of a run, network by network.

    Args:
        summary: What the run says.
    """
    shown = []
    for row in summary.masking:
        name, _, radius = row.threat.partition(":")
        shown.append(
            ShownVerdict(
                where=f"{data_title(row.data)}, {row.training}, seed {row.seed}",
                threat=f"{threat_title(name)} {radius}",
                verdict=row.verdict,
                because=pretty(row.because),
                claimed="–" if row.claimed is None else percent(row.claimed),
                strongest="–" if row.strongest is None else percent(row.strongest),
                raised=_counting(row),
                not_made=listed(list(row.not_made)) or "none",
            )
        )
    return shown


def _counting(row: MaskingRow) -> str:
    """The checks that count, and the symptoms that were settled."""
    counted = listed(list(row.raised)) or "none"
    return counted + (f"; settled: {listed(list(row.settled))}" if row.settled else "")
