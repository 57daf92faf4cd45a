"""The Triton kernel against the reference, through Triton's interpreter on the CPU."""

from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.neurons import (
    IF,
    LIF,
    PLIF,
    SHAPES,
    Neuron,
    Slope,
    Spiking,
    Surrogate,
    gradient_flow,
)
from spikeproof.neurons.kernels import gpu as kernel
from spikeproof.neurons.kernels import reference

# Triton looks at it once, when it is imported.
os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton", reason="the triton kernel needs triton")


def run(name: str, neuron: Neuron, currents: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes, and the gradient of their weighted sum."""
    currents = currents.detach().clone(memory_format=torch.preserve_format).requires_grad_(True)
    spikes = Spiking(neuron, kernel=name)(currents)
    (grad,) = torch.autograd.grad((weight * spikes).sum(), currents)
    return spikes, grad


def agree(neuron: Neuron, currents: Tensor) -> None:
    """Same spikes, same gradient to rounding."""
    weight = torch.randn_like(currents)
    ours, theirs = (run(name, neuron, currents, weight) for name in ("triton", "reference"))
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1], rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_surrogate_equals_the_reference(shape: str) -> None:
    agree(LIF(leak=0.7, surrogate=Surrogate(shape, 3.0, height=0.5)), 2 * torch.randn(4, 3, 401))


@pytest.mark.parametrize(
    "neuron",
    [
        IF(reset="soft"),
        LIF(reset="soft", detach_reset=True, threshold=0.6),
        LIF(detach_reset=True),
        LIF(leak=0.9, decay_input=True, synapse=0.5),
        PLIF(leak=0.6),
    ],
)
def test_every_recursion_equals_the_reference(neuron: Neuron) -> None:
    agree(neuron, 2 * torch.randn(5, 2, 700))


@pytest.mark.parametrize("reset", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("leak", [0.0, 0.7])
@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_every_share_of_reset_and_leak_equals_the_reference(
    kind: str, reset: float, leak: float
) -> None:
    with gradient_flow(reset=reset, leak=leak):
        agree(LIF(leak=0.8, reset=kind, synapse=0.3), 2 * torch.randn(5, 2, 70))


def test_layouts_and_constant_currents_are_served() -> None:
    frames = torch.randn(6, 4, 3, 5).contiguous(memory_format=torch.channels_last)
    agree(LIF(), 2 * frames.reshape(3, 2, 4, 3, 5))
    weight, grads = torch.randn(4, 2, 3), []
    for name in ("triton", "reference"):
        current = torch.linspace(0.2, 1.4, 6).view(2, 3).requires_grad_(True)
        spikes = Spiking(LIF(), kernel=name)(current.expand(4, 2, 3))
        grads.append(torch.autograd.grad((weight * spikes).sum(), current)[0])
    torch.testing.assert_close(*grads)


def test_a_sharpness_per_neuron_is_served() -> None:
    currents, weight = torch.randn(2, 3, 4, 5).unbind(0)
    slope, grads = Slope("arctan", 0.5 + 3 * torch.rand(3, 4, 5)), []
    for program in (kernel, reference):
        x = currents.clone().requires_grad_(True)
        spikes = program(x, LIF().dynamics, slope)
        grads.append(torch.autograd.grad((weight * spikes).sum(), x)[0])
    torch.testing.assert_close(*grads)


def test_bfloat16_currents_give_bfloat16_spikes_of_a_float32_recursion() -> None:
    currents = torch.randn(4, 2, 50).bfloat16().requires_grad_(True)
    spikes = Spiking(LIF(), kernel="triton")(currents)
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes.float(), Spiking(LIF(), kernel="reference")(currents.float()))
    spikes.float().sum().backward()
    assert currents.grad is not None and currents.grad.dtype == torch.bfloat16


def test_a_current_that_is_not_finite_shows_in_the_spikes() -> None:
    currents = torch.zeros(2, 1, 3)
    currents[0, 0, 1] = float("nan")
    assert Spiking(LIF(), kernel="triton")(currents).isnan().any(0).tolist() == [
        [False, True, False]
    ]


def test_second_derivatives_and_other_types_are_refused() -> None:
    currents = torch.randn(2, 2, 3, requires_grad=True)
    spikes = Spiking(LIF(), kernel="triton")(currents)
    with pytest.raises(SettingError, match="kernel='reference'"):
        torch.autograd.grad(spikes.sum(), currents, create_graph=True)
    with pytest.raises(SettingError, match="float64"):
        Spiking(LIF(), kernel="triton")(currents.double())
