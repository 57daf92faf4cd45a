"""The sparse-gradient penalty against closed forms, written-out formulas and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.train import Forward, Objective, SparseGradient


def affine(weight: Tensor) -> nn.Linear:
    """A linear model without bias."""
    with torch.random.fork_rng(devices=[]):
        model = nn.Linear(weight.shape[1], weight.shape[0], bias=False).to(weight.dtype)
    model.weight.data.copy_(weight)
    return model


@pytest.fixture
def case() -> tuple[nn.Linear, Tensor, Tensor]:
    """A linear model of four classes over seven features, nine items, float64."""
    generator = torch.Generator().manual_seed(3)
    model = affine(torch.randn(4, 7, generator=generator, dtype=torch.float64))
    x = torch.rand(9, 7, generator=generator, dtype=torch.float64)
    return model, x, torch.arange(9) % 4


def closed_form(model: nn.Linear, clean: Forward, h: float) -> Tensor:
    """Pairwise slope on a linear model: d is the sign of the weight difference, exactly."""
    apart = model.weight[clean.y] - model.weight[clean.rival]
    gap = (clean.x.detach() * apart).sum(1)
    return (torch.sigmoid(gap + h * apart.abs().sum(1)) - torch.sigmoid(gap)) / h


def test_the_square_penalty_on_a_linear_model_is_its_closed_form(
    case: tuple[nn.Linear, Tensor, Tensor],
) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    expected = closed_form(model, clean, 0.01).square().mean()
    torch.testing.assert_close(SparseGradient.code()(clean), expected, rtol=1e-10, atol=0)


def test_the_penalty_tends_to_the_l1_norm_of_the_gradient(
    case: tuple[nn.Linear, Tensor, Tensor],
) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    apart = model.weight[y] - model.weight[clean.rival]
    p = torch.sigmoid((x * apart).sum(1))
    norm = p * (1 - p) * apart.abs().sum(1)
    square = SparseGradient(h=1e-6)(clean)
    torch.testing.assert_close(square, norm.square().mean(), rtol=1e-5, atol=0)
    absolute = SparseGradient(h=1e-6, penalty="absolute")(clean)
    torch.testing.assert_close(absolute, norm.mean(), rtol=1e-5, atol=0)


def test_the_softmax_penalty_tends_to_the_l1_norm_of_the_softmax_gradient(
    case: tuple[nn.Linear, Tensor, Tensor],
) -> None:
    model, x, y = case
    p = (x @ model.weight.T).softmax(1)
    own = p.gather(1, y[:, None])
    # d softmax_y / dx = p_y (w_y - sum_k p_k w_k)
    slope = own * (model.weight[y] - p @ model.weight)
    term = SparseGradient(h=1e-6, penalty="absolute", probability="softmax")
    torch.testing.assert_close(
        term(Forward(model, x, y)), slope.abs().sum(1).mean(), rtol=1e-5, atol=0
    )


def test_the_weight_gradient_is_that_of_the_written_out_formula(
    case: tuple[nn.Linear, Tensor, Tensor],
) -> None:
    model, x, y = case
    clean = Forward(model, x, y)
    (ours,) = torch.autograd.grad(SparseGradient.code()(clean), model.weight)
    weight = model.weight.detach().clone().requires_grad_(True)
    apart = weight[y] - weight[clean.rival]
    with torch.no_grad():
        moved = x + 0.01 * apart.sign()
    before, after = torch.sigmoid((x * apart).sum(1)), torch.sigmoid((moved * apart).sum(1))
    (theirs,) = torch.autograd.grad(((after - before) / 0.01).square().mean(), weight)
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("term", [SparseGradient.code(), SparseGradient.paper()])
def test_the_weight_gradient_agrees_with_finite_differences(
    case: tuple[nn.Linear, Tensor, Tensor], term: SparseGradient
) -> None:
    model, x, y = case
    (grad,) = torch.autograd.grad(term(Forward(model, x, y)), model.weight)
    step = 1e-6
    for place in [(0, 0), (1, 3), (3, 6)]:
        values = []
        for sign in (1, -1):
            moved = model.weight.detach().clone()
            moved[place] += sign * step
            values.append(term(Forward(affine(moved), x, y)).item())
        slope = (values[0] - values[1]) / (2 * step)
        # The softmax direction also moves with the weights where a sign changes; none does here.
        assert grad[place].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_the_published_settings_are_what_they_were() -> None:
    assert SparseGradient() == SparseGradient.code()
    assert SparseGradient.code() == SparseGradient(h=0.01, penalty="square", probability="pairwise")
    assert SparseGradient.paper() == SparseGradient(
        h=0.01, penalty="absolute", probability="softmax"
    )


def test_the_rival_of_the_first_pass_is_kept_in_the_second() -> None:
    # The step overtakes the rival: at x class 1 leads class 2, at the moved point class 2 leads.
    model = affine(torch.tensor([[0.0], [1.0], [-100.0]], dtype=torch.float64))
    x = torch.tensor([[0.001]], dtype=torch.float64)
    clean = Forward(model, x, torch.tensor([0]))
    assert clean.rival.tolist() == [1]
    moved = 0.001 - 0.01
    assert model(torch.tensor([[moved]], dtype=torch.float64)).argmax(1).tolist() == [2]
    before = torch.sigmoid(torch.tensor(-0.001, dtype=torch.float64))
    after = torch.sigmoid(torch.tensor(-moved, dtype=torch.float64))
    expected = ((after - before) / 0.01).square()
    torch.testing.assert_close(SparseGradient()(clean), expected, rtol=1e-10, atol=0)


def normed() -> nn.Sequential:
    """A model with batch statistics, in training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))


