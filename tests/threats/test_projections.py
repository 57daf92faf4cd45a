"""Projections are the nearest points: against a solver, brute force and optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from spikeproof.data import Domain
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Linf, Threat
from support.threat_cases import draw


@given(st.integers(0, 10_000), st.floats(0.05, 3.0), st.sampled_from([L1(), L2(), Linf()]))
def test_projections_are_the_nearest_points_of_ball_and_box(
    seed: int, radius: float, geometry: Geometry
) -> None:
    """Against a general-purpose constrained solver."""
    domain = Domain(kind="audio", shape=(4,), low=-1.0)
    x = draw(domain, 1, seed, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    z = x + 2 * torch.randn(1, 4, generator=generator, dtype=torch.float64)
    near = Threat(geometry, min(radius, 1.9), domain).project(z, x)[0].numpy()
    clean, target = x[0].numpy(), z[0].numpy()
    order = {"l1": 1, "l2": 2, "linf": np.inf}[geometry.name]

    # Split into parts up and down, so that every norm's constraint is smooth.
    def change(v: np.ndarray) -> np.ndarray:
        return v[:4] - v[4:]

    room = [(0, 1 - c) for c in clean] + [(0, c + 1) for c in clean]
    limit = min(radius, 1.9)
    if order == 1:
        constraint = {"type": "ineq", "fun": lambda v: limit - v.sum()}
    elif order == 2:
        constraint = {"type": "ineq", "fun": lambda v: limit**2 - (v[:4] - v[4:]) @ (v[:4] - v[4:])}
    else:
        room = [(low, min(high, limit)) for low, high in room]
        constraint = {"type": "ineq", "fun": lambda v: 1.0}
    start = np.concatenate([np.maximum(near - clean, 0), np.maximum(clean - near, 0)])
    best = minimize(
        lambda v: ((clean + change(v) - target) ** 2).sum(),
        0.9 * start,
        bounds=room,
        constraints=[constraint],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 300},
    )
    assert ((near - target) ** 2).sum() <= best.fun + 1e-5


@given(st.integers(0, 100_000), st.integers(0, 6))
def test_count_projections_are_the_nearest_whole_changes(seed: int, k: int) -> None:
    """Against all whole changes of three cells."""
    domain = Domain(kind="events", shape=(1, 1, 1, 3), high=3.0, integer=True)
    x = draw(domain, 1, seed, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    z = x + 2 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    near = Threat(Counts(), k, domain).project(z, x)
    counts = np.stack(np.meshgrid(*[range(4)] * 3), -1).reshape(-1, 3)
    allowed = counts[np.abs(counts - x.flatten().numpy()).sum(1) <= k]
    best = ((allowed - z.flatten().numpy()) ** 2).sum(1).min()
    assert ((near - z) ** 2).sum().item() == pytest.approx(best, abs=1e-9)


@given(st.integers(0, 100_000), st.integers(0, 4))
def test_l0_projections_keep_the_pixels_that_come_closest(seed: int, k: int) -> None:
    """Against all choices of pixels."""
    from itertools import combinations

    domain = Domain(kind="image", shape=(2, 2, 2))
    x = draw(domain, 1, seed, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    z = x + torch.randn(x.shape, generator=generator, dtype=torch.float64)
    near = Threat(L0(), k, domain).project(z, x)
    distances = []
    for chosen in combinations(range(4), k):
        point = x.clone().flatten(2)
        pick = list(chosen)
        point[:, :, pick] = z.flatten(2)[:, :, pick].clamp(0, 1)
        distances.append(((point.view_as(z) - z) ** 2).sum().item())
    assert ((near - z) ** 2).sum().item() == pytest.approx(min(distances), abs=1e-9)


def test_large_items_take_the_short_cuts_to_the_same_points() -> None:
    """Items of thousands of features: few large changes, many small ones, and boxes that bind."""
    domain = Domain(kind="audio", shape=(3000,), low=-1.0)
    generator = torch.Generator().manual_seed(0)
    for share in (0.002, 0.2, 1.0):
        x = draw(domain, 4, 1, torch.float64)
        keep = torch.rand(4, 3000, generator=generator) < share
        z = x + torch.where(keep, torch.randn(4, 3000, generator=generator).double(), 0.0)
        for radius in (0.5, 20.0, 300.0):
            near = Threat(L1(), radius, domain).project(z, x)
            # Optimality of the nearest point: one theta explains every coordinate.
            size, room = (z - x).abs(), torch.where(z > x, 1 - x, x + 1)
            moved = (near - x).abs()
            free = (moved > 1e-9) & (moved < room - 1e-9)
            for i in range(4):
                thetas = (size - moved)[i][free[i]]
                if len(thetas):
                    theta = thetas.mean()
                    torch.testing.assert_close(thetas, theta.expand_as(thetas), atol=1e-8, rtol=0)
                    still = (moved[i] <= 1e-9) & (room[i] > 1e-9)
                    assert (size[i][still] <= theta + 1e-8).all()
            spent = moved.sum(1)
            whole = torch.minimum(size, room).sum(1)
            torch.testing.assert_close(spent, whole.clamp(max=radius), rtol=1e-6, atol=1e-6)
