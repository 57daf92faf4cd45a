"""Attacks on linear models, where the best attainable gain inside ball and box is known."""

from __future__ import annotations

import pytest

from spikeproof.attacks import APGD, FGSM, PGD, SAPGD, Attack, Swap
from spikeproof.data import Domain
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Linf, Threat
from support.planes import AUDIO, EVENTS, IMAGE, best, case, gain


@pytest.mark.parametrize(
    ("geometry", "radius", "domain"),
    [
        (Linf(), 0.1, AUDIO),
        (Linf(), 0.7, AUDIO),
        (L2(), 0.5, AUDIO),
        (L2(), 3.0, AUDIO),
        (L1(), 1.0, AUDIO),
        (L1(), 12.0, AUDIO),
        (Linf(), 0.3, IMAGE),
        (L2(), 1.5, IMAGE),
        (L1(), 5.0, IMAGE),
    ],
)
@pytest.mark.parametrize(
    "attack",
    [PGD(steps=100), PGD(steps=100, random_start=False), APGD(steps=50), SAPGD(steps=100)],
    ids=repr,
)
def test_gradient_attacks_reach_the_optimum_in_ball_and_box(
    geometry: Geometry, radius: float, domain: Domain, attack: Attack
) -> None:
    threat = Threat(geometry, radius, domain)
    model, x, goal = case(domain, 0, 48, own=True)
    ratio = gain(attack, model, x, goal, threat) / best(threat, model.w.detach(), x)
    assert ratio.min() >= 0.99 and ratio.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("geometry", "radius", "domain"),
    [
        (L0(), 1.0, IMAGE),
        (L0(), 4.0, IMAGE),
        (L0(), 7.0, AUDIO),
        (Counts(), 1.0, EVENTS),
        (Counts(), 9.0, EVENTS),
    ],
)
@pytest.mark.parametrize(
    "attack",
    [PGD(steps=100, step_size=1.0, last=0.02), SAPGD(), FGSM(), Swap(noise=0.0)],
    ids=["pgd", "sapgd", "fgsm", "swap"],
)
def test_attacks_are_exactly_optimal_where_changes_are_counted(
    attack: Attack, geometry: Geometry, radius: float, domain: Domain
) -> None:
    if isinstance(attack, Swap) and geometry == Counts() and radius > 1:
        pytest.skip("Swap moves one event per cell and step; stacking many takes it longer")
    threat = Threat(geometry, radius, domain)
    model, x, goal = case(domain, 0, 100, own=True)
    ours = gain(attack, model, x, goal, threat)
    exact = ours >= best(threat, model.w.detach(), x) - 1e-9
    assert exact.double().mean() >= 0.99
