"""The recurrent layer: steps by hand, its gradient, and what it shares with every spiking layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from spikeproof.base import InputError, SettingError
from spikeproof.metrics import activity
from spikeproof.neurons import (
    IF,
    LIF,
    PLIF,
    PSN,
    NoisyLIF,
    Recurrent,
    Spiking,
    Surrogate,
    gradient_rule,
)


def layer(weight: list[list[float]], surrogate: Surrogate | None = None) -> Recurrent:
    """A float64 layer with known weights."""
    neuron = LIF(leak=0.5) if surrogate is None else LIF(leak=0.5, surrogate=surrogate)
    made = Recurrent(neuron, len(weight)).double()
    with torch.no_grad():
        made.feedback.weight.copy_(torch.tensor(weight))
    return made


def test_two_neurons_follow_the_trace_computed_by_hand() -> None:
    # Step 0: u = (1, 0), the first fires and gives 0.5 to the second.
    # Step 1: u = (0, 0.6 + 0.5), the second fires and gives 1 to the first.
    # Step 2: u = (0.5 + 1, 0), the first fires.
    currents = torch.tensor([[1.0, 0.0], [0.0, 0.6], [0.5, 0.0]], dtype=torch.float64).unsqueeze(1)
    spikes = layer([[0.0, 1.0], [0.5, 0.0]])(currents)
    assert spikes.squeeze(1).tolist() == [[1, 0], [0, 1], [1, 0]]
    assert layer([[0.0, 0.0], [0.0, 0.0]])(currents).squeeze(1).tolist() == [[1, 0], [0, 0], [0, 0]]


def test_without_feedback_it_is_a_plain_layer() -> None:
    currents = torch.randn(6, 3, 2, dtype=torch.float64)
    zeros = layer([[0.0, 0.0], [0.0, 0.0]])
    assert torch.equal(zeros(currents), Spiking(LIF(leak=0.5))(currents))


def test_the_gradient_through_two_steps_is_the_one_computed_by_hand() -> None:
    # u0 = 1.25 fires; u1 = -0.75 + 2 = 1.25; the rectangle's derivative is 0.5 at both.
    # ds1/dI0 = 0.5 * (0.5 * (0 - 1.25 * 0.5) + 2 * 0.5), ds1/dw = 0.5 * s0.
    one = layer([[2.0]], Surrogate("rectangle", 1.0))
    currents = torch.tensor([1.25, -0.75], dtype=torch.float64).view(2, 1, 1).requires_grad_(True)
    one(currents)[1].sum().backward()
    assert currents.grad is not None and one.feedback.weight.grad is not None
    assert currents.grad.flatten().tolist() == [0.34375, 0.5]
    assert one.feedback.weight.grad.item() == 0.5


def test_the_attackers_surrogate_applies_to_it() -> None:
    one = layer([[2.0]], Surrogate("triangle", 1.0))
    currents = torch.full((1, 1, 1), 1.25, dtype=torch.float64, requires_grad=True)
    with gradient_rule(Surrogate("rectangle", 1.0)):
        spikes = one(currents)
    spikes.sum().backward()
    assert currents.grad is not None and currents.grad.item() == 0.5


def test_its_activity_is_counted() -> None:
    model = nn.Sequential(layer([[0.0]]))
    x = torch.tensor([1.0, 0.0], dtype=torch.float64).view(2, 1, 1)
    assert [a.rate for a in activity(model, x).values()] == [0.5]


def test_currents_without_time_are_refused() -> None:
    with pytest.raises(InputError, match="needs currents"):
        layer([[1.0]])(torch.zeros(0, 2, 1))


def test_every_recursion_can_be_recurrent_and_a_psn_cannot() -> None:
    currents = 4 * torch.rand(5, 2, 3, dtype=torch.float64)
    wide = Surrogate("arctan", 1.0)  # never zero
    for neuron in (IF(), PLIF(), NoisyLIF(), LIF(reset="soft", synapse=0.5)):
        made = Recurrent(replace(neuron, surrogate=wide), 3).double()
        made(currents).sum().backward()
        assert made.feedback.weight.grad is not None and made.feedback.weight.grad.abs().sum() > 0
    with pytest.raises(SettingError, match="cannot be recurrent"):
        Recurrent(PSN(timesteps=5), 3)
