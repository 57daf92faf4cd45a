"""One total divided over the views, one view alone, and views shifted against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Exhaustive, suite, suite_under
from spikeproof.base import IllegalAdversarial, SettingError, seeds
from spikeproof.data import Domain, Split, Views, domain_record, load
from spikeproof.evaluate import evaluate_ladder, review, verify
from spikeproof.oracle import Oracle
from spikeproof.rescore import illegal, unknown_threat
from spikeproof.threats import (
    L2,
    Counts,
    Desync,
    Joint,
    Linf,
    Misclassification,
    Threat,
    equal_totals,
    how_many_points,
    joint_named,
    legal_points,
    only_view,
    shown_facts,
    split_l2,
    split_relative,
    threat_of,
)

IMAGE = Domain(kind="image", shape=(1, 2, 2))
AUDIO = Domain(kind="audio", shape=(6,), low=-1.0)
EVENTS = Domain(kind="events", shape=(4, 2, 2, 2), high=3.0, integer=True)
BOTH = Views((("image", IMAGE), ("audio", AUDIO)))
FILMED = Views((("events", EVENTS), ("audio", AUDIO)))
OWN = {"image": (Linf(), 0.2), "audio": (Linf(), 0.1)}


def items(domain: Domain | Views, n: int, seed: int = 0) -> Tensor:
    """Legal items."""
    draws = torch.Generator().manual_seed(seed)
    low, high = domain.bounds(torch.zeros(()))
    x = low + torch.rand(n, *domain.shape, generator=draws) * (high - low)
    return domain.snap(x, torch.zeros_like(x))


def record(threat: Threat) -> dict[str, object]:
    """The record as cells hold it."""
    return {**threat.record(), "radii": [threat.radius]}


@pytest.mark.parametrize("first", [0.0, 0.3, 0.5, 1.0])
def test_every_division_of_an_l2_total_is_used_up_at_that_total(first: float) -> None:
    joint = split_l2({"image": first, "audio": 1 - first})
    assert sum(radius**2 for _, radius in joint.views.values()) == pytest.approx(1.0)
    threat, x = Threat(joint, 0.25, BOTH), torch.full((3, 10), 0.25)
    # A far target uses up each view's share, so the whole change is as long as the total.
    x_adv = threat.project(x + torch.linspace(1, 2, 10), x)
    assert (x_adv - x).double().norm(dim=1).tolist() == pytest.approx([0.25] * 3, rel=1e-5)
    assert illegal(record(threat), domain_record(BOTH), np.full(3, 0.25), x_adv.numpy(),
                   x.numpy()) == [""] * 3  # fmt: skip


def test_relative_divisions_add_up_and_one_view_alone_leaves_the_other_bit_for_bit() -> None:
    for shares in equal_totals(("image", "audio"), 4):
        joint = split_relative(OWN, shares)
        used = sum(radius / OWN[view][1] for view, (_, radius) in joint.views.items())
        assert used == pytest.approx(1.0)
    x = items(BOTH, 40)
    x[0, 4:] = -0.0  # a sign of zero is a bit too
    for view, rest in (("image", slice(4, 10)), ("audio", slice(0, 4))):
        threat = Threat(only_view(OWN, view), 1.0, BOTH)
        for z in (threat.sample(x, seeds(0, n=40)), threat.project(x + 1, x)):
            assert z[:, rest].numpy().tobytes() == x[:, rest].numpy().tobytes()
            assert (z != x).any(1).all()


def test_a_change_in_the_other_view_is_refused_twice_however_small() -> None:
    threat, x = Threat(only_view(OWN, "audio"), 1.0, BOTH), items(BOTH, 2).clamp(0.1, 0.9)
    x_adv = x.clone()
    x_adv[1, 0] = torch.nextafter(x[1, 0], torch.tensor(1.0))
    with pytest.raises(IllegalAdversarial, match="Item 1 moved inf under joint-only-audio"):
        verify(nn.Linear(10, 2), x, x_adv, torch.zeros(2, dtype=torch.int64), threat)
    said = illegal(record(threat), domain_record(BOTH), np.ones(2), x_adv.numpy(), x.numpy())
    assert said[0] == "" and "moved inf" in said[1]


def test_names_make_the_divisions_and_say_what_their_radius_is() -> None:
    own = {"image": 0.12, "audio": 0.04}
    assert joint_named("joint", own) == Joint({"image": (Linf(), 0.12), "audio": (Linf(), 0.04)})
    assert joint_named("joint-only-image", own).views == {"image": (Linf(), 0.12)}
    quarter = joint_named("joint-l2-25-75", own)
    assert quarter.name == "joint-l2-25-75"
    assert [r**2 for _, r in quarter.views.values()] == pytest.approx([0.25, 0.75])
    assert joint_named("joint-split", own).name == "joint-split"
    assert shown_facts("joint-l2").title == "Euclidean length over all views"
    assert shown_facts("joint-only-image").unit == "factor"
    assert shown_facts("jointly").symbol == "jointly"
    data = load("digits-av")
    for name, radius in (("joint-l2", 0.5), ("joint-only-audio", 1.0), ("desync", 2.0)):
        threat = threat_of(data, name, radius)
        assert threat.name == name
        assert Threat.from_record(threat.record(), data.domain) == threat
        assert not unknown_threat(threat.record())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: joint_named("joint-only-video", {"image": 0.1}), "unknown view 'video'"),
        (lambda: joint_named("joint-l3", {"image": 0.1}), "Unknown threat 'joint-l3'"),
        (lambda: joint_named("joint-l2-50", {"a": 0.1, "b": 0.1}), "names 1 shares for 2 views"),
        (lambda: split_l2({"a": 0.5, "b": 0.4}), "add up to 1; got a 0.5, b 0.4"),
        (lambda: split_l2({"a": 1.5, "b": -0.5}), "lie in"),
        (lambda: split_relative(OWN, {"video": 1.0}), "A split names 'video'"),
        (lambda: list(equal_totals(("a", "a"), 4)), "two different views"),
        (lambda: Joint(OWN, division="a b"), "Joint.division is made of"),
        (lambda: Joint({"audio": (Desync(view="audio"), 1)}), "needs a geometry such as Linf"),
        (lambda: Threat(Desync(view="video"), 1, BOTH), "unknown view 'video'"),
        (lambda: Threat(Desync(view="image"), 1, BOTH), "'image' has no time axis"),
        (lambda: Threat(Desync(view="audio"), 0.5, BOTH), "whole steps of 1 entries, at most 5"),
        (lambda: Threat(Desync(view="audio"), 6, BOTH), "at most 5 for view 'audio'; got 6"),
        (lambda: Threat(Desync(view="audio"), 1, AUDIO), "two named views or more"),
        (lambda: threat_of(load("digits"), "desync", 1), "no two views"),
        (lambda: threat_of(load("digits"), "joint-l2", 1), "'digits': it declares no radii of"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence) as caught:
        make()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_a_view_counted_in_events_keeps_its_grid_beside_one_of_real_numbers() -> None:
    joint = Joint({"events": (Counts(), 2.0), "audio": (Linf(), 0.1)})
    threat, x = Threat(joint, 1.0, joint.on(FILMED)), items(FILMED, 20)
    z = threat.project(x + torch.linspace(-1, 1, 38), x)
    views = FILMED.unpack(z)
    assert torch.equal(views["events"], views["events"].round())
    assert Threat.from_record(threat.record(), FILMED) == threat
    frames = Joint({"events": (Linf(), 0.5)})
    loose = Threat(frames, 1.0, frames.on(FILMED))
    assert loose.space == "frames" and Threat.from_record(loose.record(), FILMED) == loose
    domain, half = domain_record(FILMED), x.clone()
    half[:, 0] += torch.where(x[:, 0] < 3, 0.5, -0.5)
    assert illegal(record(loose), domain, np.ones(20), half.numpy(), x.numpy()) == [""] * 20
    assert all(illegal(record(threat), domain, np.ones(20), half.numpy(), x.numpy()))


@pytest.mark.parametrize(("view", "domain", "unit"), [("audio", BOTH, 2), ("events", FILMED, 1)])
def test_shifts_are_those_of_the_definition_and_measured_alike_three_times(
    view: str, domain: Views, unit: int
) -> None:
    geometry, x = Desync(view=view, unit=unit), items(domain, 12, 3)
    most = (dict(domain.parts)[view].shape[0] - 1) // unit
    threat = Threat(geometry, most, domain)
    points = list(legal_points(threat, x))
    assert len(points) == how_many_points(threat) == 2 * most + 1
    for number, point in enumerate(points):
        shift = (number + 1) // 2 * (1 if number % 2 else -1) * unit
        was, now = domain.unpack(x)[view], domain.unpack(point)[view]
        for t in range(was.shape[1]):
            inside = 0 <= t - shift < was.shape[1]
            assert torch.equal(now[:, t], was[:, t - shift] if inside else 0 * now[:, t])
        length = threat.distance(point, x)
        assert (length <= abs(shift) / unit).all()
        assert geometry.length_between(
            point.double().numpy(), x.double().numpy(), domain
        ).tolist() == length.tolist()  # fmt: skip
        for item, steps in enumerate(length.tolist()):
            near = [x[item : item + 1].numpy(), point[item : item + 1].numpy()]
            for most_steps, fine in ((steps, True), (steps - 0.5, False)):
                said = illegal(record(threat), domain_record(domain), np.array([most_steps]),
                               near[1], near[0])  # fmt: skip
                assert (said == [""]) == fine
    off = points[1].clone()
    off[:, domain.slices()[view]] *= 0.5
    assert threat.distance(off, x).isinf().any()
    assert illegal(record(threat), domain_record(domain), np.full(12, most), off.numpy(),
                   x.numpy()).count("") == (threat.distance(off, x) < torch.inf).sum()  # fmt: skip


def test_exhaustive_search_breaks_an_item_exactly_where_some_shift_does() -> None:
    model, x = nn.Linear(10, 2), items(BOTH, 60, 5)
    torch.manual_seed(4)
    nn.init.normal_(model.weight)
    y = model(x).argmax(1)
    ladder = [Threat(Desync(view="audio"), k, BOTH) for k in (1.0, 2.0, 4.0)]
    found = evaluate_ladder(model, Split(x, y, torch.arange(60)), ladder, "quick", seed=0, draws=0)
    assert found.members[0].startswith("exhaustive")
    for level, threat in enumerate(ladder):
        wrong = torch.stack([model(p).argmax(1) != y for p in legal_points(threat, x)]).any(0)
        assert found.broken[level].tolist() == wrong.tolist()
    assert found.broken.any() and not found.broken[-1].all()
    still = replace(found, broken=np.repeat(found.broken[:1], 3, 0))
    assert not review(still)  # every shift was tried: that a larger one breaks no more is no sign
    tried = replace(still, members=("pgd own margin", *found.members[1:]))
    assert [flag.name for flag in review(tried)] == ["radius"]
    other = Threat(Linf(), 0.1, BOTH)
    assert suite_under(suite("quick"), other) == suite("quick").made_for(other)


def test_a_gradient_attack_stays_among_the_shifts_and_is_never_better() -> None:
    model, x = nn.Linear(10, 3), items(BOTH, 30, 8)
    nn.init.normal_(model.weight)
    y, threat = model(x).argmax(1), Threat(Desync(view="audio", unit=2), 2.0, BOTH)
    goal = Misclassification(y)
    with Oracle(model) as oracle:
        every = Exhaustive()(oracle, x, goal, threat, seeds=seeds(0, n=30))
        one = PGD(steps=5, step_size=0.5)(oracle, x, goal, threat, seeds=seeds(0, n=30))
        best, other = goal.margin(oracle.logits(every)), goal.margin(oracle.logits(one))
    assert (threat.distance(one, x) <= 2).all() and (other <= best + 1e-6).all()
    assert not Exhaustive().serves(Threat(L2(), 0.1, BOTH))
    with pytest.raises(SettingError, match="allows too many inputs to try every one"):
        list(legal_points(Threat(L2(), 0.1, BOTH), x))


def test_random_shifts_are_uniform_and_belong_to_their_items() -> None:
    threat, x = Threat(Desync(view="audio"), 2.0, BOTH), items(BOTH, 1).expand(2000, -1)
    drawn = threat.sample(x, seeds(1, n=2000))
    counts = [int((drawn == point).all(1).sum()) for point in legal_points(threat, x)]
    assert sum(counts) == 2000 and min(counts) > 330
    assert torch.equal(threat.sample(x[:9], seeds(1, n=2000)[torch.arange(9)]), drawn[:9])
