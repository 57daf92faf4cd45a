"""A number with its interval; intervals of one share, and p values of several questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from spikeproof.base import SettingError

__all__ = ["LEVEL", "Estimate", "Over", "exact_bound", "holm", "wilson", "wilson_ends"]

LEVEL = 0.95

Over = Literal["items", "networks"]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Args:
        value: The number itself, from all seeds and items.
        low: Lower end of the interval.
        high: Upper end.
        n: Items.
        seeds: Independently trained networks.
        over: What the interval allows for: ``"networks"`` for other networks and other items,
            ``"items"`` for other items given these networks.
    """

    value: float
    low: float
    high: float
    n: int
    seeds: int
    over: Over = "items"

    @property
    def given(self) -> str:
        """Which interval it is, in words: ``"given these 2 networks"``."""
        if self.over == "networks":
            return f"over items and networks ({self.seeds})"
        return f"given these {self.seeds} networks" if self.seeds > 1 else "given this network"


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share.

    Args:
        successes: How many of n.
        n: Independent trials, at least 1.
    Raises:
        SettingError: counts that make no share.
    Example:
        >>> [round(end, 5) for end in wilson(873, 1000)]
        [0.85093, 0.89222]

    References:
        wilson1927
    """
    if not 0 <= successes <= n or n < 1:
        raise SettingError(f"wilson: need 0 <= successes <= n and n >= 1; got {successes} of {n}.")
    from scipy.stats import binomtest  # 0.7 s to import, so only where it is needed

    ends = binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return float(ends.low), float(ends.high)


def wilson_ends(successes: int, n: int) -> tuple[float, float]:
    """Return the same by the formula, for what must not wait until scipy.stats is imported.

    Example:
        >>> [round(end, 5) for end in wilson_ends(873, 1000)]
        [0.85093, 0.89222]

    References:
        wilson1927
    """
    if not 0 <= successes <= n or n < 1:
        raise SettingError(f"wilson: need 0 <= successes <= n and n >= 1; got {successes} of {n}.")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle, share = (successes + z * z / 2) / (n + z * z), successes / n
    half = z / (n + z * z) * math.sqrt(n * share * (1 - share) + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def exact_bound(successes: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the largest share that so many successes leave possible, one- and two-sided.

    The exact bound of Clopper and Pearson: the share under which as few successes have
    probability ``1 - level``, or half of that. Where none of n was seen the one-sided one is
    ``1 - (1 - level)^(1 / n)``, about ``3 / n``.

    Args:
        successes: How many of n.
        n: Independent trials, at least 1.
        level: Confidence.
    Returns:
        The one-sided bound and the upper end of the two-sided interval.
    Raises:
        SettingError: counts that make no share.
    Example:
        >>> [f"{bound:.2%}" for bound in exact_bound(0, 304)]
        ['0.98%', '1.21%']

    References:
        clopper1934
    """
    if not 0 <= successes <= n or n < 1:
        raise SettingError(
            f"exact_bound: need 0 <= successes <= n and n >= 1; got {successes} of {n}."
        )
    if successes == n:
        return 1.0, 1.0
    from scipy.special import betaincinv  # slow to import, so only where it is needed

    one, two = (
        float(betaincinv(successes + 1, n - successes, 1 - tail))
        for tail in (1 - level, (1 - level) / 2)
    )
    return one, two


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for having asked several questions (Holm's step-down rule).

    Args:
        p_values: One per question, in [0, 1].
    Raises:
        SettingError: a value outside [0, 1].
    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]

    References:
        holm1979
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise SettingError(f"holm: p values must lie in [0, 1]; got {list(p_values)}.")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted
