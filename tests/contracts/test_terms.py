"""What every term of an objective promises, on every modality and in both modes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import pytest
import torch
from torch import Tensor, nn

from spikeproof import train
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Stem
from spikeproof.neurons import LIF, Spiking, time_mean
from spikeproof.train import (
    TERMS,
    CrossEntropy,
    Forward,
    Inputs,
    Objective,
    SparseGradient,
    Term,
    TGReg,
)
from support.examples import term_costs, term_examples

EXAMPLES, COSTS = term_examples(), term_costs()
MODALITIES = ("audio", "events", "image")  # of the fixture ``batch``
# They look at hidden neurons only, or at statistics of the whole batch.
BLIND_TO_THE_READOUT = {"mpd_sgr", "threshold_guarding"}
OF_THE_BATCH = {"mpd_sgr"}


@dataclass(frozen=True)
class Twice(Inputs):
    """Two made-up attacks of every item, side by side."""

    kind: ClassVar[str] = "twice"

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, **_: Any) -> Tensor:
        return torch.cat([x + 0.05, x - 0.05])

    @property
    def copies(self) -> int:
        return 2


TWICE = Twice()


def seen(term: Term, model: nn.Module, batch: Any) -> Forward:
    """The pass that an objective of this one term would make, over two attacks of every item."""
    keys = seeds(0, n=len(batch.x))
    return Objective({"it": (1.0, term)}, inputs=TWICE).look(model, batch.x, batch.y, seeds=keys)


class Toy(nn.Module):
    """A spiking network of two layers over flat inputs, with batch norm and dropout."""

    def __init__(self, features: int, classes: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        still = Domain(kind="image", shape=(1, 1, features))
        spec = ModelSpec(name="dense", domain=still, classes=classes, width=16, timesteps=4)
        self.stem = Stem(spec, still, nn.Linear(features, 16), nn.BatchNorm1d(16))
        self.spikes = Spiking(LIF(leak=0.5))
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(16, classes)
        self.calls = 0
        self.backwards: list[int] = []

    @property
    def norm(self) -> Any:
        return self.stem[1]

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        current = self.stem(4 * x.flatten(1))
        if current.requires_grad:  # every backward on its way to the input comes by
            current.register_hook(lambda grad: self.backwards.append(1))
        spikes = self.spikes(current)
        logits: Tensor = time_mean(self.last(self.drop(spikes)))
        return logits


def toy(x: Tensor, **settings: Any) -> Toy:
    """A network for inputs like ``x``, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Toy(x[0].numel(), **settings).to(x.dtype)


def trials(pairs: Iterable[tuple[Term, str]]) -> pytest.MarkDecorator:
    """A test of each of these terms on items of this modality."""
    params = [pytest.param(term, name, id=f"{term!r}-{name}") for term, name in pairs]
    return pytest.mark.parametrize(("term", "batch"), params, indirect=["batch"])


each_term_everywhere = trials(itertools.product(EXAMPLES, MODALITIES))


def each_term(turn: int) -> pytest.MarkDecorator:
    """Every term on one modality, the modalities in turn; another turn is another modality."""
    turned = itertools.cycle(MODALITIES[turn:] + MODALITIES[:turn])
    return trials(zip(EXAMPLES, turned, strict=False))


def test_every_registered_term_is_under_contract() -> None:
    # A page of the docs registers a term of its own.
    shipped = {kind for kind in TERMS if TERMS[kind].__module__.startswith("spikeproof.")}
    assert {type(term) for term in EXAMPLES} == {TERMS[kind] for kind in shipped}
    assert set(COSTS) == shipped
    assert {kind: getattr(TERMS[kind], "passes", (0, 0)) for kind in shipped} == COSTS


@each_term_everywhere
def test_value_and_gradient_are_finite_and_reach_every_weight(term: Term, batch: Any) -> None:
    blind = TERMS.kind(term) in BLIND_TO_THE_READOUT
    for training in (True, False):
        model = toy(batch.x).train(training)
        value = term(seen(term, model, batch))
        assert value.shape == ()
        assert value.isfinite()
        assert value >= 0
        names, parameters = zip(*model.named_parameters(), strict=True)
        grads = torch.autograd.grad(value, parameters, allow_unused=True)
        for name, grad in zip(names, grads, strict=True):
            assert (grad is None) == (blind and name.startswith("last")), name
            assert grad is None or grad.isfinite().all()
        assert sum(float(grad.abs().sum()) for grad in grads if grad is not None) > 0


