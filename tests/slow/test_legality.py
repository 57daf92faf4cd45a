"""Ten thousand random cases per attack and threat; ``research`` keeps the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from support.legality import Still, gaps, pairs, turns, violations

pytestmark = pytest.mark.slow

TURNS, ITEMS = 40, 250


@pytest.mark.parametrize(("kind", "name"), pairs())
def test_ten_thousand_random_cases_are_legal(
    kind: str, name: str, record_property: Callable[[str, object], None]
) -> None:
    cases, broken = 0, Counter[str]()
    for threat, model, (x, y, x_adv) in turns(kind, name, TURNS, ITEMS):
        cases += len(x)
        broken.update(violations(threat, x, x_adv))
        before, after = gaps(model, x, y), gaps(model, x_adv, y)
        broken["margin not finite"] += int((~np.isfinite(after)).sum())
        broken["worse than clean"] += int((after < before - 1e-6).sum())
        broken["success on a constant model"] += (
            int((after >= 0).sum()) if isinstance(model, Still) else 0
        )
    found = {rule: count for rule, count in broken.items() if count}
    record_property("row", {"attack": kind, "threat": name, "cases": cases, "violations": found})
    assert found == {}
    assert cases >= 10_000
