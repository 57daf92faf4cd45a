"""What every kind of training inputs promises, on every modality."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof import attacks, data, threats, train
from spikeproof.base import Seeds, seeds
from spikeproof.data import Domain, Views
from spikeproof.neurons import LIF, Spiking, time_mean
from spikeproof.train import INPUTS, Forward, Inputs

IMAGE = Domain(kind="image", shape=(1, 4, 4))
AUDIO = Domain(kind="audio", shape=(12,), low=-1.0)
EVENTS = Domain(kind="events", shape=(2, 2, 3, 3))
DOMAINS = (IMAGE, EVENTS, Views((("image", IMAGE), ("audio", AUDIO))))
CASES = [(inputs, domain) for domain in DOMAINS for inputs in INPUTS.examples(domain)]
NAMES = [f"{inputs.kind}-{domain.kind}" for inputs, domain in CASES]
each_case = pytest.mark.parametrize(("inputs", "domain"), CASES, ids=NAMES)


class Net(nn.Module):
    """A small spiking network with batch norm and dropout, in double precision."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(size, 12), nn.BatchNorm1d(12)
        self.spikes, self.drop, self.last = Spiking(LIF()), nn.Dropout(0.3), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        current = self.norm(self.first(3 * x.flatten(1)))
        logits: Tensor = time_mean(self.last(self.drop(self.spikes(current.expand(3, -1, -1)))))
        return logits


def batch(domain: Domain | Views, n: int = 6) -> tuple[Net, Tensor, Tensor, Seeds]:
    """A network in training mode, legal items in every corner of the box, classes, keys."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Net(domain.size).double()
    draws = seeds(5, n=n).uniform(domain.shape, torch.float64)
    low, high = domain.bounds(draws)
    x = domain.clip(low + (high - low) * (1.4 * draws - 0.2))
    return model, x, torch.arange(n) % 3, seeds(2, n=n)


def checked(inputs: Inputs, made: Tensor, x: Tensor, domain: Domain | Views) -> None:
    """Every block holds legal items, each within a radius that its inputs may use."""
    assert made.shape == (inputs.copies * len(x), *x.shape[1:])
    assert made.dtype == x.dtype and not made.requires_grad
    assert made.isfinite().all()
    assert torch.equal(domain.clip(made), made)
    for block in made.split(len(x)):
        used = [t.geometry.distance(block, x, t.domain) / t.radius for t in inputs.against]
        assert not used or (torch.stack(used).amin(0) <= 1 + 1e-6).all()


def test_every_registered_kind_of_inputs_is_under_contract() -> None:
    shipped = {k for k in INPUTS if INPUTS[k].__module__.startswith("spikeproof.")}
    assert {inputs.kind for inputs, _ in CASES} == shipped
    assert all(INPUTS[kind].kind == kind for kind in shipped)


@each_case
def test_what_is_made_is_legal_and_changes_something(
    inputs: Inputs, domain: Domain | Views
) -> None:
    model, x, y, keys = batch(domain)
    before = x.clone()
    made = inputs(model, x, y, seeds=keys)
    checked(inputs, made, x, domain)
    checked(inputs.judged, inputs.judged(model, x, y, seeds=keys), x, domain)
    assert not torch.equal(made, torch.cat([x] * inputs.copies))
    assert torch.equal(x, before) and not x.requires_grad


@each_case
def test_the_model_is_left_as_it_was_found(inputs: Inputs, domain: Domain | Views) -> None:
    model, x, y, keys = batch(domain)
    model.norm.eval()  # an owner's odd choice must survive too
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    chance = torch.random.get_rng_state()
    inputs(model, x, y, seeds=keys)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), chance)


@each_case
def test_the_same_seeds_give_the_same_bytes_and_draws_belong_to_items(
    inputs: Inputs, domain: Domain | Views
) -> None:
    model, x, y, keys = batch(domain)
    made = inputs(model, x, y, seeds=keys)
    assert torch.equal(inputs(model, x, y, seeds=keys), made)
    turned = torch.tensor([4, 0, 3])
    some = inputs(model, x[turned], y[turned], seeds=keys[turned])
    rows = torch.cat([turned + block * len(x) for block in range(inputs.copies)])
    torch.testing.assert_close(some, made[rows], rtol=1e-9, atol=1e-9)
    if not inputs.against:  # noise is nothing but draws
        assert not torch.equal(inputs(model, x, y, seeds=seeds(3, n=len(x))), made)


@each_case
def test_what_is_remembered_are_counts_that_add_up(inputs: Inputs, domain: Domain | Views) -> None:
    model, x, y, keys = batch(domain)

    def learnt(rows: slice, memory: dict[str, Tensor]) -> dict[str, Tensor]:
        made = inputs.make(model.eval(), x[rows], y[rows], seeds=keys[rows], memory=memory)
        classes = torch.cat([y[rows]] * inputs.copies)
        kept = {name: value.clone() for name, value in memory.items()}
        inputs.learn(Forward(model, made, classes), seeds=keys[rows], memory=kept)
        return kept

    first = learnt(slice(0, 6), {})
    assert all(not value.is_floating_point() for value in first.values())
    told = {name: value.clone() for name, value in first.items()}
    both = learnt(slice(0, 6), first)
    assert all(torch.equal(first[name], value) for name, value in told.items())
    assert set(both) == set(first)
    assert all((both[name] >= value).all() for name, value in first.items())
    assert sum(int(v.sum()) for n, v in first.items() if n.endswith("seen")) in (0, 6)


@each_case
def test_repr_and_record_rebuild_inputs(inputs: Inputs, domain: Domain | Views) -> None:
    names: dict[str, Any] = {}
    for room in (attacks, data, threats, train):
        names |= vars(room)
    assert eval(repr(inputs), names) == inputs
    assert INPUTS.build(INPUTS.record(inputs), domain) == inputs
