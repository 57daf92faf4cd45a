"""The seven claims the project starts from, and the rules that turn an interval into a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from spikeproof.metrics import Bootstrap, Estimate, Floats, wilson

__all__ = [
    "CLAIMS",
    "Claim",
    "Outcome",
    "Verdict",
    "VerdictPart",
    "above",
    "combine",
    "gain_bars",
    "listed",
    "median",
    "missing",
    "points",
    "share",
    "show",
    "verdict_on",
    "within",
]

Outcome = Literal["supported", "contradicted", "undecided"]

# Claim 1: measured over predicted random vulnerability counts as agreeing inside this range.
AGREEMENT = (0.5, 2.0)
# Claim 2: share of items whose attack must move the probability at least as far as random draws do.
ATTACK_BEATS_RANDOM = 0.99
# Claim 4: random accuracy must exceed robust accuracy by this much for "far better".
FAR_BETTER = 0.10
# Claim 5: share of items that must obey the bound, and the allowance for noise in standard errors.
BOUND_HOLDS = 0.95
MONTE_CARLO_ERRORS = 2.0


@dataclass(frozen=True)
class Claim:
    """One claim as it is made.

    Args:
        number: 1 to 7.
        title: A few words.
        statement: The claim in one sentence.
    """

    number: int
    title: str
    statement: str


CLAIMS = {
    claim.number: claim
    for claim in (
        Claim(
            1,
            "random vulnerability follows the gradient",
            "The random vulnerability of a model for l_p and radius r is the expected value of "
            "(f_y(x + r d) - f_y(x))^2 over d in the unit l_p ball.",
        ),
        Claim(
            2,
            "adversarial vulnerability is the supremum",
            "The adversarial vulnerability is the supremum of (f_y(x + r d) - f_y(x))^2 over d in "
            "the unit l_p ball.",
        ),
        Claim(
            3,
            "l_inf is the most destructive norm",
            "l_inf attacks are more destructive than l_0 and l_2 attacks.",
        ),
        Claim(
            4,
            "random noise is survived, attacks are not",
            "Spiking networks resist random perturbations far better than adversarial ones, even "
            "at larger scales.",
        ),
        Claim(
            5,
            "gradient sparsity bounds the gap",
            "The gap between adversarial and random vulnerability is upper-bounded by the sparsity "
            "of the input gradient.",
        ),
        Claim(
            6,
            "sparse gradients make robust",
            "Regularising the sparsity of the input gradient improves adversarial robustness.",
        ),
        Claim(
            7,
            "in every modality",
            "Sparse-gradient regularisation improves robustness on image and on event data.",
        ),
    )
}


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
    verdict: Outcome
    estimate: Estimate | None
    unit: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a run says about one claim on one data set.

    Args:
        claim: Number, 1 to 7.
        title: The claim in a few words.
        statement: The claim in one sentence.
        data: Data set, or ``"all"``.
        verdict: ``"supported"``, ``"contradicted"`` or ``"undecided"``.
        estimate: The deciding number with its 95 % interval; None where there is none.
        unit: Unit of the number.
        explanation: One sentence with the numbers, or what is missing.
        parts: Every comparison behind it.
        figure: What to plot: ``kind``, axis titles and ``series``, plain data.
    """

    claim: int
    title: str
    statement: str
    data: str
    verdict: Outcome
    estimate: Estimate | None
    unit: str
    explanation: str
    parts: tuple[VerdictPart, ...] = ()
    figure: Mapping[str, Any] = field(default_factory=dict)


def verdict_on(number: int, data: str, **values: Any) -> Verdict:
    """A verdict on one of the claims."""
    claim = CLAIMS[number]
    return Verdict(claim=number, title=claim.title, statement=claim.statement, data=data, **values)


def missing(number: int, data: str, reason: str) -> Verdict:
    """A verdict that could not be reached, and why."""
    return verdict_on(
        number,
        data,
        verdict="undecided",
        estimate=None,
        unit="",
        explanation=f"Undecided: {reason}.",
    )


def combine(parts: Sequence[VerdictPart]) -> Outcome:
    """A claim stated without exception: one contradiction is enough, support needs every part."""
    answers = {part.verdict for part in parts}
    if "contradicted" in answers:
        return "contradicted"
    return "supported" if answers == {"supported"} else "undecided"


def above(estimate: Estimate, threshold: float) -> Outcome:
    """Whether a number lies above a threshold: supported or contradicted by the whole interval."""
    if estimate.low > threshold or estimate.low == threshold > 0:
        return "supported"
    return "contradicted" if estimate.high < threshold else "undecided"


def within(estimate: Estimate, low: float, high: float) -> Outcome:
    """Whether a number lies inside a range."""
    if low <= estimate.low and estimate.high <= high:
        return "supported"
    return "contradicted" if estimate.high < low or estimate.low > high else "undecided"


def points(estimate: Estimate) -> Estimate:
    """A difference of fractions in points."""
    ends = (100 * estimate.value, 100 * estimate.low, 100 * estimate.high)
    return Estimate(*ends, estimate.n, estimate.seeds)


def share(bootstrap: Bootstrap, table: Floats) -> Estimate | None:
    """The share of ones in a table, entries that are NaN left out; None where nothing is left.

    Where all agree every resample agrees too, and the bootstrap would give an interval of no
    width; the Wilson interval of as many independent cases stands in.
    """
    kept = table[np.isfinite(table)]
    if not kept.size:
        return None
    estimate = bootstrap.mean(table)
    if estimate.value in (0.0, 1.0):
        low, high = wilson(int(kept.sum()), kept.size)
        return Estimate(estimate.value, low, high, estimate.n, estimate.seeds)
    return estimate


def median(bootstrap: Bootstrap, table: Floats) -> Estimate | None:
    """The median of a table; None where every entry, or too many resamples, have no value."""
    estimate = bootstrap.median(table)
    return None if math.isnan(estimate.value) or math.isnan(estimate.low) else estimate


def show(estimate: Estimate, form: str = ".2f") -> str:
    """``value [low, high]`` as text."""
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def listed(array: Floats) -> list[float | None]:
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
    return {"kind": "bars", "x": "", "y": "gain in points", "log": False, "series": [series]}
