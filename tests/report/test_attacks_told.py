"""The report says of the attacks behind its numbers whether any can do without gradients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.attacks import ATTACKS, SUITES, serves
from spikeproof.data import Domain
from spikeproof.report.provenance import _SEARCHES, _attacks
from spikeproof.threats import L0, Linf, Threat


def told(*names: str) -> list[str]:
    """What is said of a run whose attack cells had these members."""
    cell = SimpleNamespace(kind="attack", result={"members": [{"name": name} for name in names]})
    summary: Any = SimpleNamespace(cells=[cell, SimpleNamespace(kind="train")])
    return list(_attacks(summary))


def test_gradients_alone_are_named_as_such() -> None:
    (said,) = told("pgd arctan-5 margin", "fmn arctan-5 margin")
    assert said == (
        "The attacks were: pgd arctan-5 margin and fmn arctan-5 margin. None of them can do "
        "without gradients; searches, other gradient rules and more steps may break more."
    )
    assert told() == []


@pytest.mark.parametrize(("suite", "wanted"), [
    ("quick", "None of them can"),
    ("core", " guided_search can do without gradients;"),
    ("standard", " guided_search, sparse_rs and square can do without gradients;"),
])  # fmt: skip
def test_the_searches_of_a_named_suite_are_named(suite: str, wanted: str) -> None:
    (said,) = told(*(member.name for member in SUITES[suite].members))
    assert wanted in said
    assert "attacks without any gradient may break more" not in said


def test_the_searches_are_the_attacks_without_a_backward_pass_and_the_guided_one() -> None:
    domain = Domain(kind="image", shape=(1, 8, 8))
    threats = (Threat(Linf(), 0.1, domain), Threat(L0(), 2, domain))
    free = set()
    for kind in ATTACKS:
        for attack in ATTACKS[kind].examples():
            costs = [attack.passes(threat) for threat in threats if serves(attack, threat)]
            if costs and all(cost is not None and cost[1] == 0 for cost in costs):
                free.add(kind)
    # One random draw is no search, and a transfer carries what others found.
    assert free - {"random", "transfer"} == set(_SEARCHES) - {"guided_search"}
