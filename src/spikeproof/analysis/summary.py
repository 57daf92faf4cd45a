"""Everything a run says, computed once: what a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikeproof.analysis.attacked import SuiteUse, suites_used
from spikeproof.analysis.claims import Verdict, verdicts
from spikeproof.analysis.data_summary import DataSummary, data_summary
from spikeproof.analysis.diagnosed import MaskingRow
from spikeproof.analysis.examples import ExampleItem
from spikeproof.analysis.grids import GridRow
from spikeproof.analysis.masking import MaskingChecks, masking_checks
from spikeproof.analysis.question import QUESTIONS, question_of
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.results import Results
from spikeproof.analysis.rows import FlagRow
from spikeproof.analysis.works import works_of

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
        gallery: Data set → items that attacks broke, under every training and threat.
        provenance: Where the numbers come from, and what is missing.
        cells: The completed cells.
        flags: What was seen of each network that makes its numbers doubtful.
        withheld: Data set and training whose robust accuracy is withheld → the flags that stop it.
        question: What the run was asked, by its plan or by what it compares.
        asks: The same where it is one of ``QUESTIONS``, by its name; else empty.
        suites: How the networks were attacked.
        works: Keys of the works that the run used.
        checks: Which checks for masking were made, and which were not.
        masking: The verdicts on masking, network by network; none where nobody asked for them.
        grids: The grids of joint budgets, network by network; none where nobody asked for them.
    """

    name: str
    split: str
    seeds: tuple[int, ...]
    data: tuple[DataSummary, ...]
    verdicts: tuple[Verdict, ...]
    gallery: Mapping[str, tuple[ExampleItem, ...]]
    provenance: Mapping[str, Any]
    cells: tuple[CellRecord, ...]
    flags: tuple[FlagRow, ...] = ()
    withheld: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    question: str = ""
    asks: str = ""
    suites: tuple[SuiteUse, ...] = ()
    works: tuple[str, ...] = ()
    checks: MaskingChecks = field(default_factory=MaskingChecks)
    masking: tuple[MaskingRow, ...] = ()
    grids: tuple[GridRow, ...] = ()


def summarise(results: Results) -> Summary:
    """Compute everything that a run says.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    Raises:
        FileProblem: a file of a complete cell is missing or not whole.
        SettingError: the plan names a claim that is not registered here.
    """
    data = tuple(data_summary(results, one) for one in results.data())
    suites = suites_used(results.cells)
    trainings = list(dict.fromkeys(name for one in data for name in one.trainings))
    asked = str(results.plan.get("question") or "")
    signs = [sign for one in data for sign in one.masking]
    return Summary(
        name=str(results.plan.get("name", "run")),
        split=results.split,
        seeds=tuple(results.seeds()),
        data=data,
        verdicts=tuple(verdicts(results)),
        gallery={one.data: tuple(results.gallery(one.data)) for one in data},
        provenance=results.provenance(),
        cells=tuple(results.cells),
        flags=results.flags,
        withheld=results.withheld,
        question=question_of(results.plan, trainings),
        asks=asked if asked in QUESTIONS else "",
        suites=suites,
        works=tuple(works_of(results.cells)),
        checks=masking_checks(signs, suites, diagnosed=results.diagnosed),
        masking=results.masking,
        grids=results.grids,
    )