def batch() -> tuple[Tensor, Tensor]:
    """Eight items of three features."""
    return torch.rand(8, 3, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 2


def test_frozen_statistics_keep_the_second_pass_out_of_the_running_averages() -> None:
    x, y = batch()
    once, twice, frozen = normed(), normed(), normed()
    once(x)
    SparseGradient()(Forward(twice, x, y))
    SparseGradient(frozen_statistics=True)(Forward(frozen, x, y))
    for name, buffer in once.named_buffers():
        assert torch.equal(dict(frozen.named_buffers())[name], buffer)
    assert int(twice[1].num_batches_tracked) == 2
    assert not torch.equal(twice[1].running_mean, once[1].running_mean)


def test_frozen_statistics_change_neither_value_nor_gradient() -> None:
    x, y = batch()
    results = []
    for frozen in (False, True):
        model = normed()
        value = SparseGradient(frozen_statistics=frozen)(Forward(model, x, y))
        results.append([value, *torch.autograd.grad(value, list(model.parameters()))])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_dropout_draws_once_for_both_passes() -> None:
    x, y = batch()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Dropout(0.5), nn.Linear(64, 2))
        model, x = model.double(), x.double()
        clean = Forward(model, x, y)
        assert not torch.equal(clean.logits, model(x)), "the model draws"
        state = torch.get_rng_state()
        penalty = SparseGradient(h=1e-6)(clean)
        assert torch.equal(torch.get_rng_state(), state), "and the second pass left no trace"
    f = torch.sigmoid(clean.logits[range(8), y] - clean.logits[range(8), 1 - y])
    (grad,) = torch.autograd.grad(f.sum(), clean.x)
    expected = grad.abs().sum(1).square().mean()
    torch.testing.assert_close(penalty.detach(), expected, rtol=1e-4, atol=0)


def test_a_model_that_cuts_the_graph_is_refused_with_the_reason() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return x.detach() * self.scale

    with pytest.raises(InputError, match="No gradient reaches the input"):
        SparseGradient()(Forward(Cut(), torch.rand(2, 3), torch.tensor([0, 1])))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"h": 0.0}, "SparseGradient.h must be positive"),
        ({"h": float("nan")}, "SparseGradient.h must be positive"),
        ({"penalty": "squared"}, "Did you mean 'square'"),
        ({"probability": "soft"}, "Did you mean 'softmax'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        SparseGradient(**settings)


def test_the_shared_forward_is_that_of_the_model_itself() -> None:
    x, y = batch()
    model = normed().eval()
    objective = Objective({"sparse": (2.0, SparseGradient())})
    loss, parts = objective(model, x, y)
    torch.testing.assert_close(loss.detach(), 2 * parts["sparse"])
