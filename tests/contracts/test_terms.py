"""What every term of an objective promises, on every modality and in both modes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from spikeproof.neurons import LIF, Spiking
from spikeproof.train import TERMS, CrossEntropy, Objective, Pass, SparseGradient, Term

MEMBERS: dict[str, Term] = {
    "cross_entropy": CrossEntropy(),
    "sparse_gradient": SparseGradient(),
    "sparse_gradient (code)": SparseGradient.code(),
    "sparse_gradient (paper)": SparseGradient.paper(),
    "sparse_gradient (frozen statistics)": SparseGradient(frozen_statistics=True),
}
# Forwards and input backwards beyond the shared forward, per call.
COST = {"cross_entropy": (0, 0), "sparse_gradient": (1, 1)}


class Toy(nn.Module):
    """A spiking network of two layers over flat inputs, with batch norm and dropout."""

    def __init__(self, features: int, classes: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.first = nn.Linear(features, 16)
        self.norm = nn.BatchNorm1d(16)
        self.spikes = Spiking(LIF(leak=0.5))
        self.drop = nn.Dropout(dropout)
        self.last = nn.Linear(16, classes)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        current = self.norm(self.first(4 * x.flatten(1)))
        spikes = self.spikes(current.expand(4, *current.shape))
        logits: Tensor = self.last(self.drop(spikes)).mean(0)
        return logits


def toy(x: Tensor, **settings: Any) -> Toy:
    """A network for inputs like ``x``, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Toy(x[0].numel(), **settings).to(x.dtype)


@pytest.fixture(params=sorted(MEMBERS))
def term(request: pytest.FixtureRequest) -> Term:
    """Every registered term, in every published setting."""
    return MEMBERS[request.param]


def test_every_registered_term_is_under_contract() -> None:
    assert {type(term) for term in MEMBERS.values()} == set(TERMS.members.values())
    assert set(COST) == set(TERMS)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_value_and_gradient_are_finite_and_reach_every_weight(
    term: Term, batch: Any, training: bool
) -> None:
    model = toy(batch.x).train(training)
    value = term(Pass(model, batch.x, batch.y))
    assert value.shape == ()
    assert value.isfinite()
    assert value >= 0
    grads = torch.autograd.grad(value, list(model.parameters()))
    assert all(grad.isfinite().all() for grad in grads)
    assert sum(float(grad.abs().sum()) for grad in grads) > 0


def test_a_call_costs_what_its_page_says(term: Term, batch: Any) -> None:
    model = toy(batch.x)
    clean = Pass(model, batch.x, batch.y)
    backwards: list[int] = []
    assert clean.logits.requires_grad
    clean.x.register_hook(lambda grad: backwards.append(1))
    term(clean)
    assert (model.calls - 1, len(backwards)) == COST[TERMS.kind(term)]


def test_inputs_modes_buffers_and_gradients_stay_as_they_were(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    model.norm.train()  # an owner's odd choice must survive too
    model.norm.track_running_stats = True
    modes = [module.training for module in model.modules()]
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    x, y = batch.x.clone(), batch.y.clone()
    term(Pass(model, batch.x, batch.y))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(batch.x, x)
    assert torch.equal(batch.y, y)
    assert not batch.x.requires_grad


def test_in_evaluation_mode_no_buffer_moves(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    term(Pass(model, batch.x, batch.y))
    assert all(torch.equal(b, before[name]) for name, b in model.named_buffers())


def test_one_item_is_enough(term: Term, batch: Any) -> None:
    model = toy(batch.x).eval()
    assert term(Pass(model, batch.x[:1], batch.y[:1])).isfinite()


def test_the_value_is_the_mean_over_items(term: Term, batch: Any) -> None:
    model = toy(batch.x.double()).eval()
    x = batch.x.double()
    whole = term(Pass(model, x, batch.y))
    alone = [term(Pass(model, x[i : i + 1], batch.y[i : i + 1])) for i in range(len(x))]
    torch.testing.assert_close(whole, torch.stack(alone).mean())


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


def test_settings_rebuild_from_repr_and_from_their_record(term: Term) -> None:
    assert eval(repr(term)) == term
    assert TERMS.build(TERMS.record(term)) == term


def test_settings_are_frozen_and_equal_by_value(term: Term) -> None:
    assert replace(cast(Any, term)) == term
    with pytest.raises(AttributeError):
        cast(Any, term).h = 1.0


def test_a_model_in_double_precision_gives_double_precision(term: Term, batch: Any) -> None:
    x = batch.x.double()
    assert term(Pass(toy(x), x, batch.y)).dtype == torch.float64


def test_terms_in_one_objective_share_the_first_forward(batch: Any) -> None:
    model = toy(batch.x)
    terms = {name: (1.0, term) for name, term in MEMBERS.items()}
    Objective(terms)(model, batch.x, batch.y)
    assert model.calls == 1 + sum(COST[TERMS.kind(term)][0] for term in MEMBERS.values())
