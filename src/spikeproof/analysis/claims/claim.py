"""What a claim is, and the rules that turn an interval into a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from spikeproof.metrics import LEVEL, Estimate, Floats, Intervals

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = [
    "AGREEMENT",
    "ATTACK_BEATS_RANDOM",
    "BOUND_HOLDS",
    "FAR_BETTER",
    "MONTE_CARLO_ERRORS",
    "Claim",
    "Ruling",
    "Verdict",
    "VerdictPart",
    "above",
    "believed",
    "cases_needed",
    "combine",
    "estimate_of",
    "finite_or_none",
    "gain_bars",
    "given",
    "median",
    "missing",
    "points",
    "share",
    "show",
    "too_few",
    "value_of",
    "verdict_of",
    "within",
]

Ruling = Literal["supported", "contradicted", "undecided"]

# Measured over predicted random vulnerability counts as agreeing inside this range.
AGREEMENT = (0.5, 2.0)
# Share of items whose attack must move the probability at least as far as random draws do.
ATTACK_BEATS_RANDOM = 0.99
# Random accuracy must exceed robust accuracy by this much for "far better".
FAR_BETTER = 0.10
# Share of items that must obey the bound, and the allowance for noise in standard errors.
BOUND_HOLDS = 0.95
MONTE_CARLO_ERRORS = 2.0


@dataclass(frozen=True, kw_only=True)
class VerdictPart:
    """One comparison behind a verdict.

    Args:
        name: What is compared.
        verdict: What this comparison alone says.
        estimate: The number with its interval; None where it could not be computed.
        unit: Unit of the number.
        note: What else a reader needs.
    """

    name: str
    verdict: Ruling
    estimate: Estimate | None
    unit: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run says about one claim on one data set.

    Args:
        claim: Key of the claim.
        title: The claim in a few words.
        judged: What is judged, in one sentence.
        data: Data set, or ``"all"``.
        verdict: ``"supported"``, ``"contradicted"`` or ``"undecided"``.
        estimate: The deciding number with its 95 % interval; None where there is none.
        unit: Unit of the number.
        explanation: One sentence with the numbers, or what is missing.
        thresholds: The numbers that decide, in the unit of ``estimate``; two where agreement has
            two ends.
        detail: What belongs beside the verdict itself, such as ``"n = 240 of the 381 items
            needed"``; mostly empty.
        parts: Every comparison behind it.
        figure: What to plot: ``kind``, axis titles and ``series``, plain data.
    """

    claim: str
    title: str
    judged: str
    data: str
    verdict: Ruling
    estimate: Estimate | None
    unit: str
    explanation: str
    thresholds: tuple[float, ...] = ()
    detail: str = ""
    parts: tuple[VerdictPart, ...] = ()
    figure: Mapping[str, Any] = field(default_factory=dict)


class Claim(Protocol):
    """A claim that a run can support or contradict.

    A frozen dataclass whose class attributes say what it is. One that also has a method
    ``overall(results, verdicts) -> Verdict`` ends with a verdict on ``"all"`` data sets.
    """

    key: ClassVar[str]
    """Its name in the registry, in plans and in links of the report."""
    title: ClassVar[str]
    """A few words; what they say must be able to fail, so no definition."""
    judged: ClassVar[str]
    """What is judged, in one sentence."""

    def judge(self, results: Results, data: str) -> Verdict:
        """Judge the claim on one data set of a run.

        Args:
            results: Everything the run says.
            data: Data set.
        Returns:
            The verdict; ``undecided`` with the reason where the run does not hold what it takes.
        """
        ...


def verdict_of(claim: Claim, data: str, **values: Any) -> Verdict:
    """A verdict on a claim."""
    return Verdict(claim=claim.key, title=claim.title, judged=claim.judged, data=data, **values)


def missing(claim: Claim, data: str, reason: str) -> Verdict:
    """A verdict that could not be reached, and why."""
    return verdict_of(
        claim,
        data,
        verdict="undecided",
        estimate=None,
        unit="",
        explanation=f"Undecided: {reason}.",
    )


