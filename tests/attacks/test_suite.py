"""Suites: the worst case over members, attacking only what still stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import (
    APGD,
    FMN,
    PGD,
    SUITES,
    GuidedSearch,
    Member,
    MemberStats,
    Random,
    Restarts,
    Suite,
    Swap,
    suite,
)
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Poisson, build
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, BPTR, Expectation, ExpectedNetwork, Mixture, Oracle
from spikeproof.threats import L0, Linf, Misclassification, Threat
from support.attack_cases import check_stopping, settled_answers

IMAGE = Domain(kind="image", shape=(1, 8, 8))
SPEC = ModelSpec(name="cnn-small", domain=IMAGE, classes=4, width=4, timesteps=3)


def case(n: int = 24) -> tuple[nn.Module, Tensor, Tensor]:
    """A random network, items, and its own answers for three quarters of them."""
    model = build(SPEC, seed=1)
    x = torch.rand(n, 1, 8, 8)
    return model, x, settled_answers(model, x, wrong=4)


def test_core_and_standard_hold_what_each_kind_of_network_needs() -> None:
    for name in ("core", "standard"):
        members = suite(name).members
        resets = {getattr(m.gradient, "reset", None) for m in members}
        assert resets >= {None, "detached"}  # the reset kept, as the neurons say, and detached
        assert any(isinstance(m.attack, APGD) and m.loss == "cross_entropy" for m in members)
        assert any(isinstance(m.attack, FMN) for m in members)
        assert any(isinstance(m.attack, GuidedSearch) for m in members)
        assert all(m.longer(2) for m in members if isinstance(m.attack, PGD | APGD))


def test_the_verdict_is_the_worst_case_over_the_members_run_alone() -> None:
    model, x, y = case()
    threat, keys = Threat(Linf(), 0.03, IMAGE), seeds(0, n=len(x))
    members = suite("core").members
    assert not all(member.serves(threat) for member in members)  # counts, and times of events
    found = Suite(members)(model, x, y, threat, seeds=keys)
    goal = Misclassification(y)
    with Oracle(model) as oracle:
        wrong = goal.margin(oracle.logits(x)) > 0
    alone = wrong.clone()
    for number, member in enumerate(members):
        if not member.serves(threat):
            assert found.stats[number].tried == 0
            continue
        with Oracle(model, gradient=member.gradient) as oracle:
            own = keys.child("member", number)
            x_adv = member.attack(oracle, x, goal, threat, seeds=own)
            alone |= goal.margin(oracle.logits(x_adv)) > 0
    assert torch.equal(found.won, alone)
    assert wrong.any() and (alone & ~wrong).any() and (~alone).any()
    assert (found.member[wrong] == -1).all() and (found.member[found.won & ~wrong] >= 0).all()


def test_items_that_are_wrong_already_cost_one_look() -> None:
    model, x, y = case()
    wrong = (y + 2) % 4
    with Oracle(model) as oracle:
        wrong = (oracle.logits(x).argmax(1) + 1) % 4
    found = suite("standard")(model, x, wrong, Threat(Linf(), 0.03, IMAGE), seeds=seeds(0, n=24))
    assert found.won.all() and torch.equal(found.x_adv, x)
    assert (found.passes.forward, found.passes.backward) == (24, 0)


def test_items_broken_by_the_first_member_are_not_attacked_by_the_second() -> None:
    model, x, y = case()
    threat = Threat(Linf(), 0.03, IMAGE)
    one = Member(attack=PGD(steps=5), gradient=Surrogate("arctan", 5.0))
    first = Suite((one,))(model, x, y, threat, seeds=seeds(0, n=24))
    both = Suite((one, Member(attack=PGD(steps=3))))(model, x, y, threat, seeds=seeds(0, n=24))
    left = int((~first.won).sum())
    assert 0 < left < 18
    assert both.passes.backward - first.passes.backward == 3 * left


def test_batch_size_changes_no_verdict() -> None:
    model, x, y = case()
    model, x = model.double(), x.double()
    threat, keys = Threat(Linf(), 0.03, IMAGE), seeds(0, n=24)
    whole = suite("quick")(model, x, y, threat, seeds=keys)
    parts = suite("quick")(model, x, y, threat, seeds=keys, batch_size=5)
    assert torch.equal(whole.won, parts.won) and torch.equal(whole.member, parts.member)


def test_a_member_that_cannot_serve_a_threat_is_passed_over() -> None:
    model, x, y = case()
    members = (Member(attack=Swap(steps=3)), Member(attack=PGD(steps=3)))
    length = Suite(members)(model, x, y, Threat(Linf(), 0.5, IMAGE), seeds=seeds(0, n=24))
    counted = Suite(members)(model, x, y, Threat(L0(), 20, IMAGE), seeds=seeds(0, n=24))
    assert not (length.member == 0).any() and (length.member == 1).any()
    assert (counted.member == 0).any()


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_asked_itself_passes_over_members_made_for_other_threats(name: str) -> None:
    model, x, y = case(2)
    threat = Threat(Linf(), 0.03, IMAGE)
    members, told = suite(name).members, list[str]()
    found = suite(name)(
        model, x, y, threat, seeds=seeds(0, n=2), progress=lambda step: told.append(step.member)
    )
    made = [stats for stats, m in zip(found.stats, members, strict=True) if m.specialised]
    assert made and all(stats == MemberStats() for stats in made)
    assert told and not {m.name for m in members if m.specialised} & set(told)


def test_swap_refuses_a_threat_that_measures_lengths() -> None:
    model, x, y = case()
    with Oracle(model) as oracle, pytest.raises(SettingError):
        Swap()(oracle, x, Misclassification(y), Threat(Linf(), 0.1, IMAGE), seeds=seeds(0, n=24))


def test_swap_finds_every_single_pixel_that_brute_force_finds() -> None:
    model, x, y = case(40)
    with Oracle(model) as oracle:
        y = oracle.logits(x).argmax(1)
        goal = Misclassification(y)
        best = goal.margin(oracle.logits(x))
        for pixel in range(64):
            for value in (0.0, 1.0):
                moved = x.flatten(1).clone()
                moved[:, pixel] = value
                best = torch.maximum(best, goal.margin(oracle.logits(moved.view_as(x))))
        threat = Threat(L0(), 1, IMAGE)
        found = torch.zeros(40, dtype=torch.bool)
        for path in (Surrogate("arctan", 5.0), Surrogate("triangle", 1.0)):
            with Oracle(model, gradient=path) as view:
                x_adv = Swap(steps=128)(view, x, goal, threat, seeds=seeds(0, n=40))
            found |= goal.margin(oracle.logits(x_adv)) > 0
    breakable = best > 0
    assert 3 <= int(breakable.sum()) <= 37
    assert (found & breakable).sum() >= 0.97 * breakable.sum()


@pytest.mark.parametrize(
    ("attack", "threat"),
    [
        (PGD(steps=30), Threat(Linf(), 0.03, IMAGE)),
        (PGD(steps=30, random_start=False), Threat(L0(), 2, IMAGE)),
        (Swap(steps=30), Threat(L0(), 2, IMAGE)),
    ],
)
def test_leaving_won_items_alone_saves_passes_and_changes_no_verdict(
    attack: PGD | Swap, threat: Threat
) -> None:
    model, x, y = case()
    check_stopping(attack, model.double(), x.double(), Misclassification(y), threat)


def test_records_rebuild_a_suite() -> None:
    for name in ("quick", "standard"):
        assert Suite.from_record(suite(name).record()) == suite(name)


def test_a_member_may_take_any_path() -> None:
    member = Member(
        attack=PGD(steps=3), gradient=Mixture(gradients=(ASSG(), BPTR())), loss="margin"
    )
    assert member.name == "pgd mixture(assg-arctan+bptr) margin"
    assert Member.from_record(member.record()) == member
    model, x, y = case()
    found = Suite((member,))(model, x, y, Threat(Linf(), 0.2, IMAGE), seeds=seeds(0, n=24))
    assert (found.member == 0).any()


def test_a_record_of_a_surrogate_without_its_kind_is_still_read() -> None:
    member = Member(gradient=Surrogate("arctan", 5.0))
    record = member.record()
    assert record["gradient"].pop("kind") == "surrogate"
    assert Member.from_record(record) == member


def test_a_network_that_draws_gets_the_same_verdict_in_any_batch() -> None:
    model = build(replace(SPEC, encoder=Poisson()), seed=1).double()
    x = torch.rand(12, 1, 8, 8, dtype=torch.float64)
    model(x)
    y = torch.arange(12) % 4
    member = Member(attack=PGD(steps=3, stop=True), gradient=Expectation(samples=2))
    threat, keys = Threat(Linf(), 0.2, IMAGE), seeds(0, n=12)
    whole = Suite((member,))(model, x, y, threat, seeds=keys)
    parts = Suite((member,))(model, x, y, threat, seeds=keys, batch_size=5)
    assert torch.equal(whole.won, parts.won)
    torch.testing.assert_close(whole.x_adv, parts.x_adv, rtol=1e-9, atol=1e-9)


def test_an_unknown_suite_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="standard"):
        suite("standart")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: PGD(steps=0),
        lambda: PGD(step_size=0.0),
        lambda: Random(draws=0),
        lambda: Restarts(attack=PGD(), times=0),
        lambda: Swap(share=1.5),
        lambda: Suite(()),
        lambda: Member(loss="hinge"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]


class Ramp(nn.Module):
    """Two classes whose difference grows along a long slope: margin = x_0 - 0.5."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1)[:, 0] - 0.5
        return torch.stack([-z, z], 1)


