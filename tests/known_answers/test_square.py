"""Square on linear models, where the best attainable gain inside ball and box is known."""

from __future__ import annotations

import pytest

from spikeproof.attacks import Square
from spikeproof.data import Domain
from spikeproof.threats import L1, L2, Geometry, Linf, Threat
from support.planes import AUDIO, IMAGE, best, case, gain

SOUND = Domain(kind="audio", shape=(20,), low=-1.0)


def shares(geometry: Geometry, radius: float, domain: Domain, steps: int) -> tuple[float, float]:
    """Smallest and largest share of the optimum over 16 items."""
    model, x, goal = case(domain, 0)
    threat = Threat(geometry, radius, domain)
    attack = Square(steps=steps, stop=False)
    ratio = gain(attack, model, x, goal, threat) / best(threat, model.w.detach(), x)
    return float(ratio.min()), float(ratio.max())


@pytest.mark.parametrize(
    ("geometry", "radius"), [(Linf(), 0.3), (L2(), 0.8), (L1(), 2.0)], ids=["linf", "l2", "l1"]
)
def test_square_comes_within_a_tenth_of_the_optimum(geometry: Geometry, radius: float) -> None:
    least, most = shares(geometry, radius, SOUND, steps=1500)
    assert least >= 0.9 and most <= 1 + 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("geometry", "radius", "domain"),
    [
        (Linf(), 0.1, AUDIO),
        (Linf(), 0.3, IMAGE),
        (L2(), 0.5, AUDIO),
        (L2(), 1.5, IMAGE),
        (L1(), 1.0, AUDIO),
        (L1(), 12.0, AUDIO),
        (L1(), 5.0, IMAGE),
    ],
)
def test_five_thousand_queries_suffice_for_sixty_features(
    geometry: Geometry, radius: float, domain: Domain
) -> None:
    least, most = shares(geometry, radius, domain, steps=5000)
    assert least >= 0.9 and most <= 1 + 1e-6
