"""The recursion with smooth spikes, whose derivative is the surrogate, against finite differences.

A step has no derivative to compare a surrogate with. Its integral has: with that in place of the
step the reference kernel is an ordinary function, and its gradient must be the derivative of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from spikeproof.neurons import LIF, SHAPES, Dynamics, Slope, Spiking, Surrogate, second_order

kernel = import_module("spikeproof.neurons.kernels.reference")


def normal(x: Tensor) -> Tensor:
    """The normal distribution."""
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def ramp(x: Tensor) -> Tensor:
    """``x`` between -1 and 1, constant outside."""
    return x.clamp(-1, 1)


# Of z, the sharpness times the membrane.
INTEGRALS: dict[str, Callable[[Tensor], Tensor]] = {
    "arctan": lambda z: torch.atan(math.pi / 2 * z) / math.pi,
    "exponential": lambda z: z.sign() * (1 - torch.exp(-z.abs())) / 2,
    "gaussian": normal,
    "multi-gaussian": lambda z: (
        1.15 * normal(z) - 0.15 * (normal((z - 1) / 6) + normal((z + 1) / 6))
    ),
    "rectangle": lambda z: ramp(z) / 2,
    "shifted-gaussian": lambda z: normal(z - 0.5),
    "sigmoid": torch.sigmoid,
    "straight-through": lambda z: z,
    "triangle": lambda z: ramp(z) - ramp(z) * ramp(z).abs() / 2,
}


class Smooth(kernel._Spike):  # type: ignore[misc, name-defined]
    """The integral forward; backward is that of the package."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, slope: Slope) -> Tensor:
        ctx.save_for_backward(u)
        ctx.slope = slope
        scale = 1.0 if slope.shape == "straight-through" else slope.sharpness
        return slope.height * INTEGRALS[slope.shape](scale * u)


@pytest.fixture
def relaxed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reference kernel spike smoothly."""
    monkeypatch.setattr(kernel, "fire", Smooth.apply)


def currents(steps: int = 4) -> Tensor:
    """Two items of two neurons whose membranes pass the threshold and come back."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(steps, 2, 2, generator=generator, dtype=torch.float64).mul_(1.6)


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("shape", sorted(SHAPES))
@pytest.mark.parametrize("soft", [False, True])
def test_the_gradient_is_the_derivative_of_the_relaxation(shape: str, soft: bool) -> None:
    dynamics, slope = Dynamics(leak=0.7, soft=soft), Slope(shape, 1.7, 0.8)
    x = currents().requires_grad_(True)
    assert gradcheck(lambda x: kernel.reference(x, dynamics, slope), (x,))


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("synapse", [0.0, 0.6])
def test_so_is_that_of_a_learned_leak_and_gain(soft: bool, synapse: float) -> None:
    def run(x: Tensor, leak: Tensor, gain: Tensor) -> Tensor:
        dynamics = Dynamics(leak=leak, gain=gain, threshold=0.8, synapse=synapse, soft=soft)
        spikes: Tensor = kernel.reference(x, dynamics, Slope("sigmoid", 2.0))
        return spikes

    leak, gain = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.6, 1.3))
    assert gradcheck(run, (currents().requires_grad_(True), leak, gain))


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("shape", ["arctan", "gaussian", "multi-gaussian", "sigmoid"])
@pytest.mark.parametrize("soft", [False, True])
def test_the_second_derivative_is_that_of_the_relaxation(shape: str, soft: bool) -> None:
    dynamics, slope = Dynamics(leak=0.7, soft=soft), Slope(shape, 1.5)
    x = currents(3).requires_grad_(True)
    assert gradgradcheck(lambda x: kernel.reference(x, dynamics, slope), (x,))


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(("reset", "carry"), [(0.0, 1.0), (0.3, 1.0), (1.0, 0.0), (0.6, 0.5)])
def test_a_share_is_the_derivative_with_the_rest_held_fixed(
    soft: bool, reset: float, carry: float
) -> None:
    """Resets and membranes follow the input by their share, and stay at the point for the rest."""
    dynamics = Dynamics(leak=0.7, soft=soft, reset=reset, carry=carry)
    slope, point = Slope("sigmoid", 2.0), currents()
    held: list[tuple[Tensor, Tensor]] = []

    def walk(x: Tensor, shares: tuple[float, float]) -> Tensor:
        """The recursion written again, in plain torch."""
        left, spikes = torch.zeros_like(x[0]), []
        for t, current in enumerate(x):
            u = 0.7 * left + current
            spike = torch.sigmoid(2.0 * (u - 1))
            if len(held) == t:  # the first walk, at the point itself
                held.append((spike.detach(), torch.empty(0)))
            still = held[t][0] + shares[0] * (spike - held[t][0])
            after = u - still if soft else u * (1 - still)
            if not held[t][1].numel():
                held[t] = (held[t][0], after.detach())
            left = held[t][1] + shares[1] * (after - held[t][1])
            spikes.append(spike)
        return torch.stack(spikes)

    torch.testing.assert_close(walk(point, (1, 1)), kernel.reference(point, dynamics, slope))
    weight, step = torch.linspace(-1, 2, point.numel()).view_as(point).double(), 1e-6
    x = point.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad((weight * kernel.reference(x, dynamics, slope)).sum(), x)
    for i in range(point.numel()):
        moved = torch.zeros_like(point).flatten()
        moved[i] = step
        up, down = (
            (weight * walk(point + sign * moved.view_as(point), (reset, carry))).sum()
            for sign in (1, -1)
        )
        assert abs((up - down) / (2 * step) - grad.flatten()[i]) < 1e-8


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda logits: logits.sum(),
    "margin": lambda logits: (logits[:, 0] - logits[:, 1]).sum(),
    "cross-entropy": lambda logits: torch.nn.functional.cross_entropy(
        logits, torch.tensor([0, 2, 1])
    ),
}


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_the_exact_scope_gives_the_second_derivative_of_every_loss(loss: str) -> None:
    """d/dw of the length of the input gradient, by the graph and by finite differences."""
    generator = torch.Generator().manual_seed(0)
    draw = {"generator": generator, "dtype": torch.float64}
    x, weight, readout = (
        torch.rand(3, 4, **draw),
        torch.rand(4, 5, **draw),
        torch.rand(5, 3, **draw),
    )
    layer = Spiking(
        LIF(leak=0.5, surrogate=Surrogate("sigmoid", 2.0))
    )  # the fused kernel by itself

    def penalty(weight: Tensor) -> Tensor:
        point = x.clone().requires_grad_(True)
        with second_order():
            logits = layer((point @ weight).expand(3, 3, 5)).mean(0) @ readout
        (grad,) = torch.autograd.grad(LOSSES[loss](logits), point, create_graph=True)
        return grad.square().sum()

    assert gradcheck(penalty, (weight.requires_grad_(True),))


def test_the_exact_scope_changes_neither_spikes_nor_first_gradient_and_ends() -> None:
    layer = Spiking(LIF())
    x = currents().requires_grad_(True)
    plain = layer(x)
    with second_order():
        inside = layer(x)
    grads = [
        torch.autograd.grad(spikes.sum(), x, retain_graph=True)[0] for spikes in (plain, inside)
    ]
    assert torch.equal(plain, inside)
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-14)
    assert type(layer(x).grad_fn) is type(plain.grad_fn) is not type(inside.grad_fn)
    with pytest.raises(ZeroDivisionError), second_order():
        _ = 1 / 0
    assert type(layer(x).grad_fn) is type(plain.grad_fn)
