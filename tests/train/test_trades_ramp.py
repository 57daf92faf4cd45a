"""TRADES and RAMP against their written-out formulas; their attack and their fusion."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.threats import L1, Linf, Threat
from spikeproof.train import (
    AVG,
    Adversarial,
    CleanCrossEntropy,
    Forward,
    NaturalFusion,
    Objective,
    Ramp,
    Step,
    Trades,
)

DOMAIN = Domain(kind="audio", shape=(4,))


@pytest.fixture
def model() -> nn.Linear:
    """Three classes over four features, float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Linear(4, 3).double()


@pytest.fixture
def pair() -> tuple[Tensor, Tensor, Tensor]:
    """Five items, their attacks and their classes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(5, 4, generator=generator, dtype=torch.float64)
    move = torch.rand(5, 4, generator=generator, dtype=torch.float64) - 0.5
    return x, x + move, torch.tensor([0, 1, 2, 0, 1])


@pytest.mark.parametrize(("term", "heat"), [(Trades(), 1.0), (Trades.assg(), 2.0)])
def test_trades_is_the_divergence_of_the_two_answers(
    model: nn.Linear, pair: tuple[Tensor, Tensor, Tensor], term: Trades, heat: float
) -> None:
    x, x_adv, y = pair
    ours = term(Forward(model, x_adv, y, origin=x))
    before, after = (model(x) / heat).softmax(1), (model(x_adv) / heat).log_softmax(1)
    written = F.kl_div(after, before, reduction="batchmean") * heat**2
    torch.testing.assert_close(ours, written)
    mine = torch.autograd.grad(ours, model.weight)
    torch.testing.assert_close(mine, torch.autograd.grad(written, model.weight))


def test_trades_as_a_whole_is_clean_error_plus_weighted_divergence(model: nn.Linear) -> None:
    x = torch.rand(5, 4, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1])
    inputs = Adversarial(PGD(steps=3), Threat(Linf(), 0.1, DOMAIN), loss="divergence")
    terms = {"error": (1.0, CleanCrossEntropy()), "agree": (6.0, Trades())}
    loss, parts = Objective(terms, inputs)(model, x, y, seeds=seeds(0, n=5))
    torch.testing.assert_close(parts["error"], F.cross_entropy(model(x), y).detach())
    x_adv = inputs(model, x, y, seeds=seeds(0, n=5))
    apart = F.kl_div(model(x_adv).log_softmax(1), model(x).softmax(1), reduction="batchmean")
    torch.testing.assert_close(loss, F.cross_entropy(model(x), y) + 6 * apart)


def test_the_divergence_attack_goes_to_an_end_of_the_ball() -> None:
    with torch.random.fork_rng(devices=[]):
        model = nn.Linear(4, 2, bias=False).double()
    model.weight.data.copy_(torch.tensor([[1.0, -2.0, 3.0, -4.0], [-1.0, 1.0, -1.0, 2.0]]))
    x = 0.2 + 0.6 * torch.rand(6, 4, dtype=torch.float64)
    inputs = Adversarial(PGD(steps=20), Threat(Linf(), 0.1, DOMAIN), loss="divergence")
    x_adv = inputs(model, x, torch.zeros(6, dtype=torch.int64), seeds=seeds(0, n=6))
    apart = (model.weight[0] - model.weight[1]).detach()
    moved = ((x_adv - x) @ apart).abs()
    torch.testing.assert_close(
        moved, torch.full((6,), 0.1, dtype=torch.float64) * apart.abs().sum()
    )


def test_ramp_is_worst_loss_plus_pairing_on_what_the_source_gets_right(
    model: nn.Linear, pair: tuple[Tensor, Tensor, Tensor]
) -> None:
    x, x_adv, _ = pair
    other = x - 0.3
    blocks = torch.cat([x_adv, other])
    y = model(x_adv).argmax(1)
    y[0] = (y[0] + 1) % 3  # one item is wrong under the source
    clean = Forward(model, blocks, y.repeat(2), origin=x, copies=2)
    source, target = model(x_adv), model(other)
    losses = [F.cross_entropy(z, y, reduction="none") for z in (source, target)]
    kl = F.kl_div(target.log_softmax(1), source.softmax(1), reduction="none").sum(1)
    written = torch.maximum(*losses).mean() + 1.5 * kl[1:].sum() / 5
    torch.testing.assert_close(Ramp()(clean), written)
    as_published = torch.maximum(*losses).mean() + 1.5 * kl[1:].mean()
    torch.testing.assert_close(Ramp.code()(clean), as_published)
    worst = model(x_adv).argmin(1).repeat(2)
    wrong = Forward(model, blocks, worst, origin=x, copies=2)
    assert Ramp.code()(wrong) == Ramp(pairing=0.0)(wrong), "nothing is right, nothing is paired"


def test_ramp_needs_as_many_threats_as_its_source_says(model: nn.Linear) -> None:
    x, y = torch.rand(4, 4).double(), torch.tensor([0, 1])
    with pytest.raises(InputError, match="Ramp.source is 2, but the inputs hold 2 threats"):
        Ramp(source=2)(Forward(model, x, y.repeat(2), origin=x[:2], copies=2))


def test_judged_by_their_worst_attack_terms_see_one_input_per_item(model: nn.Linear) -> None:
    members = tuple(
        Adversarial(PGD(steps=2), Threat(g, r, DOMAIN)) for g, r in ((Linf(), 0.1), (L1(), 0.3))
    )
    objective = Objective({"ramp": (1.0, Ramp())}, AVG(members))
    x, y = torch.rand(5, 4).double(), torch.tensor([0, 1, 2, 0, 1])
    trained = objective.look(model, x, y, seeds=seeds(0, n=5))
    judged = objective.judged.look(model, x, y, seeds=seeds(0, n=5))
    assert (len(trained.x), trained.copies) == (10, 2)
    assert (len(judged.x), judged.copies) == (5, 1)


def fused(robust: Tensor, natural: Tensor, share: float) -> Tensor:
    """The gradient of a one-weight-row model after the rule."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data.zero_()
    layer.weight.grad = torch.stack([robust, -robust])
    # Cross-entropy at zero weights, class 0: the gradient is (-x / 2, x / 2).
    x = -2 * natural[None]
    moment = Step(model=layer, x=x, y=torch.tensor([0]), seeds=seeds(0, n=1))
    NaturalFusion(share=share)(moment)
    assert layer.weight.grad is not None
    return layer.weight.grad[0]


