"""Symptoms that are settled: artefacts on a linear network, and attacks that were too weak."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import FGSM, PGD, Member, Swap
from spikeproof.base import BatchSize
from spikeproof.data import Domain
from spikeproof.evaluate import Check, Diagnosis, Thresholds, judged
from spikeproof.evaluate.doctor import members
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.members import settling
from spikeproof.evaluate.doctor.settling import moved_check, settled
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.verdict import by_symptoms_alone
from spikeproof.threats import Counts, Linf, Threat

LIMITS = Thresholds()
THREAT = Threat(Linf(), 0.1001, Domain(kind="image", shape=(1, 2, 2)))
WEAK = Member(attack=PGD(steps=2, step_size=0.01, random_start=False), loss="cross_entropy")


class Boundary(nn.Module):
    """Logits (2 - s, s - 2) of the sum s of four pixels: under l_inf r, margins below 8 r fall."""

    def forward(self, x: Tensor) -> Tensor:
        s = x.flatten(1).sum(1)
        return torch.stack([2 - s, s - 2], 1)


def items() -> tuple[Tensor, Tensor]:
    """Twenty items of class 1, from .01 to .2 above the boundary in every pixel: ten can fall."""
    x = 0.5 + torch.arange(1, 21)[:, None, None, None] * 0.01 * torch.ones(1, 1, 2, 2)
    return x, torch.ones(20, dtype=torch.int64)


def subject() -> Subject:
    """The boundary and its items."""
    x, y = items()
    return Subject(
        model=Boundary(), x=x, y=y, items=torch.arange(20), seed=0, size=BatchSize(64), rules=False
    )


def check(weight: str, number: float | None, name: str, *, symptom: bool = False) -> Check:
    """A check that counts above one half."""
    return Check(
        name=name, weight=weight, number=number, threshold=0.5, symptom=symptom,
        seen=f"{name} was {number}.", why="Why.", settles="Settles.", mend="Mend.",
    )  # fmt: skip


SYMPTOMS = [check("hint", 0.9, "rising", symptom=True), check("sign", 0.9, "silent", symptom=True)]


def test_a_loss_that_rises_to_the_corner_of_a_linear_network_is_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {"STEPS": 17, "QUERIES": 24, "LONGER": 1, "LONGEST": 25, "DRAWS": 4, "SETTLING": 16}
    for name, value in told.items():
        monkeypatch.setattr(members, name, value)
    # One step reaches the best corner, so its loss rose to the end and its only gradient is that
    # of the items; ten of twenty fall, and no more can.
    found = sp.diagnose(Boundary(), *items(), threats="linf:0.1001", attack=FGSM())
    one = found.of("linf:0.1001")
    by_name = {each.name: each for each in one.checks}
    assert by_name["rising"].number == 1.0 and by_name["rising"].state == "settled"
    assert by_name["moved"].number == 0.0 and by_name["moved"].state == "clear"
    assert "longer attacks broke 0 of 10 items" in by_name["moved"].seen
    assert one.verdict == "sound" and one.because.endswith(
        "Settled, so not counted: rising, stationarity."
    )
    assert one.claimed == one.strongest == pytest.approx(0.5)
    text = found.text()
    assert "~ rising" in text and "settled" in text and "+ moved 0" in text
    record = json.loads(json.dumps(found.record()))
    assert Diagnosis.from_record(record) == found


def test_an_attack_that_was_too_weak_moves_by_what_it_missed() -> None:
    looked = subject()
    claimed = looked.attacked(WEAK, THREAT)
    assert not claimed.won[1:].any()  # .002 of a pixel reaches none but the nearest, if any
    before = looked.passes
    evidence = AttackEvidence(threat=THREAT, member=WEAK, claimed=claimed)
    found = settled(looked, evidence, SYMPTOMS, LIMITS)
    (moved,) = moved_check(found, LIMITS)
    assert moved.raised and moved.number == pytest.approx(0.5 - float(claimed.won.double().mean()))
    assert found.left_by_all == pytest.approx(0.5)
    assert looked.passes.backward > before.backward  # on the bill
    assert judged("linf:0.1001", [*SYMPTOMS, moved], LIMITS, items=20).verdict == "suspicious"
    # Two attacks of 60 steps on the items that stand: about 250 passes each, and no more.
    spent = looked.passes.forward + looked.passes.backward - before.forward - before.backward
    assert 0 < spent <= 2 * (2 * 60 + 3) * int((~claimed.won).sum())
    # What stands for the next attack is what the one before left: ten items can never fall.
    assert all(int(run.won.sum()) <= 10 for run in found.settling)


def test_nothing_is_attacked_where_something_else_decides_or_nothing_does() -> None:
    looked = subject()
    evidence = AttackEvidence(threat=THREAT, member=WEAK, claimed=looked.attacked(WEAK, THREAT))
    before = looked.passes
    direct = check("sign", 0.9, "zero-gradient")
    for checks in ([*SYMPTOMS, direct], [SYMPTOMS[0]], [direct], []):
        found = settled(looked, evidence, checks, LIMITS)
        assert found is evidence and moved_check(found, LIMITS) == []
    blocked = replace(evidence, claimed=None, drawn=looked.attacked(WEAK, THREAT))
    before = looked.passes
    assert settled(looked, blocked, SYMPTOMS, LIMITS) is blocked
    assert looked.passes == before


def test_symptoms_alone_are_those_without_which_no_alarm_is_left() -> None:
    hint = check("hint", 0.9, "ties")
    assert by_symptoms_alone(SYMPTOMS, LIMITS)
    assert by_symptoms_alone([SYMPTOMS[0], hint], LIMITS)  # two hints, of which one is direct
    assert not by_symptoms_alone([SYMPTOMS[0]], LIMITS)
    assert not by_symptoms_alone([*SYMPTOMS, hint, check("hint", 0.9, "range")], LIMITS)
    assert not by_symptoms_alone([*SYMPTOMS, check("stop", 0.9, "state")], LIMITS)


@pytest.mark.parametrize(
    ("moved", "verdict", "states"),
    [
        (0.4, "sound", ["settled", "settled", "clear"]),
        (0.9, "suspicious", ["raised", "raised", "raised"]),
        (None, "suspicious", ["raised", "raised", "not made"]),
    ],
)
def test_a_symptom_counts_unless_the_number_was_seen_to_stay(
    moved: float | None, verdict: str, states: list[str]
) -> None:
    found = judged("linf:1", [*SYMPTOMS, check("sign", moved, "moved")], LIMITS, items=20)
    assert found.verdict == verdict
    assert [one.state for one in found.checks] == states
    assert judged("linf:1", found.checks, LIMITS, items=20) == found  # judged again, the same


def test_a_mark_of_settling_without_a_number_is_not_believed() -> None:
    marked = [replace(one, settled=True) for one in SYMPTOMS]
    assert judged("linf:1", marked, LIMITS, items=20).verdict == "suspicious"


def test_a_direct_check_is_never_settled_and_old_records_keep_their_keys() -> None:
    direct = check("sign", 0.9, "zero-gradient")
    found = judged("linf:1", [direct, check("sign", 0.1, "moved")], LIMITS, items=20)
    assert found.verdict == "suspicious" and found.checks[0].state == "raised"
    assert not {"symptom", "settled"} & set(direct.record())
    assert Check.from_record(SYMPTOMS[0].record()) == SYMPTOMS[0]


def test_the_attacks_that_settle_fit_the_threat_and_the_network() -> None:
    plain = settling(THREAT, Member(), rules=True, random=False)
    assert len(plain) == 5 and len(settling(THREAT, Member(), rules=False, random=False)) == 2
    drawn = settling(THREAT, Member(), rules=True, random=True)
    assert all(member.averages for member in drawn)
    domain = Domain(kind="events", shape=(2, 2, 4, 4), high=4.0, integer=True)
    counted = settling(Threat(Counts(), 4, domain), Member(), rules=True, random=False)
    assert all(isinstance(member.attack, Swap) for member in counted) and len(counted) == 4


def test_a_subset_draws_what_its_items_draw_in_the_whole() -> None:
    whole, idx = subject(), torch.tensor([3, 11])
    part = whole.subset(idx)
    started = Member(attack=PGD(steps=1, step_size=0.01))
    every, some = whole.attacked(started, THREAT), part.attacked(started, THREAT)
    assert torch.equal(every.x_adv[idx], some.x_adv)
    assert part.passes.backward == 2
