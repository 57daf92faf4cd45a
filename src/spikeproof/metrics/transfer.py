"""Transfer across norms: how much of what training for q buys does training for p buy?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikeproof.base import InputError
from spikeproof.metrics.accuracy import Floats
from spikeproof.metrics.estimate import Over
from spikeproof.metrics.intervals import Intervals

__all__ = ["SMALLEST_GAIN", "Competitiveness", "TransferRatio", "competitiveness", "transfer_ratio"]

SMALLEST_GAIN = 0.02


@dataclass(frozen=True, kw_only=True)
class TransferRatio:
    """The transfer ratio tau with its 95 % interval, or the reason why there is none.

    Args:
        tau: 0 as if undefended, 1 as good as dedicated training; None where undefined.
        low: Lower end of the interval.
        high: Upper end.
        defined: Whether tau may be read.
        reason: Why not; empty where defined.
        over: What the interval allows for, as in ``Estimate``.
    """

    tau: float | None
    low: float | None
    high: float | None
    defined: bool
    reason: str = ""
    over: Over = "items"


def transfer_ratio(
    trained: Floats, dedicated: Floats, undefended: Floats, intervals: Intervals
) -> TransferRatio:
    """Compare a training with the one dedicated to a threat, under that threat.

    ``tau[p->q] = (R[p->q] - R[0->q]) / (R[q->q] - R[0->q])``. Undefined where the dedicated
    training gains less than 2 points over no defence, or where the interval of that gain covers 0.

    Args:
        trained: Survival under q of the model trained for p, ``(S, N)``.
        dedicated: The same of the model trained for q.
        undefended: The same of the undefended model.
        intervals: Those of S seeds and N items; they pair the three tables.
    Returns:
        tau, its interval, and whether it is defined.
    Raises:
        InputError: tables of another shape than the intervals are for.
    Example:
        >>> intervals = Intervals(1, 100)
        >>> rows = [np.repeat([[1.0, 0.0]], [n, 100 - n], axis=1) for n in (40, 70, 10)]
        >>> round(transfer_ratio(*rows, intervals).tau, 9)
        0.5
    """
    base = np.asarray(undefended, dtype=np.float64)
    gain = intervals.difference(dedicated, base)
    if gain.value < SMALLEST_GAIN:
        return _undefined(
            f"dedicated training gains {100 * gain.value:.1f} points, "
            f"less than {100 * SMALLEST_GAIN:.0f}"
        )
    if gain.low <= 0:
        return _undefined(
            f"the gain of dedicated training may be zero "
            f"({100 * gain.low:.1f} to {100 * gain.high:.1f} points)"
        )
    if trained is dedicated or trained is undefended:  # 1 and 0 by definition
        tau = float(trained is dedicated)
        return TransferRatio(tau=tau, low=tau, high=tau, defined=True, over=gain.over)
    found = intervals.ratio(trained, dedicated, base)
    if math.isnan(found.low):
        return _undefined("the gain of dedicated training may be too small to divide by")
    return TransferRatio(
        tau=found.value, low=found.low, high=found.high, defined=True, over=found.over
    )


def _undefined(reason: str) -> TransferRatio:
    """No ratio, and why."""
    return TransferRatio(tau=None, low=None, high=None, defined=False, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Competitiveness:
    """How close one training comes to the dedicated training of every threat.

    Args:
        average: Mean of ``acc / acc_dedicated`` over the threats.
        worst: The smallest of these.
        threats: How many threats entered.
    """

    average: float
    worst: float
    threats: int


def competitiveness(
    accuracy: Mapping[str, float], dedicated: Mapping[str, float]
) -> Competitiveness | None:
    """Return the competitiveness ratios of a training.

    ``CR = mean_P acc(P) / acc_dedicated(P)`` and the minimum over P, clean accuracy included where
    both mappings hold ``"clean"``. A threat without dedicated training, or where that training is
    left with nothing, is left out.

    Args:
        accuracy: Threat name to the accuracy of the training.
        dedicated: Threat name to the accuracy of the training dedicated to that threat.
    Returns:
        Ratios, 1 is as good as dedicated; None where no threat is left.
    Raises:
        InputError: no threat in common.
    Example:
        >>> competitiveness({"clean": 0.9, "linf": 0.3}, {"clean": 0.9, "linf": 0.6})
        Competitiveness(average=0.75, worst=0.5, threats=2)

    References:
        dai2023multirobustbench
    """
    shared = [name for name in accuracy if name in dedicated]
    if not shared:
        raise InputError("competitiveness: the two mappings have no threat in common.")
    ratios = [accuracy[name] / dedicated[name] for name in shared if dedicated[name] > 0]
    if not ratios:
        return None
    return Competitiveness(
        average=sum(ratios) / len(ratios), worst=min(ratios), threats=len(ratios)
    )