def test_fusing_gradients_is_fusing_the_changes_of_one_plain_step() -> None:
    # The paper fuses the weight changes of a natural and a robust epoch, tensor by tensor. In an
    # epoch of one step of plain SGD these changes are the gradients times minus the rate.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    x, move = torch.rand(6, 4).double(), 0.3 * torch.rand(6, 4).double()
    y, rate, share = torch.arange(6) % 3, 0.1, 0.4
    start = [p.detach().clone() for p in model.parameters()]

    def step(z: Tensor) -> list[Tensor]:
        grads = torch.autograd.grad(F.cross_entropy(model(z), y), list(model.parameters()))
        return [-rate * g for g in grads]

    changes = zip(start, step(x), step(x + move), strict=True)
    expected = [
        w
        + share * max(0.0, float(F.cosine_similarity(n.flatten(), r.flatten(), dim=0))) * n
        + (1 - share) * r
        for w, n, r in changes
    ]
    F.cross_entropy(model(x + move), y).backward()
    NaturalFusion(share=share)(Step(model=model, x=x, y=y, seeds=seeds(0, n=6)))
    torch.optim.SGD(model.parameters(), lr=rate).step()
    for ours, theirs in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs)


def test_fusion_adds_what_the_gradients_agree_on() -> None:
    east, north = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 1.0]).double()
    torch.testing.assert_close(fused(east, 3 * east, 0.25), 0.25 * 3 * east + 0.75 * east)
    torch.testing.assert_close(fused(east, north, 0.25), 0.75 * east)
    torch.testing.assert_close(fused(east, -east, 0.25), 0.75 * east)
    slanted = 2 * (east + north)
    torch.testing.assert_close(
        fused(east, slanted, 0.5), 0.5 * east + 0.5 * math.sqrt(0.5) * slanted
    )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Trades(sharpness=0), "Trades.sharpness must be positive"),
        (lambda: Ramp(pairing=-1), "Ramp.pairing must be finite and >= 0; got -1"),
        (lambda: Ramp(pairing=math.nan), "Ramp.pairing must be finite and >= 0; got nan"),
        (lambda: Ramp(source=-1), "Ramp.source must be a whole number >= 0"),
        (lambda: NaturalFusion(share=2), r"NaturalFusion.share must lie in \[0, 1\]"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()


def test_validation_items_are_attacked_for_a_wrong_answer() -> None:
    inputs = Adversarial(PGD(steps=1), Threat(Linf(), 0.1, DOMAIN), loss="divergence")
    assert inputs.judged == Adversarial(PGD(steps=1), Threat(Linf(), 0.1, DOMAIN))
