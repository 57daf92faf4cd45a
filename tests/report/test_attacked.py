"""The key and the box "How it was attacked": every setting in words, from the records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from spikeproof.analysis import MemberUse, SuiteUse
from spikeproof.attacks import ATTACKS, SUITES, Member
from spikeproof.oracle import GRADIENTS, gradient_record
from spikeproof.report.attack_words import (
    TITLES,
    attack_title,
    gradient_words,
    loss_words,
    start_words,
    step_words,
)
from spikeproof.report.attacked import attacked
from spikeproof.report.limits import _attacks
from spikeproof.threats import LOSSES

# Kinds whose own word is what the field calls them.
PLAIN_WORDS = ("random", "restarts", "targeted", "transfer")


def used(suite: str, *, free: bool = False) -> SuiteUse:
    """A suite of this package whose members all attacked."""
    members = tuple(
        MemberUse(
            name=member.name, record={"name": member.name, **member.record()}, tried=5, broke=1,
            forward=5, backward=0 if free and asks_alone(member) else 5,
            broke_by={("digits", "plain"): 1},
        )
        for member in SUITES[suite].members
    )  # fmt: skip
    return SuiteUse(name=suite, members=members, items=10, forward=1000, backward=500, draws=10)


def asks_alone(member: Member) -> bool:
    """Whether it takes no gradient; those for sounds take the network's own."""
    return member.gradient is None and member.inputs == "any"


def summary_of(suite: SuiteUse) -> Any:
    one = SimpleNamespace(data="digits", trainings=("plain", "AT"), matrix=())
    return SimpleNamespace(data=[one], suites=(suite,))


@pytest.mark.parametrize("name", list(SUITES))
def test_every_member_of_every_suite_has_words_for_all_it_is_set_to(name: str) -> None:
    (box,) = attacked(summary_of(used(name, free=True)))
    for row, member in zip(box.members, SUITES[name].members, strict=True):
        assert all(row), row
        assert "{" not in " ".join(row)
        assert "_" not in " ".join(row)
        steps = getattr(member.attack, "steps", None)
        if steps is not None:
            assert f"{steps:,}" in row[1]
    assert box.told[0].startswith(f"Suite {name}: {len(SUITES[name].members)} attacks")
    assert "100 and 50 per item and radius" in box.told[1]


def test_a_suite_without_gradient_free_attacks_says_so_and_names_what_it_lacks() -> None:
    (quick,) = attacked(summary_of(used("quick", free=True)))
    text = " ".join(quick.untried)
    assert "No attack that needs no gradient was made" in text
    (standard,) = attacked(summary_of(used("standard", free=True)))
    assert "needs no gradient" not in " ".join(standard.untried)


def test_who_broke_what_is_told_network_by_network() -> None:
    (box,) = attacked(summary_of(used("quick")))
    assert box.heads == ["Images, plain", "Images, AT"]
    assert [row[1:] for row in box.broke] == [["1", "0"]] * len(SUITES["quick"].members)


def test_limits_say_whether_any_attack_did_without_gradients() -> None:
    (said,) = _attacks(summary_of(used("quick", free=True)))
    assert "All of them took gradients" in said
    (said,) = _attacks(summary_of(used("standard", free=True)))
    assert "Sparse-RS and Square took no gradient;" in said


def test_every_attack_gradient_rule_and_loss_has_words() -> None:
    for kind in ATTACKS:
        for example in ATTACKS[kind].examples() if hasattr(ATTACKS[kind], "examples") else ():
            record = ATTACKS.record(example)
            assert attack_title(record)
            assert step_words(record)
            assert start_words(record)
        assert kind in TITLES or kind in PLAIN_WORDS, f"{kind} has no title of its own"
    for rule in GRADIENTS.examples():
        assert gradient_words(gradient_record(rule))
    assert all("_" not in loss_words(loss) for loss in LOSSES)


@pytest.mark.parametrize(
    ("record", "steps", "starts"),
    [
        (
            {"kind": "pgd", "steps": 2, "step_size": 0.7, "last": 1.0, "random_start": True},
            "2 steps, each 0.7 of the radius", "1, random",
        ),
        (
            {"kind": "restarts", "times": 3, "attack": {"kind": "apgd", "steps": 100,
                                                        "random_start": False}},
            "100 steps", "3, from the item",
        ),
        ({"kind": "square", "steps": 2000}, "2,000 queries", "1"),
        ({"kind": "fgsm"}, "1 step", "1"),
        ({"kind": "gumbel", "steps": 40, "samples": 1, "step_size": 0.5}, "40 steps", "1"),
        (
            {"kind": "gumbel", "steps": 40, "samples": 4, "step_size": 0.5},
            "40 steps of 4 samples", "1",
        ),
        ({"kind": "pil", "steps": 40, "step_size": 1.0}, "40 steps", "1"),
        ({"kind": "retiming_search", "steps": 60}, "60 proposals, each from a gradient", "1"),
    ],
)  # fmt: skip
def test_steps_and_starts_in_words(record: dict[str, Any], steps: str, starts: str) -> None:
    assert step_words(record) == steps
    assert start_words(record) == starts