REAL = Domain(kind="audio", shape=(2,))


def test_a_member_whose_loss_still_rises_gets_twice_the_steps_from_where_it_stood() -> None:
    x, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)
    slow = Member(attack=PGD(steps=12, step_size=0.05, random_start=False))
    threat, keys = Threat(Linf(), 0.9, REAL), seeds(0, n=3)
    short = Suite((slow,))(Ramp(), x, y, threat, seeds=keys)
    assert short.won.all()  # 12 steps of 0.045 reach 0.54
    slower = Member(attack=PGD(steps=12, step_size=0.03, random_start=False))
    once = Suite((slower,))(Ramp(), x, y, threat, seeds=keys)
    assert not once.won.any() and once.stats[0].not_converged == 3  # 0.324 and rising
    again = Suite((slower,), patience=1)(Ramp(), x, y, threat, seeds=keys)
    assert again.won.all() and again.stats[0].not_converged == 0
    assert again.stats[0].passes.backward == 3 * (12 + 24)


def test_a_member_that_has_converged_does_not_go_on() -> None:
    x, y = torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64)
    member = Member(attack=PGD(steps=40, step_size=0.5, random_start=False))
    found = Suite((member,), patience=3)(
        Ramp(), x, y, Threat(Linf(), 0.3, REAL), seeds=seeds(0, n=3)
    )
    assert not found.won.any() and found.stats[0].not_converged == 0
    assert found.stats[0].passes.backward == 3 * 40


