"""What a network draws in training belongs to the item, the epoch and the seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import Seeds, seeds
from spikeproof.models import Poisson, model_digest
from spikeproof.neurons import NoisyLIF, Spiking
from spikeproof.train import (
    Adversarial,
    CrossEntropy,
    Forward,
    Job,
    Objective,
    SparseGradient,
    Step,
    ThresholdGuarding,
    Trades,
    TrainingSettings,
    fit,
)
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.run import Run
from spikeproof.train.loop.validate import validate


class Noisy(nn.Module):
    """Two layers of neurons whose membranes are noisy, and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 2)
        self.early, self.late = Spiking(NoisyLIF(noise=0.5)), Spiking(NoisyLIF(noise=0.5))

    def forward(self, x: Tensor) -> Tensor:
        current = self.first(x)
        spikes = self.late(2 * self.early(current.expand(5, *current.shape)))
        logits: Tensor = self.last(spikes.mean(0))
        return logits


@pytest.fixture
def noisy() -> Noisy:
    """The same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Noisy()


def items(n: int = 9) -> tuple[Tensor, Tensor, Seeds]:
    """A batch and the keys of its items."""
    x = torch.rand(n, 4, generator=torch.Generator().manual_seed(1))
    return x, (x[:, 0] > 0.5).long(), seeds(5, items=torch.arange(n) + 20)


class Coded(nn.Module):
    """A network that draws its input spikes."""

    def forward(self, x: Tensor) -> Tensor:
        spikes: Tensor = Poisson()(x.view(-1, 1, 2, 2), 5).mean(0)
        return spikes.flatten(1)


@pytest.mark.parametrize("kind", ["noisy", "poisson"])
def test_the_batch_and_its_order_never_change_what_an_item_draws(noisy: Noisy, kind: str) -> None:
    x, y, keys = items()
    model = noisy if kind == "noisy" else Coded()
    objective = Objective({"error": (1.0, CrossEntropy())})

    def logits(which: Tensor) -> Tensor:
        return objective.look(model, x[which], y[which], seeds=keys[which]).logits.detach()

    whole = logits(torch.arange(9))
    some = torch.tensor([7, 2, 5])
    torch.testing.assert_close(logits(some), whole[some], rtol=0, atol=1e-6)
    other = objective.look(model, x, y, seeds=keys.child("another epoch")).logits
    assert not torch.allclose(other, whole, atol=1e-3), "the network does draw"


def test_a_second_forward_repeats_the_draws_and_the_global_generator_is_left_alone(
    noisy: Noisy,
) -> None:
    x, y, keys = items()
    clean = Forward(noisy, x, y, seeds=keys)
    before = torch.get_rng_state()
    first = clean.logits
    torch.manual_seed(99)
    assert torch.equal(clean.forward_again(x), first)
    assert torch.equal(clean.forward_again(x, frozen_statistics=True), first)
    assert torch.equal(clean.twice_differentiable_logits(), first)
    spikes = clean.traces[-1].spikes
    assert torch.equal(noisy.last(spikes.mean(0)), first)
    torch.set_rng_state(before)
    assert torch.equal(Forward(noisy, x, y, seeds=keys).logits, first)
    assert torch.equal(torch.get_rng_state(), before), "nothing was taken from it"


def test_an_attacked_item_draws_what_it_drew_unattacked(noisy: Noisy) -> None:
    x, y, keys = items()
    both = Forward(noisy, x.repeat(2, 1), y.repeat(2), origin=x, copies=2, seeds=keys)
    assert torch.equal(both.logits[:9], both.logits[9:])
    assert torch.equal(both.clean.logits, both.logits[:9])
    assert Trades()(both).item() == 0, "an attack that changes nothing diverges by nothing"


def test_rules_see_the_draws_of_the_items(noisy: Noisy) -> None:
    x, y, keys = items()
    whole = Step(model=noisy, x=x, y=y, seeds=keys).logits()
    part = Step(model=noisy, x=x[4:], y=y[4:], seeds=keys[4:]).logits()
    torch.testing.assert_close(part, whole[4:], rtol=0, atol=1e-6)


def test_validation_does_not_depend_on_the_batch_size(noisy: Noisy, data: Any) -> None:
    objective = Objective({"error": (1.0, CrossEntropy()), "guard": (0.1, ThresholdGuarding())})
    found = []
    for size, state in ((64, 0), (7, 1)):
        torch.manual_seed(state)
        work = Job(objective=objective, epochs=1, settings=TrainingSettings(batch_size=size))
        found.append(validate(noisy, data.validation, work, Group()))
    one, two = found
    assert one.validation_loss == pytest.approx(two.validation_loss, rel=1e-6)
    assert replace(one, validation_loss=None) == replace(two, validation_loss=None)


def test_a_step_on_some_items_draws_as_the_step_on_all(noisy: Noisy, data: Any) -> None:
    objective = Objective({"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())})
    run = Run(noisy, data, Job(objective=objective, epochs=2, seed=4))
    some = torch.tensor([30, 3, 11])
    seen = []
    for which in (torch.arange(40), some):
        step = run.loader.step(1, 0, 1, which)
        seen.append(objective.look(noisy, step.x, step.y, seeds=step.seeds).logits.detach())
    torch.testing.assert_close(seen[1], seen[0][some], rtol=0, atol=1e-6)


@pytest.mark.parametrize("attacked", [False, True], ids=["clean", "attacked"])
def test_training_depends_on_the_seed_and_not_on_torchs_generator(
    data: Any, attacked: bool
) -> None:
    attack, threat = sp.PGD(steps=1, step_size=1.0), sp.Threat(sp.Linf(), 0.1, data.domain)
    objective = Objective(
        {"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())},
        inputs=Adversarial(attack, threat) if attacked else None,
    )

    def trained(state: int, seed: int) -> str:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            model = Noisy()
            torch.manual_seed(state)
            fit(model, data, objective, epochs=2, seed=seed, progress=False)
        return model_digest(model)

    assert trained(0, 1) == trained(7, 1) != trained(0, 2)
