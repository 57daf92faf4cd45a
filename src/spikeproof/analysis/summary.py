"""Everything a run says, computed once: what a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikeproof.analysis.claims import Verdict, verdicts
from spikeproof.analysis.data_summary import DataSummary, data_summary
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.results import Results
from spikeproof.analysis.rows import FlagRow

__all__ = ["Summary", "summarise"]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run says, as it was when it was read.

    Args:
        name: Name of the plan.
        split: Which items the numbers are about.
        seeds: Seeds with completed cells, ascending.
        data: One entry per data set, in the order of the plan.
        verdicts: On the claims of the plan.
        gallery: Data set → broken items that attack cells kept, as arrays with their origin.
        provenance: Where the numbers come from, and what is missing.
        cells: The completed cells.
        flags: What was seen of each network that makes its numbers doubtful.
        withheld: Data set and training whose robust accuracy is withheld → the flags that stop it.
    """

    name: str
    split: str
    seeds: tuple[int, ...]
    data: tuple[DataSummary, ...]
    verdicts: tuple[Verdict, ...]
    gallery: Mapping[str, tuple[Mapping[str, Any], ...]]
    provenance: Mapping[str, Any]
    cells: tuple[CellRecord, ...]
    flags: tuple[FlagRow, ...] = ()
    withheld: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


def summarise(results: Results) -> Summary:
    """Compute everything that a run says.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    Raises:
        FileProblem: a file of a complete cell is missing or not whole.
        SettingError: the plan names a claim that is not registered here.
    """
    return Summary(
        name=str(results.plan.get("name", "run")),
        split=results.split,
        seeds=tuple(results.seeds()),
        data=tuple(data_summary(results, data) for data in results.data()),
        verdicts=tuple(verdicts(results)),
        gallery={data: tuple(results.gallery(data)) for data in results.data()},
        provenance=results.provenance(),
        cells=tuple(results.cells),
        flags=results.flags,
        withheld=results.withheld,
    )
