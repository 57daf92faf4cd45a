"""The zoo is what it says of itself: its size, halves, twins and mistakes; and two verdicts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, PGD
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.evaluate.doctor import diagnose
from spikeproof.models import Latency, Temporal
from spikeproof.oracle import Oracle
from spikeproof.threats import L2, Linf, Misclassification, Threat
from tests.zoo import broken, fresh, second, sound
from tests.zoo.entry import BROKEN, ENTRIES, SOUND, Case, half, registered
from tests.zoo.networks import CodedNet, SpikeNet, data_of
from tests.zoo.parts import Around, by_content, denoised, fixed_noise, rounded, shattered
from tests.zoo.sound import Halves
from tests.zoo.truth import agreed, established
from tests.zoo.wrong_attacks import SharedBudget, SmallRadius

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def of(truth: str) -> list[str]:
    """Names of the entries of a truth."""
    return [name for name, entry in ENTRIES.items() if entry.truth == truth]


def test_there_are_enough_of_both_and_their_halves_are_halves() -> None:
    assert len(of(BROKEN)) >= 16 and len(of(SOUND)) >= 12
    for truth in (BROKEN, SOUND):
        halves = [half(name) for name in of(truth)]
        assert abs(halves.count("design") - halves.count("judged")) <= 1
    assert all(module.__doc__ for module in (broken, sound, fresh, second))
    assert [half(name) for name in of(BROKEN)].count("fresh") >= 12
    sounds = [name for name in of(SOUND) if half(name) == "fresh"]
    assert len(sounds) >= 12
    for truth in (BROKEN, SOUND):
        assert [half(name) for name in of(truth)].count("second") >= 20


def test_a_half_follows_from_the_name_alone() -> None:
    assert half("at-on-if") == "design" and half("audio-quantiser") == "judged"
    assert half("adapted") == "design" and half("at-lif") == "judged"


@pytest.mark.parametrize(
    ("cut", "honest"),
    [(rounded(15), rounded(15, honest=True)), (shattered(0.004), shattered(0.004, honest=True))],
)
def test_an_honest_map_has_the_same_values_and_derivative_one(cut: object, honest: object) -> None:
    assert callable(cut) and callable(honest)
    x = X.clone().requires_grad_(True)
    torch.testing.assert_close(cut(X), honest(X), rtol=0, atol=1e-6)
    (slope,) = torch.autograd.grad(honest(x).sum(), x)
    assert torch.equal(slope, torch.ones_like(x))
    (cut_slope,) = torch.autograd.grad(cut(x).sum(), x)
    assert not torch.equal(cut_slope, slope)


def test_a_shattered_gradient_has_the_wrong_sign_on_much_and_the_values_stay() -> None:
    x = X.clone().requires_grad_(True)
    code = shattered(0.004)(x)
    assert (code - x).abs().max() <= 0.004 + 1e-6
    (slope,) = torch.autograd.grad(code.sum(), x)
    assert 0.3 < float((slope < 0).double().mean()) < 0.6  # 1 + 8 cos: below zero on 46 %


def test_noise_by_place_and_noise_by_content() -> None:
    noise = fixed_noise(0.1)
    assert torch.equal(noise(X), noise(X))
    assert not torch.equal(noise(X)[1:], noise(X[1:]))
    noise = by_content(0.1)
    assert torch.equal(noise(X)[1:], noise(X[1:]))  # a function of the item
    near = X + 1e-6
    assert (noise(X) - noise(near)).abs().mean() > 0.05


def test_a_filter_keeps_events_with_neighbours_and_drops_lonely_ones() -> None:
    x = torch.zeros(1, 1, 2, 4, 4)
    x[0, 0, 0, 0, 0] = 1
    x[0, 0, 1, 2, 2], x[0, 0, 1, 2, 3] = 1, 1
    kept = denoised()(x)
    assert kept[0, 0, 0].sum() == 0 and kept[0, 0, 1].sum() == 2
    assert torch.equal(kept, denoised(honest=True)(x))


def test_only_the_gradient_of_a_mismatched_network_differs() -> None:
    torch.manual_seed(0)
    net = SpikeNet(64, 10)
    other = SpikeNet(64, 10, centre=2.0, window=0.5)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(X), other(X))
    grads = []
    for one in (net, other):
        x = X.clone().requires_grad_(True)
        grads.append(torch.autograd.grad(one(x).square().sum(), x)[0])
    assert not torch.equal(*grads)


def test_only_the_gradient_of_a_masked_code_differs() -> None:
    torch.manual_seed(0)
    codes = (Temporal(code="pre"), Latency())
    nets = [CodedNet(codes, 64, 10, masked=masked) for masked in (False, True)]
    nets[1].load_state_dict(nets[0].state_dict())
    assert torch.equal(nets[0](X), nets[1](X))
    x = torch.zeros(2, 1, 8, 8).requires_grad_(True)  # black: no spike but the last of latency
    grads = [torch.autograd.grad(net(x).square().sum(), x)[0] for net in nets]
    assert not torch.equal(*grads)


def test_a_label_counts_where_every_seed_of_the_claim_says_the_same() -> None:
    assert agreed(SOUND, (0.5, 0.5, 0.55), 0.5) and not agreed(SOUND, (0.5, 0.5, 0.6), 0.5)
    assert agreed(BROKEN, (0.6, 0.7, 0.9), 0.5) and not agreed(BROKEN, (0.55, 0.9, 0.9), 0.5)
    assert agreed(BROKEN, (0.75,), 0.65)  # whatever the last bit of the difference says


def test_a_network_that_subtracts_what_it_saw_before() -> None:
    torch.manual_seed(0)
    net = second.Trailing(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    first = net(X)
    assert not torch.equal(first, net(X))


def test_ramps_hold_what_their_classes_say() -> None:
    data = second.ramps()
    z = (data.validation.x * second._weights()).flatten(1).sum(1)
    assert torch.equal((z > 0).long(), data.validation.y)
    assert float(z.abs().min()) > 0.009 and float(z.abs().max()) < 0.201
    assert second._weights().abs().sum() == pytest.approx(1)


def test_carried_state_changes_the_second_answer() -> None:
    torch.manual_seed(0)
    net = SpikeNet(64, 10, carry=True)
    assert not torch.equal(net(X), net(X))


class Line(nn.Module):
    """Two logits, linear in the sum of pixels."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(1).sum(1) - 32
        return torch.stack([-z, z], 1)


