"""Simulated studies with a known truth: networks by items, each with its own log odds.

The log odds that network s survives item i are ``mu + a_s + b_i``, both effects normal. The spread
of the networks is given in points of accuracy at a share of 50 %, where the project's own networks
were seen to differ by 9 and by 17; ``mu`` is such that the mean over networks and items is the
share asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy.special import expit

from spikeproof.metrics import Floats
from spikeproof.metrics.crossed import difference_ends, share_ends, spread_of

TAIL = 0.025
SHARES = (0.005, 0.02, 0.1, 0.35, 0.5, 0.98)
PAIRS = ((0.005, 0.02), (0.02, 0.02), (0.02, 0.1), (0.1, 0.2), (0.1, 0.9), (0.5, 0.5), (0.6, 0.45))
# Two trainings meet items that are hard for both, not equally.
ALIKE = 0.8

Ends = tuple[Floats, Floats]


@cache
def nodes() -> tuple[Floats, Floats]:
    """Points and weights of a mean over the standard normal distribution."""
    x, w = np.polynomial.hermite_e.hermegauss(80)
    return x, w / w.sum()


def _solved(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is 0."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return low


@cache
def network_effect(points: float, items: float) -> float:
    """The sd of log odds over networks that moves a share of 50 % by so many points."""
    x, w = nodes()

    def excess(sd: float) -> float:
        means = expit(sd * x[:, None] + items * x) @ w
        return float(np.sqrt((means**2) @ w - 0.25)) - points / 100

    return _solved(excess, 0.0, 12.0) if points else 0.0


@cache
def centre(share: float, sd: float) -> float:
    """The mean of the log odds whose mean probability is a share."""
    x, w = nodes()
    return _solved(lambda mu: float(expit(mu + sd * x) @ w) - share, -80.0, 80.0)


def one(
    rng: np.random.Generator, size: tuple[int, int, int], share: float, points: float, items: float
) -> tuple[Floats, Floats]:
    """Survival in many studies, ``(R, S, N)``, and the truth given their networks, ``(R,)``."""
    studies, networks, n = size
    effect = network_effect(points, items)
    mu = centre(share, float(np.hypot(effect, items)))
    a = mu + effect * rng.standard_normal((studies, networks, 1))
    table = rng.random(size) < expit(a + items * rng.standard_normal((studies, 1, n)))
    x, w = nodes()
    return table.astype(float), (expit(a + items * x) @ w).mean(1)


def beta(
    rng: np.random.Generator, size: tuple[int, int, int], share: float, points: float
) -> Floats:
    """Survival where the shares of networks are beta distributed, and items all alike.

    The spread falls with the square root of ``share (1 - share)`` only: near 0 and 1 most networks
    keep nothing, or lose nothing, and a few stand far apart. No method sees them in three networks.
    """
    studies, networks, _ = size
    total = (50 / points) ** 2 - 1
    own = rng.beta(share * total, (1 - share) * total, (studies, networks, 1))
    return (rng.random(size) < own).astype(float)


def two(
    rng: np.random.Generator,
    size: tuple[int, int, int],
    shares: Sequence[float],
    points: float,
    items: float,
) -> list[Floats]:
    """Survival of several trainings, networks of their own, items that are hard for all."""
    studies, networks, n = size
    effect = network_effect(points, items)
    sd = float(np.hypot(effect, items))
    common = np.sqrt(ALIKE) * rng.standard_normal((studies, 1, n))
    tables = []
    for share in shares:
        own = common + np.sqrt(1 - ALIKE) * rng.standard_normal((studies, 1, n))
        odds = centre(share, sd) + effect * rng.standard_normal((studies, networks, 1))
        tables.append((rng.random(size) < expit(odds + items * own)).astype(float))
    return tables


def share_interval(table: Floats, *, over_networks: bool = True) -> Ends:
    """The package's interval of a share, of many studies at once."""
    return share_ends(spread_of(table, over_networks=over_networks), TAIL)


def difference_interval(first: Floats, second: Floats, *, over_networks: bool = True) -> Ends:
    """The same of a paired difference."""
    spreads = (spread_of(t, over_networks=over_networks) for t in (first - second, first, second))
    return difference_ends(*spreads, TAIL)


def former(table: Floats, *, draws: int = 400) -> Ends:
    """The interval until 2026-11: percentiles of networks and items drawn independently."""
    _, networks, n = table.shape
    rng = np.random.default_rng(0)
    rows = rng.multinomial(networks, [1 / networks] * networks, draws) / networks
    columns = rng.multinomial(n, [1 / n] * n, draws) / n
    means = np.stack([np.einsum("bn,bn->b", rows @ study, columns) for study in table])
    low, high = np.quantile(means, (TAIL, 1 - TAIL), axis=1)
    return low, high


def covered(ends: Ends, truth: float | Floats) -> tuple[float, float]:
    """How often the truth lies inside, and how wide the intervals are in the mean."""
    low, high = ends
    inside = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    return float(inside.mean()), float((high - low).mean())
