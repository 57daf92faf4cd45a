"""The gradient of every step, against closed forms and against the gradient of the raw input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.data import Domain
from spikeproof.models import Latency, ModelSpec, Poisson, Stem, TimeMean, build
from spikeproof.neurons import LIF, Surrogate
from spikeproof.train import Forward, GradientNorm, TGReg

IMAGE = Domain(kind="image", shape=(1, 4, 4))
EVENTS = Domain(kind="events", shape=(5, 2, 4, 4), high=3.0, integer=True)
ALIVE = LIF(threshold=0.1, surrogate=Surrogate("arctan", 1.0))
Y = torch.tensor([0, 1, 2])


def spec(domain: Domain = IMAGE, **more: object) -> ModelSpec:
    """A small network."""
    settings = {"classes": 3, "width": 6, "timesteps": 4, "neuron": ALIVE, **more}
    return ModelSpec(name="dense", domain=domain, **settings)  # type: ignore[arg-type]


def items(domain: Domain) -> Tensor:
    """Three of them."""
    x = torch.rand(3, *domain.shape, generator=torch.Generator().manual_seed(1)).double()
    return (3 * x).round() if domain.integer else x


def linear(timesteps: int) -> tuple[nn.Module, Tensor]:
    """A network that is linear over time, and its weights from pixels to logits."""
    generator = torch.Generator().manual_seed(2)
    stem = Stem(spec(timesteps=timesteps), IMAGE, nn.Flatten(), nn.Linear(16, 3, bias=False))
    with torch.no_grad():
        stem[1].weight.copy_(torch.randn(3, 16, generator=generator))  # type: ignore[operator]
    model = nn.Sequential(stem, TimeMean()).double()
    return model, stem[1].weight  # type: ignore[return-value]


@pytest.mark.parametrize("timesteps", [1, 2, 7])
def test_of_a_network_linear_in_time_it_is_the_pixel_gradient_over_the_steps(
    timesteps: int,
) -> None:
    model, weight = linear(timesteps)
    x = items(IMAGE)
    p = (x.flatten(1) @ weight.T).softmax(1)
    grad = p @ weight - weight[Y]
    ours = TGReg()(Forward(model, x, Y))
    torch.testing.assert_close(ours, grad.square().sum(1).mean() / timesteps)
    (mine,) = torch.autograd.grad(ours, weight, retain_graph=True)
    (theirs,) = torch.autograd.grad(grad.square().sum(1).mean() / timesteps, weight)
    torch.testing.assert_close(mine, theirs)


def test_of_events_it_is_the_exact_norm_of_the_input_gradient() -> None:
    model = build(spec(EVENTS)).double().eval()
    x = items(EVENTS)
    ours, theirs = (
        term(Forward(model, x, Y)) for term in (TGReg(), GradientNorm(norm="l2", of="loss"))
    )
    assert ours > 0
    torch.testing.assert_close(ours, theirs)


def test_it_bounds_the_gradient_of_a_repeated_image() -> None:
    model = build(spec()).double().eval()
    x = items(IMAGE)
    whole = GradientNorm(norm="l2", of="loss")(Forward(model, x, Y))
    ours = TGReg()(Forward(model, x, Y))
    assert 0 < whole <= 4 * ours * (1 + 1e-9)


@pytest.mark.parametrize("encoder", [Latency(), Poisson()])
def test_it_asks_for_the_gradient_of_the_code(encoder: Latency | Poisson) -> None:
    model = build(spec(encoder=encoder)).double()
    value = TGReg()(Forward(model, items(IMAGE), Y))
    value.backward()
    weight = model.body.stem[1].weight  # type: ignore[union-attr, index]
    assert value > 0 and weight.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_the_weight_of_an_item_does_not_depend_on_the_batch() -> None:
    model = build(spec()).double().eval()
    x = items(IMAGE)
    whole = TGReg()(Forward(model, x, Y))
    alone = torch.stack([TGReg()(Forward(model, x[i : i + 1], Y[i : i + 1])) for i in range(3)])
    torch.testing.assert_close(whole, alone.mean())


def test_buffers_stay_and_answers_do_not_change() -> None:
    model = build(spec()).double()
    before = {name: value.clone() for name, value in model.named_buffers()}
    forward = Forward(model, items(IMAGE), Y)
    logits = forward.logits.clone()
    after_one = {name: value.clone() for name, value in model.named_buffers()}
    TGReg()(forward)
    assert torch.equal(forward.logits, logits)
    assert any(not torch.equal(before[name], after_one[name]) for name in before)
    assert all(torch.equal(after_one[name], value) for name, value in model.named_buffers())


def test_a_network_without_steps_at_its_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"TGReg: no layer of the model runs"):
        TGReg()(Forward(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).double(), items(IMAGE), Y))