def combine(parts: Sequence[VerdictPart]) -> Ruling:
    """A claim stated without exception: one contradiction is enough, support needs every part."""
    answers = {part.verdict for part in parts}
    if "contradicted" in answers:
        return "contradicted"
    return "supported" if answers == {"supported"} else "undecided"


def above(estimate: Estimate, threshold: float) -> Ruling:
    """Whether a number lies above a threshold: supported or contradicted by the whole interval."""
    if estimate.low > threshold or estimate.low == threshold > 0:
        return "supported"
    return "contradicted" if estimate.high < threshold else "undecided"


def believed(ruling: Ruling, masking: str) -> Ruling:
    """What a gain in robust accuracy says where the gradients of the network are masked: nothing.

    Args:
        ruling: What the numbers say.
        masking: The verdict on gradient masking of the network that gains.
    Example:
        >>> believed("supported", "masked"), believed("supported", "not diagnosed")
        ('undecided', 'supported')
    """
    return "undecided" if ruling == "supported" and masking == "masked" else ruling


def cases_needed(threshold: float) -> int:
    """How many items that all agree it takes before their share is shown to reach a threshold.

    The Wilson interval of n of n begins at ``n / (n + z^2)``.

    Example:
        >>> [cases_needed(share) for share in (0.95, 0.99)]
        [73, 381]
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    return math.ceil(threshold * z**2 / (1 - threshold))


def too_few(outcome: Ruling, items: int, threshold: float) -> str:
    """How many items a share lacks to be shown at all; empty where that is not the reason.

    Networks and norms met the same items, so they are no further cases.
    """
    needed = cases_needed(threshold)
    if outcome != "undecided" or items >= needed:
        return ""
    return f"n = {items} of the {needed} items needed"


def within(estimate: Estimate, low: float, high: float) -> Ruling:
    """Whether a number lies inside a range."""
    if low <= estimate.low and estimate.high <= high:
        return "supported"
    return "contradicted" if estimate.high < low or estimate.low > high else "undecided"


def estimate_of(part: VerdictPart) -> Estimate:
    """The estimate of a part that has one."""
    assert part.estimate is not None
    return part.estimate


def value_of(part: VerdictPart) -> float:
    """The number of a part that has one."""
    return estimate_of(part).value


def points(estimate: Estimate) -> Estimate:
    """A difference of fractions in points."""
    ends = (100 * estimate.value, 100 * estimate.low, 100 * estimate.high)
    return Estimate(*ends, estimate.n, estimate.seeds, estimate.over)


def share(intervals: Intervals, table: Floats) -> Estimate | None:
    """The share of ones in a table, entries that are NaN left out; None where nothing is left."""
    estimate = intervals.share(table)
    return None if math.isnan(estimate.value) else estimate


def median(intervals: Intervals, table: Floats) -> Estimate | None:
    """The median of a table; None where every entry, or too many resamples, have no value."""
    estimate = intervals.median(table)
    return None if math.isnan(estimate.value) or math.isnan(estimate.low) else estimate


def given(estimate: Estimate | None) -> str:
    """What an interval does not allow for, as the end of a sentence; empty where it does."""
    if estimate is None or estimate.over == "networks":
        return ""
    return f", {estimate.given}"


def show(estimate: Estimate, form: str = ".2f") -> str:
    """``value [low, high]`` as text."""
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def finite_or_none(array: Floats) -> list[float | None]:
    """An array as plain numbers, None where it is not finite."""
    return [float(v) if math.isfinite(v) else None for v in np.ravel(array)]


def gain_bars(parts: Sequence[VerdictPart]) -> dict[str, Any]:
    """Gains in points with their intervals, as plain data of a figure."""
    rows = [(part.name, part.estimate) for part in parts if part.estimate is not None]
    series = {
        "name": "gain",
        "x": [name for name, _ in rows],
        "y": [estimate.value for _, estimate in rows],
        "low": [estimate.low for _, estimate in rows],
        "high": [estimate.high for _, estimate in rows],
    }
    axes = {"x": "", "y": "gain in points", "log": False}
    return {"kind": "bars", **axes, "thresholds": [0.0], "series": [series]}
