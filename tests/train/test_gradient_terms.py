"""Norms, directions and the participation ratio of the input gradient, against closed forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import IF, LIF, Spiking, Surrogate, fire
from spikeproof.train import Forward, GradientNorm, ParticipationRatio, SparseGradient
from spikeproof.train.terms.sparse_gradient import _steepest

Case = tuple[nn.Linear, Tensor, Tensor]


@pytest.fixture
def case() -> Case:
    """A linear model of four classes over seven features, nine items, float64."""
    generator = torch.Generator().manual_seed(3)
    with torch.random.fork_rng(devices=[]):
        model = nn.Linear(7, 4, bias=False).double()
    model.weight.data.copy_(torch.randn(4, 7, generator=generator, dtype=torch.float64))
    return model, torch.rand(9, 7, generator=generator, dtype=torch.float64), torch.arange(9) % 4


# direction of SR, norm of GradientNorm, and the norm itself
DUALS: list[tuple[str, str, Callable[[Tensor], Tensor]]] = [
    ("sign", "l1", lambda g: g.abs().sum(1)),
    ("unit", "l2", lambda g: g.square().sum(1).sqrt()),
    ("one-hot", "linf", lambda g: g.abs().amax(1)),
    ("top-k", "top-k", lambda g: g.abs().sort(1).values[:, -3:].sum(1)),
]


def apart(model: nn.Linear, clean: Forward) -> Tensor:
    """Weights of the true class less those of its rival."""
    return model.weight[clean.y] - model.weight[clean.rival]


@pytest.mark.parametrize(("direction", "norm", "measure"), DUALS)
def test_each_direction_gives_its_dual_norm(
    case: Case, direction: str, norm: str, measure: Callable[[Tensor], Tensor]
) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    gap, reach = (x * apart(model, clean)).sum(1), measure(apart(model, clean))
    slope = (torch.sigmoid(gap + 0.01 * reach) - torch.sigmoid(gap)) / 0.01
    ours = SparseGradient(direction=direction, k=3)(clean)
    torch.testing.assert_close(ours, slope.square().mean(), rtol=1e-9, atol=0)


@pytest.mark.parametrize("p", [1.25, 2.0, 4.0])
def test_the_dual_direction_gives_the_dual_norm_of_any_p(case: Case, p: float) -> None:
    model, x, y = case
    clean, q = Forward(model, x, y), p / (p - 1)
    step = apart(model, clean).detach()
    reach = torch.linalg.vector_norm(step, ord=q, dim=1)
    gap = (x * apart(model, clean)).sum(1)
    slope = (torch.sigmoid(gap + 0.01 * reach) - torch.sigmoid(gap)) / 0.01
    ours = SparseGradient(direction="dual", p=p)(clean)
    torch.testing.assert_close(ours, slope.square().mean(), rtol=1e-9, atol=0)
    if p == 2:
        assert ours == SparseGradient(direction="unit")(clean)
    moved = _steepest(step, p)
    torch.testing.assert_close(
        torch.linalg.vector_norm(moved, ord=p, dim=1), torch.ones(9, dtype=torch.float64)
    )
    assert torch.equal(_steepest(torch.zeros(2, 3), p), torch.zeros(2, 3))


def test_clipped_only_what_can_move_counts() -> None:
    model = nn.Linear(3, 2, bias=False).double()
    model.weight.data.copy_(torch.tensor([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0]]))
    # Upwards of class 0: the first feature is at its limit, the second has half a step left.
    x, y = torch.tensor([[1.0, 0.05, 0.5]], dtype=torch.float64), torch.tensor([0])
    gap = 1.0 - 0.1 + 1.5
    before, after = (torch.sigmoid(torch.tensor(z)) for z in (gap, gap + 0.05 * 2 + 0.1 * 3))
    free = torch.sigmoid(torch.tensor(gap + 0.1 * (1 + 2 + 3)))
    ours = SparseGradient(h=0.1, penalty="absolute", clip=(0.0, 1.0))(Forward(model, x, y))
    assert ours.item() == pytest.approx(float(after - before) / 0.1, rel=1e-5)
    ours = SparseGradient(h=0.1, penalty="absolute")(Forward(model, x, y))
    assert ours.item() == pytest.approx(float(free - before) / 0.1, rel=1e-5)


@pytest.mark.parametrize(("direction", "norm", "measure"), DUALS)
def test_the_exact_form_has_value_and_weight_gradient_of_the_written_out_formula(
    case: Case, direction: str, norm: str, measure: Callable[[Tensor], Tensor]
) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    p = torch.sigmoid((x * apart(model, clean)).sum(1))
    size = p * (1 - p) * measure(apart(model, clean))
    for penalty, written in (("square", size.square().mean()), ("absolute", size.mean())):
        ours = GradientNorm(norm=norm, penalty=penalty, k=3)(Forward(model, x, y))
        torch.testing.assert_close(ours, written, rtol=1e-10, atol=0)
        (mine,) = torch.autograd.grad(ours, model.weight)
        (theirs,) = torch.autograd.grad(written, model.weight, retain_graph=True)
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-12)


def test_the_finite_difference_tends_to_the_exact_form(case: Case) -> None:
    for direction, norm, _ in DUALS:
        near = SparseGradient(direction=direction, k=3, h=1e-6)(Forward(*case))
        torch.testing.assert_close(
            near, GradientNorm(norm=norm, k=3)(Forward(*case)), rtol=1e-5, atol=0
        )


def test_the_loss_gradient_of_a_linear_model(case: Case) -> None:
    model, x, y = case
    p = (x @ model.weight.T).softmax(1)
    grad = p @ model.weight - model.weight[y]
    ours = GradientNorm(norm="l2", of="loss")(Forward(model, x, y))
    torch.testing.assert_close(ours, grad.square().sum(1).mean(), rtol=1e-10, atol=0)


class Neuron(nn.Module):
    """One spiking neuron and two logits that are multiples of its spike."""

    def __init__(self, kernel: str = "auto") -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.7, -0.2, 0.5], dtype=torch.float64))
        self.v = nn.Parameter(torch.tensor([1.5, -0.5], dtype=torch.float64))
        self.spikes = Spiking(IF(surrogate=Surrogate("arctan", 2.0)), kernel)

    def forward(self, x: Tensor) -> Tensor:
        spike: Tensor = self.spikes((x @ self.w)[None])[0]
        return spike[:, None] * self.v


@pytest.mark.parametrize("kernel", ["auto", "fused", "reference"])
def test_second_derivatives_of_a_spiking_neuron_are_those_written_out(kernel: str) -> None:
    x = torch.tensor([[0.9, 0.1, 0.8], [0.2, 0.3, 0.4]], dtype=torch.float64)
    model, y = Neuron(kernel), torch.tensor([0, 1])
    ours = GradientNorm(norm="l2")(Forward(model, x, y))
    mine = torch.autograd.grad(ours, [model.w, model.v])
    surrogate = Surrogate("arctan", 2.0)
    u = x @ model.w - 1
    z = fire(u, surrogate.slope)[:, None] * model.v
    between = model.v[y] - model.v[1 - y]
    p = torch.sigmoid(z[range(2), y] - z[range(2), 1 - y])
    size = p * (1 - p) * between * surrogate.derivative(u) * model.w.norm()
    theirs = torch.autograd.grad(size.square().mean(), [model.w, model.v])
    torch.testing.assert_close(ours, size.square().mean())
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b)
        assert b.abs().sum() > 0


def test_the_participation_ratio_is_its_formula(case: Case) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    g = apart(model, clean)
    written = (g.abs().sum(1).square() / (7 * g.square().sum(1))).mean()
    ours = ParticipationRatio()(Forward(model, x, y))
    torch.testing.assert_close(ours, written, rtol=1e-10, atol=0)
    (mine,) = torch.autograd.grad(ours, model.weight)
    (theirs,) = torch.autograd.grad(written, model.weight)
    torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-12)


def test_the_participation_ratio_does_not_see_size(case: Case) -> None:
    model, x, y = case
    y = y % 2
    pair = nn.Linear(7, 2, bias=False).double()
    pair.weight.data.copy_(model.weight.data[:2])
    value = ParticipationRatio()(Forward(pair, x, y))
    (grad,) = torch.autograd.grad(value, pair.weight)
    # Growing all weights together changes nothing, to first order and in the large.
    assert abs(float((grad * pair.weight.detach()).sum())) < 1e-10
    pair.weight.data.mul_(1e-3)
    torch.testing.assert_close(ParticipationRatio()(Forward(pair, x, y)), value)


@pytest.mark.parametrize(
    "term",
    [ParticipationRatio(), GradientNorm(norm="l2"), SparseGradient(direction="unit")],
    ids=repr,
)
def test_items_without_a_gradient_count_nothing(term: ParticipationRatio) -> None:
    class Silent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.spikes = nn.Linear(3, 2), Spiking(LIF())

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.last(self.spikes((x - 9)[None])[0])
            return logits

    model = Silent()
    value = term(Forward(model, torch.rand(4, 3), torch.tensor([0, 1, 0, 1])))
    assert value.item() == 0
    (grad,) = torch.autograd.grad(value, model.last.weight)
    assert torch.equal(grad, torch.zeros_like(grad))


@pytest.mark.parametrize("term", [ParticipationRatio(), GradientNorm()], ids=repr)
def test_a_model_without_second_derivatives_is_refused(term: GradientNorm) -> None:
    class Cut(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.detach()

    with pytest.raises(InputError, match="No gradient that could be differentiated again"):
        term(Forward(Cut(), torch.rand(2, 3), torch.tensor([0, 1])))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SparseGradient(direction="units"), "Did you mean 'unit'"),
        (lambda: SparseGradient(k=0), "SparseGradient.k must be a whole number >= 1; got 0"),
        (lambda: SparseGradient(p=1.0), "SparseGradient.p must be above 1 and finite; got 1.0"),
        (lambda: SparseGradient(clip=(1.0, 0.0)), r"clip must be \(lowest, highest\)"),
        (lambda: GradientNorm(norm="l3"), "Unknown GradientNorm.norm 'l3'"),
        (lambda: GradientNorm(of="losss"), "Did you mean 'loss'"),
        (lambda: GradientNorm(k=1.5), "GradientNorm.k must be a whole number >= 1; got 1.5"),
        (lambda: ParticipationRatio(of="hard"), "Unknown ParticipationRatio.of 'hard'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()