def made(attack: PGD | SharedBudget | SmallRadius, threat: Threat) -> Tensor:
    """How far an attack goes on every item."""
    goal = Misclassification((X.flatten(1).sum(1) > 32).long())
    with Oracle(Line()) as oracle:
        x_adv = attack(oracle, X, goal, threat, seeds=seeds(0, n=6))
    return threat.distance(x_adv, X)


def test_a_shared_budget_is_that_of_one_item_for_all_of_them() -> None:
    threat = Threat(L2(), 0.6, Domain(kind="image", shape=(1, 8, 8)))
    far = made(SharedBudget(), threat)
    assert far.square().sum().sqrt() <= 0.6 + 1e-5 and (far > 0.2).all()
    assert (made(PGD(steps=10, step_size=0.3), threat) > 0.59).all()


def test_a_small_radius_is_a_fifth_of_the_claimed_one() -> None:
    threat = Threat(Linf(), 0.1, Domain(kind="image", shape=(1, 8, 8)))
    assert (made(SmallRadius(), threat) <= 0.02 + 1e-6).all()


def test_attacks_of_a_claim_are_known_only_while_it_is_looked_at() -> None:
    data = data_of("made")
    threat = Threat(Linf(), 0.1, data.domain)
    case = Case(Halves(), data, threat, attacks={"zoo-small-radius": SmallRadius})
    with registered(case):
        assert ATTACKS.kind(SmallRadius()) == "zoo-small-radius"
    assert "zoo-small-radius" not in ATTACKS


def test_the_closed_form_of_the_made_images_is_what_attacks_find() -> None:
    for name in (
        "made-linear",
        "made-linear-far",
        "linear-events",
        "linear-sounds",
        "linear-pairs",
        "linear-ramps",
        "linear-ramps-l2",
        "linear-ramps-small",
        "linear-events-nearer",
        "linear-pairs-farther",
    ):
        entry = ENTRIES[name]
        found = established(entry, entry.build(), "test")
        assert found.agrees and found.exact is not None
        assert abs(found.strongest - found.exact) < 1e-9  # linear: the attack is exact too
        assert 0.2 < found.exact <= 1


def test_the_verdict_on_a_linear_network_and_on_the_same_with_its_gradient_cut() -> None:
    data = data_of("made")
    threat = Threat(Linf(), 0.12, data.domain)
    honest = diagnose(Halves(), data, threats=threat, items=24, split="validation")
    assert honest.verdict == "sound"
    for before in (rounded(100), Tensor.detach):  # a gradient of zero, and none at all
        cut = diagnose(Around(Halves(), before), data, threats=threat, items=24, split="validation")
        assert cut.verdict == "masked"


def test_a_joint_radius_that_frees_one_view_only_bounds_something() -> None:
    from types import SimpleNamespace

    from spikeproof.evaluate.doctor.evidence import _unbounded

    data = data_of("digits-av")
    x = data.validation.x[:4]
    for name, radius in (("joint", 1.0), ("linf", 0.08)):
        widest = _unbounded(SimpleNamespace(x=x), broken.threat(f"{name}:{radius}", "digits-av"))  # type: ignore[arg-type]
        assert (widest is None) == (name == "joint")
