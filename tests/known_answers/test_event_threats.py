"""Flips and retimings against exhaustive search and SciPy's assignment: nearest and best points."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.evaluate.lengths import measured
from spikeproof.rescore.legality import _length
from spikeproof.threats import (
    GEOMETRIES,
    Counts,
    Flips,
    Geometry,
    Relative,
    Retiming,
    Threat,
    Within,
)
from spikeproof.threats.timing import Worth, best_lines

BITS = Domain(kind="events", shape=(3, 2, 2, 1), high=1.0, integer=True)
WIDE = Domain(kind="events", shape=(1, 1, 3, 4), high=1.0, integer=True)
COUNTS = Domain(kind="events", shape=(4, 1, 1, 2), high=2.0, integer=True)


@cache
def every(domain: Domain) -> Tensor:
    """All inputs of a small domain."""
    values = range(int(domain.high) + 1)
    points = torch.tensor(list(itertools.product(values, repeat=domain.size)))
    return points.double().view(-1, *domain.shape)


# Geometry, radius, domain, and the share of items whose nearest and best points must be exact.
CASES: list[tuple[Geometry, float, Domain, float]] = [
    (Flips(), 3.0, BITS, 1.0),
    (Flips("insert"), 2.0, BITS, 1.0),
    (Flips("delete"), 2.0, BITS, 1.0),
    (Flips(exclusive=True), 3.0, BITS, 0.8),  # its last flip may be the second best
    (Flips("insert", exclusive=True), 2.0, BITS, 1.0),
    (Retiming("inf"), 1.0, BITS, 1.0),
    (Retiming("inf"), 2.0, COUNTS, 1.0),
    (Retiming("l1"), 1.0, BITS, 1.0),
    (Retiming("l1"), 3.0, BITS, 0.8),  # of its last steps not all may be spent at their best
    (Retiming("l1"), 3.0, COUNTS, 0.8),
    (Retiming("l0"), 2.0, BITS, 1.0),
    (Retiming("l0"), 2.0, COUNTS, 1.0),
    (Relative(Flips()), 0.3, BITS, 1.0),
    (Relative(Counts()), 0.3, COUNTS, 1.0),
    (Relative(Retiming("l0")), 0.3, BITS, 1.0),
    (Within(Flips(), "frame"), 2.0, WIDE, 1.0),
    (Within(Flips(), "patch", 2), 2.0, WIDE, 1.0),
    (Within(Flips(), "dash", 2, 0, 1), 1.0, WIDE, 1.0),
]
each_case = pytest.mark.parametrize(
    ("geometry", "radius", "domain", "exact"),
    CASES,
    ids=[f"{g.name}-{r:g}-{d.high:g}" for g, r, d, _ in CASES],
)


@each_case
def test_nearest_and_best_points_are_those_of_exhaustive_search(
    geometry: Geometry, radius: float, domain: Domain, exact: float
) -> None:
    threat, points, n = Threat(geometry, radius, domain), every(domain), 20
    draws = torch.Generator().manual_seed(0)
    x = points[torch.randint(len(points), (n,), generator=draws)]
    z = torch.randn(n, *domain.shape, generator=draws, dtype=torch.float64) + 0.5
    grad = torch.randn(n, *domain.shape, generator=draws, dtype=torch.float64)
    nearest, best = threat.project(z, x), x + threat.step(grad, x, x)
    hits = [0, 0]
    for i in range(n):
        clean = x[i : i + 1].expand_as(points)
        legal = points[threat.distance(points, clean) <= radius]
        far = (nearest[i] - z[i]).square().sum() - (legal - z[i]).square().flatten(1).sum(1).min()
        short = ((legal - x[i]) * grad[i]).flatten(1).sum(1).max() - (
            (best[i] - x[i]) * grad[i]
        ).sum()
        assert far > -1e-9 and short > -1e-9  # nothing illegal does better
        hits[0] += bool(far < 1e-9)
        hits[1] += bool(short < 1e-9)
    assert min(hits) >= exact * n, hits


@each_case
def test_three_measures_that_share_no_code_agree_on_every_input(
    geometry: Geometry, radius: float, domain: Domain, exact: float
) -> None:
    """The threat, verification, and scoring again; legal or not."""
    threat, points = Threat(geometry, radius, domain), every(domain)
    draws = torch.Generator().manual_seed(1)
    for i in torch.randint(len(points), (3,), generator=draws).tolist():
        clean = points[i : i + 1].expand_as(points)
        length = threat.distance(points, clean).numpy()
        assert np.array_equal(measured(threat, points, clean), length)
        record = {"shape": domain.shape, "kind": "events"}
        again = _length(GEOMETRIES.record(geometry), record, points.numpy(), clean.numpy())
        assert np.array_equal(again, length)
        reach = float(threat.reach(points[i : i + 1]))
        if isinstance(geometry, Within) or geometry == Retiming("l0"):
            assert reach >= length[np.isfinite(length)].max()  # "no less than", as they say
        else:
            assert reach == length[np.isfinite(length)].max()


@pytest.mark.parametrize("reach", [1, 2, None])
@pytest.mark.parametrize("price", [0.0, 0.4])
def test_every_line_is_the_optimum_of_scipys_assignment(reach: int | None, price: float) -> None:
    """Spikes to steps, each step once, at ``g[t] - price |t - s|`` within reach."""
    draws = torch.Generator().manual_seed(0)
    x = (torch.rand(9, 150, generator=draws) < 0.4).double()
    grad = torch.randn(9, 150, generator=draws, dtype=torch.float64)
    each = torch.full((150,), price, dtype=torch.float64)
    found = best_lines(Worth(grad, 0.0), x, 1.0, reach=reach, price=each)
    assert torch.equal(found.sum(0), x.sum(0)) and found.max() == 1
    for line, value, own in zip(x.T.numpy(), grad.T.numpy(), found.T.numpy(), strict=True):
        source, steps = line.nonzero()[0], np.arange(9)
        shift = np.abs(source[:, None] - steps)
        gain = value - price * shift
        gain = np.where(shift <= (9 if reach is None else reach), gain, -1e6)
        row, column = linear_sum_assignment(gain, maximize=True)
        moved = np.abs(own.nonzero()[0] - source).sum()
        ours = value[own > 0].sum() - price * moved
        assert ours == pytest.approx(gain[row, column].sum(), abs=1e-9)


def test_a_shared_budget_is_spent_almost_as_well_as_it_can_be() -> None:
    """Against the knapsack over all lines, solved exactly; on 40 lines of 8 steps."""
    domain = Domain(kind="events", shape=(8, 40), high=1.0, integer=True)
    draws = torch.Generator().manual_seed(0)
    x = (torch.rand(4, 8, 40, generator=draws) < 0.3).double()
    grad = torch.randn(4, 8, 40, generator=draws, dtype=torch.float64)
    for budget in (3, 10, 40):
        threat = Threat(Retiming("l1"), budget, domain)
        ours = (grad * threat.step(grad, x, x)).flatten(1).sum(1)
        exact = [knapsack(g.T, v.T, budget) for g, v in zip(grad, x, strict=True)]
        best = torch.tensor(exact, dtype=torch.float64)
        assert (ours <= best + 1e-9).all()
        assert (ours >= 0.97 * best).all(), (budget, ours / best)


def knapsack(grad: Tensor, x: Tensor, budget: int) -> float:
    """The most that the lines of an item gain together, line by line and step by step."""
    total = np.full(budget + 1, 0.0)
    for value, line in zip(grad.numpy(), x.numpy(), strict=True):
        source = line.nonzero()[0]
        gains = np.full(budget + 1, -np.inf)
        for target in itertools.combinations(range(8), len(source)):
            moved = int(np.abs(np.array(target) - source).sum()) if len(source) else 0
            if moved <= budget:
                gains[moved] = max(gains[moved], value[list(target)].sum() - value[source].sum())
        total = np.array(
            [max(total[b - c] + gains[c] for c in range(b + 1)) for b in range(budget + 1)]
        )
    return float(total.max())


@pytest.mark.parametrize(
    ("geometry", "radius"), [(Flips(), 7.0), (Flips("delete"), 4.0), (Retiming("l0"), 5.0)]
)
def test_random_changes_are_as_large_as_the_radius_so_that_they_are_a_fair_control(
    geometry: Geometry, radius: float
) -> None:
    domain = Domain(kind="events", shape=(10, 2, 6, 6), high=1.0, integer=True)
    x = (torch.rand(20, *domain.shape, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    threat = Threat(geometry, radius, domain)
    moved = threat.distance(threat.sample(x, seeds(0, n=20)), x)
    assert (moved == radius).all()


def test_random_jitter_shifts_every_event_evenly() -> None:
    domain = Domain(kind="events", shape=(21, 400), high=1.0, integer=True)
    x = torch.zeros(5, 21, 400)
    x[:, 10] = 1
    moved = Threat(Retiming("inf"), 3, domain).sample(x, seeds(0, n=5))
    share = moved.sum((0, 2))[7:14] / 2000
    assert moved.sum() == x.sum() and (share - 1 / 7).abs().max() < 0.03
    total = Threat(Retiming("l1"), 150, domain)
    assert (total.distance(total.sample(x, seeds(0, n=5)), x) == 150).all()


def test_an_item_keeps_its_own_budget_in_any_batch() -> None:
    """A budget is never shared: a quiet item beside a busy one, and alone."""
    domain = Domain(kind="events", shape=(6, 2, 3, 3), high=1.0, integer=True)
    draws = torch.Generator().manual_seed(0)
    rate = torch.tensor([0.05, 0.3, 0.6, 0.0]).view(4, 1, 1, 1, 1)
    x = (torch.rand(4, *domain.shape, generator=draws) < rate).float()
    z = torch.randn(4, *domain.shape, generator=draws)
    for geometry, radius in [
        (Retiming("l1"), 4.0),
        (Retiming("l0"), 3.0),
        (Relative(Retiming("l1")), 0.5),
        (Relative(Flips()), 0.25),
    ]:
        threat = Threat(geometry, radius, domain)
        together = threat.project(z, x)
        alone = torch.cat([threat.project(z[i : i + 1], x[i : i + 1]) for i in range(4)])
        assert torch.equal(together, alone)
        assert (threat.distance(together, x) <= radius).all()
        if isinstance(geometry, Relative):
            assert torch.equal(together[3], x[3])