def test_with_every_each_member_is_tried_on_all_and_alone_counts_what_no_other_broke() -> None:
    model, x, y = case()
    threat, keys = Threat(Linf(), 0.03, IMAGE), seeds(0, n=24)
    weak = Member(attack=Random(draws=1))
    strong = Member(attack=PGD(steps=20), gradient=Surrogate("arctan", 5.0))
    found = Suite((weak, strong, strong))(model, x, y, threat, seeds=keys, every=True)
    tried = {stat.tried for stat in found.stats}
    with Oracle(model) as oracle:
        right = int((Misclassification(y).margin(oracle.logits(x)) <= 0).sum())
    assert tried == {right}
    only = [int((found.broken.sum(0)[row] == 1).sum()) for row in found.broken]
    assert found.alone() == only
    assert sum(stat.broke for stat in found.stats) == int(found.broken.any(0).sum())
    assert found.stats[1].broke > 0


def test_restarts_in_one_batch_find_what_restarts_in_turn_find() -> None:
    model, x, y = case()
    model, x = model.double(), x.double()
    threat, keys = Threat(Linf(), 0.02, IMAGE), seeds(0, n=24)
    attack = Restarts(attack=PGD(steps=10), times=3)
    found = Suite((Member(attack=attack),))(model, x, y, threat, seeds=keys)
    with Oracle(model) as oracle:
        own = keys.child("member", 0)
        x_adv = attack(oracle, x, Misclassification(y), threat, seeds=own)
        won = Misclassification(y).margin(oracle.logits(x_adv)) > 0
    assert torch.equal(found.won, won) and 0 < int(won.sum()) < 24


def test_the_success_criterion_has_the_last_word() -> None:
    model, x, y = case()
    threat, keys = Threat(Linf(), 0.03, IMAGE), seeds(0, n=24)
    seen: list[int] = []

    def never(x_adv: Tensor, idx: Tensor) -> Tensor:
        seen.extend(idx.tolist())
        return torch.full((len(x_adv),), -1.0)

    found = suite("quick")(model, x, y, threat, seeds=keys, is_adversarial=never, batch_size=10)
    assert not found.won.any() and set(seen) == set(range(24))


def test_a_network_that_draws_is_attacked_through_averages_and_its_mean() -> None:
    spec = replace(SPEC, encoder=Poisson())
    model = build(spec, seed=1)
    quick, x = suite("quick"), torch.rand(2, 1, 8, 8)
    for whole in (quick, quick.made_for(Threat(Linf(), 0.03, IMAGE))):
        fitted, n = whole.fitted(model, x), len(whole.members)
        paths = [member.gradient for member in fitted.members]
        assert all(isinstance(path, Expectation) for path in paths[:n])
        assert all(isinstance(path, ExpectedNetwork) for path in paths[n:])
        assert [member.loss for member in fitted.members[n:]] == ["margin", "cross_entropy"]
    # Each of the two attacks under the threat: swaps, which come first, serve no norm but l_0.
    for name in ("quick", "core", "standard"):
        for threat in (Threat(Linf(), 0.03, IMAGE), Threat(L0(), 3, IMAGE)):
            made = suite(name).made_for(threat)
            mean = made.fitted(model, x).members[len(made.members) :]
            assert "margin" in [member.loss for member in mean]
            assert all(member.serves(threat) for member in mean)
    assert fitted.fitted(model, torch.rand(2, 1, 8, 8)) == fitted
    plain, x, _ = case(2)
    assert suite("quick").fitted(plain, x) == suite("quick")


def test_a_negative_patience_is_refused() -> None:
    with pytest.raises(SettingError, match="patience"):
        Suite((Member(),), patience=-1)


def test_a_suite_is_its_record() -> None:
    for name in SUITES:
        assert Suite.from_record(suite(name).record()) == suite(name)
