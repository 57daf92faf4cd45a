"""The claim that gradient sparsity bounds the gap between adversarial and random vulnerability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spikeproof.analysis.claims.claim import (
    AGREEMENT,
    BOUND_HOLDS,
    MONTE_CARLO_ERRORS,
    Verdict,
    VerdictPart,
    above,
    estimate_of,
    finite_or_none,
    given,
    median,
    missing,
    share,
    show,
    too_few,
    verdict_of,
    within,
)
from spikeproof.analysis.claims.probed import (
    needed_share,
    norms_in,
    part_of,
    probed,
    quotient,
    scatter,
)
from spikeproof.analysis.results import Results
from spikeproof.analysis.tables import Table
from spikeproof.metrics import Estimate, Floats, Intervals
from spikeproof.threats import shown_facts

__all__ = [
    "SparsityBoundsGap",
]


@dataclass(frozen=True, kw_only=True)
class SparsityBoundsGap:
    """Is the ratio at most ``3 ||g||_0`` under l_inf, and does it follow theory?"""

    key: ClassVar[str] = "sparsity-bounds-gap"
    title: ClassVar[str] = "first-order bound of the l_inf gap by gradient sparsity"
    judged: ClassVar[str] = (
        "Whether the measured ratio of adversarial to random vulnerability under l_inf stays "
        "below 3 ||g||_0, its first-order bound by the sparsity of the input gradient, in at "
        f"least {100 * BOUND_HOLDS:.0f} % of the items."
    )

    def judge(self, results: Results, data: str) -> Verdict:
        """The verdict on one data set."""
        found = probed(results, data, self)
        if isinstance(found, Verdict):
            return found
        training, table, _ = found
        if "upper_linf" not in table.values:
            return missing(self, data, f"the probe of {training!r} holds no l_inf")
        intervals = results.intervals(table)
        held = share(intervals, _obeys(table, "linf"))
        if held is None:
            return missing(self, data, f"no item of {training!r} has an input gradient under l_inf")
        parts = [part_of("linf: ratio ≤ 3‖g‖₀", above(held, BOUND_HOLDS), held, "share of items")]
        parts += _theory_parts(intervals, table)
        for other in results.sparse(data):
            parts += _bound_elsewhere(results, data, other)
        items = int(np.isfinite(table.values["upper_linf"]).any(0).sum())
        few = too_few(parts[0].verdict, items, BOUND_HOLDS)
        return verdict_of(
            self,
            data,
            verdict=parts[0].verdict,
            thresholds=(BOUND_HOLDS,),
            detail=few,
            estimate=held,
            unit="share of items",
            explanation=_explained(intervals, training, table, parts, few=few),
            parts=tuple(parts),
            figure=_figure(table),
        )


def _explained(
    intervals: Intervals, training: str, table: Table, parts: Sequence[VerdictPart], *, few: str
) -> str:
    """The deciding share, how much of the bound is used, and the other comparisons."""
    held = show(estimate_of(parts[0]), ".1%")
    tight = median(intervals, quotient(table.values["ratio_linf"], table.values["upper_linf"]))
    zero = int(np.isnan(table.values["upper_linf"]).sum())
    text = f"On {training!r} the l_inf ratio stays below 3‖g‖₀ in {held} of items"
    text += f" ({needed_share(BOUND_HOLDS, few)}){given(estimate_of(parts[0]))}"
    text += "" if tight is None else f", at a median of {tight.value:.2g} of the bound"
    text += "".join(f"; {p.name} {show(estimate_of(p))}" for p in parts[1:] if p.estimate)
    return text + (f"; {zero} items without a gradient left out" if zero else "") + "."


def _figure(table: Table) -> dict[str, Any]:
    """Measured against predicted ratio, with the bound, in every norm."""
    series = [
        {
            "name": norm,
            "x": finite_or_none(table.values[f"theory_{norm}"]),
            "y": finite_or_none(table.values[f"ratio_{norm}"]),
            "upper": finite_or_none(table.values[f"upper_{norm}"]),
        }
        for norm in norms_in(table)
    ]
    return scatter("ratio predicted from the gradient", "measured ratio", series)


def _theory_parts(intervals: Intervals, table: Table) -> list[VerdictPart]:
    """How the measured ratio follows theory in each norm, and where sparsity widens it."""
    parts = []
    for norm in norms_in(table):
        ratio, theory = table.values[f"ratio_{norm}"], table.values[f"theory_{norm}"]
        order = shown_facts(norm).order
        if order == 2:
            # Theory is the same number, n + 2, for every item: nothing to correlate with.
            estimate = median(intervals, quotient(ratio, theory))
            if estimate is not None:
                answer = within(estimate, *AGREEMENT)
                parts.append(part_of(f"{norm}: ratio / (n + 2)", answer, estimate, "median"))
            continue
        pairs = [(f"{norm}: rank correlation with theory", theory, 1.0)]
        if order in (0, 1):
            pairs.append((f"{norm}: rank correlation with ‖g‖₀", table.values["g_l0"], -1.0))
        for name, other, sign in pairs:
            link = _linked(intervals, ratio, other)
            if link is not None:
                turned = link if sign > 0 else _negated(link)
                parts.append(part_of(name, above(turned, 0.0), link, "correlation"))
    return parts


def _bound_elsewhere(results: Results, data: str, training: str) -> list[VerdictPart]:
    """The l_inf bound on another training."""
    table = results.probe(data, training)
    if table is None or "upper_linf" not in table.values:
        return []
    held = share(results.intervals(table), _obeys(table, "linf"))
    if held is None:
        return []
    name = f"linf: ratio ≤ 3‖g‖₀ on {training!r}"
    return [part_of(name, above(held, BOUND_HOLDS), held, "share of items")]


def _obeys(table: Table, norm: str) -> Floats:
    """1 where the gap obeys the bound up to Monte-Carlo error, NaN where there is no gradient."""
    random = table.values[f"rho_random_{norm}"]
    allowed = random + MONTE_CARLO_ERRORS * table.values[f"rho_random_se_{norm}"]
    upper = table.values[f"upper_{norm}"]
    held = table.values[f"rho_adv_{norm}"] <= upper * allowed
    return np.where(np.isnan(upper), np.nan, held.astype(np.float64))


def _linked(intervals: Intervals, left: Floats, right: Floats) -> Estimate | None:
    """Rank correlation with its interval; None where a series is constant or empty."""
    if int((np.isfinite(left) & np.isfinite(right)).sum()) < 3:
        return None
    estimate = intervals.rank_correlation(left, right)
    return estimate if np.isfinite([estimate.value, estimate.low]).all() else None


def _negated(estimate: Estimate) -> Estimate:
    """The estimate of the opposite number."""
    return replace(estimate, value=-estimate.value, low=-estimate.high, high=-estimate.low)
