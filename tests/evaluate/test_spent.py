"""What the next larger suite would take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from spikeproof.attacks import SUITES, cost_per_item, serves
from spikeproof.data import Domain
from spikeproof.evaluate.spent import rest
from spikeproof.threats import L0, Threat

THREAT = Threat(L0(), 1, Domain(kind="image", shape=(1, 4, 4)))


def test_members_for_lengths_cost_nothing_under_a_count() -> None:
    outcome: Any = SimpleNamespace(ladder=(THREAT,), broken=np.array([[False, True, False]]))
    further = [m for m in SUITES["standard"].members if m not in SUITES["core"].members]
    able = [m for m in further if serves(m.attack, THREAT)]
    meant = [m for m in able if m.serves(THREAT)]
    assert 0 < len(meant) < len(able)
    assert rest("core", [outcome]) == (
        "standard",
        2 * sum(cost_per_item(member, THREAT) for member in meant),
    )
