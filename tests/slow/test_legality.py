"""Ten thousand random cases per attack and threat; what stands in docs/evidence is counted here."""

from __future__ import annotations

import numpy as np
import pytest
from legality import Still, gaps, pairs, turns, violations

pytestmark = pytest.mark.slow

TURNS, ITEMS = 40, 250


@pytest.mark.parametrize(("kind", "name"), pairs())
def test_ten_thousand_random_cases_are_legal(kind: str, name: str) -> None:
    for threat, model, (x, y, x_adv) in turns(kind, name, TURNS, ITEMS):
        assert violations(threat, x, x_adv) == {}, threat
        after = gaps(model, x_adv, y)
        assert np.isfinite(after).all()
        assert (after >= gaps(model, x, y) - 1e-6).all(), threat
        assert not isinstance(model, Still) or (after < 0).all()