@each_term(0)
def test_a_call_costs_what_its_page_says(term: Term, batch: Any) -> None:
    model = toy(batch.x)
    clean = seen(term, model, batch)
    assert clean.logits.requires_grad and not model.backwards
    term(clean)
    assert (model.calls - 1, len(model.backwards)) == COSTS[TERMS.kind(term)]


@each_term_everywhere
def test_inputs_modes_buffers_and_gradients_stay_as_they_were(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    model.norm.train()  # an owner's odd choice must survive too
    model.norm.track_running_stats = True
    modes = [module.training for module in model.modules()]
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    x, y = batch.x.clone(), batch.y.clone()
    term(seen(term, model, batch))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(batch.x, x)
    assert torch.equal(batch.y, y)
    assert not batch.x.requires_grad


@each_term(2)
def test_in_evaluation_mode_no_buffer_moves(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    term(seen(term, model, batch))
    assert all(torch.equal(b, before[name]) for name, b in model.named_buffers())


@each_term(0)
def test_what_was_not_announced_costs_a_forward_and_gives_the_same_value(
    term: Term, batch: Any
) -> None:
    model = toy(batch.x.double())
    x = batch.x.double()
    told = term(Forward(model, x, batch.y, looks=getattr(term, "looks", ())))
    late = Forward(model, x, batch.y)
    _ = late.logits
    calls, buffers = model.calls, {n: b.clone() for n, b in model.named_buffers()}
    torch.testing.assert_close(term(late), told)
    if getattr(term, "looks", ()):
        assert model.calls == calls + 1
        assert all(torch.equal(b, buffers[name]) for name, b in model.named_buffers())


@each_term(1)
def test_without_an_attack_the_value_is_finite(term: Term, batch: Any) -> None:
    value = term(Forward(toy(batch.x).eval(), batch.x, batch.y))
    assert value.isfinite()
    assert value >= -1e-6


@each_term(2)
def test_one_item_is_enough(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    assert term(Forward(model, batch.x[:1], batch.y[:1])).isfinite()


@each_term(0)
def test_the_value_is_the_mean_over_items(term: Term, batch: Any) -> None:
    if TERMS.kind(term) in OF_THE_BATCH:
        pytest.skip("its page says that it looks at statistics of the batch")
    model = toy(batch.x.double()).eval()
    x = batch.x.double()
    whole = term(Forward(model, x, batch.y))
    alone = [term(Forward(model, x[i : i + 1], batch.y[i : i + 1])) for i in range(len(x))]
    torch.testing.assert_close(whole, torch.stack(alone).mean())


@each_term(1)
def test_weight_zero_is_the_same_as_absent(term: Term, batch: Any) -> None:
    alone = Objective({"error": (1.0, CrossEntropy())})
    beside = Objective({"error": (1.0, CrossEntropy()), "more": (0, term)})
    assert beside == alone
    assert beside.record() == alone.record()
    model = toy(batch.x)
    loss, parts = beside(model, batch.x, batch.y)
    assert model.calls == 1
    assert list(parts) == ["error"]
    assert torch.equal(loss, alone(toy(batch.x), batch.x, batch.y)[0])


def test_settings_rebuild_from_repr_and_from_their_record() -> None:
    for term in EXAMPLES:
        assert eval(repr(term), dict(vars(train))) == term
        assert TERMS.build(TERMS.record(term)) == term


def test_settings_are_frozen_and_equal_by_value() -> None:
    for term in EXAMPLES:
        assert replace(cast(Any, term)) == term
        with pytest.raises(AttributeError):
            cast(Any, term).h = 1.0


@each_term(2)
def test_a_model_in_double_precision_gives_double_precision(term: Term, batch: Any) -> None:
    x = batch.x.double()
    assert term(Forward(toy(x), x, batch.y)).dtype == torch.float64


def test_terms_in_one_objective_share_their_forwards(batch: Any) -> None:
    model = toy(batch.x)
    terms = {f"term {i}": (1.0, term) for i, term in enumerate(EXAMPLES)}
    Objective(terms, inputs=TWICE)(model, batch.x, batch.y, seeds=seeds(0, n=5))
    own = [COSTS[TERMS.kind(t)][0] for t in EXAMPLES if isinstance(t, SparseGradient | TGReg)]
    assert model.calls == 1 + 1 + sum(own), "one shared, one of the unattacked items, own ones"
