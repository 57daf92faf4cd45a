"""Neurons beyond the plain LIF: traces by hand, learned parameters, noise, readouts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, seeds
from spikeproof.neurons import (
    IF,
    LIF,
    NEURONS,
    PLIF,
    PSN,
    NoisyLIF,
    Readout,
    Spiking,
    Surrogate,
    drawing,
    gradient_rule,
)

KERNELS = ["fused", "reference"]


def column(*values: float) -> Tensor:
    """One neuron's currents, ``(T, 1)``."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_soft_reset_keeps_what_exceeds_the_threshold(kernel: str) -> None:
    # leak 1/2: u = 1.5 fires, v = .5 | .25+.5=.75 | .375+.75=1.125 fires, v = .125 | .0625+.9375=1
    spikes = Spiking(LIF(leak=0.5, reset="soft"), kernel)(column(1.5, 0.5, 0.75, 0.9375))
    assert spikes.flatten().tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_decayed_input_enters_with_the_rest_of_the_leak(kernel: str) -> None:
    # leak 3/4: u = .25*3 = .75 | .5625+.25*2 = 1.0625 fires | .25*3.9 = .975
    spikes = Spiking(LIF(leak=0.75, decay_input=True), kernel)(column(3.0, 2.0, 3.9))
    assert spikes.flatten().tolist() == [0, 1, 0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_synapse_spreads_a_current_over_later_steps(kernel: str) -> None:
    # synapse 1/2, leak 1/2: c = .8 .4 .2 .1; u = .8 | .4+.4=.8 | .4+.2=.6; and with 1.25: fires
    neuron = LIF(leak=0.5, synapse=0.5)
    assert Spiking(neuron, kernel)(column(0.8, 0, 0, 0)).sum() == 0
    # c = .8 .9: u = .8 | .4+.9=1.3 fires | c = .45, u = .45
    assert Spiking(neuron, kernel)(column(0.8, 0.5, 0.0)).flatten().tolist() == [0, 1, 0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_gradient_through_a_synapse_and_a_soft_reset_is_the_one_by_hand(kernel: str) -> None:
    # c1 = I1 = .75, u1 = c1; v1 = u1 - s1; c2 = .5 c1 + I2; u2 = .5 v1 + c2 = .375+.375+.1 = .85.
    # ds2/dI1 = h2 (.5 (1 - h1) + .5) with h = 1 - |u - 1|.
    currents = column(0.75, 0.1).requires_grad_(True)
    spikes = Spiking(LIF(leak=0.5, synapse=0.5, reset="soft"), kernel)(currents)
    (grad,) = torch.autograd.grad(spikes[1].sum(), currents)
    h1, h2 = 0.75, 0.85
    assert grad[0].item() == pytest.approx(h2 * (0.5 * (1 - h1) + 0.5))
    assert grad[1].item() == pytest.approx(h2)


def test_a_parametric_neuron_begins_as_the_neuron_it_names_and_learns_its_leak() -> None:
    currents = 2 * torch.rand(5, 4, 3)
    layer = Spiking(PLIF(leak=0.6))
    assert torch.equal(layer(currents), Spiking(LIF(leak=0.6, decay_input=True))(currents))
    layer(currents).sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad != 0
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_parallel_neurons_mix_all_steps_with_one_matrix() -> None:
    layer = Spiking(PSN(timesteps=2, surrogate=Surrogate("rectangle", 0.1)))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [2.0, -1.0]]))
        layer.bias.copy_(torch.tensor([-1.0, -0.5]))
    currents = torch.tensor([[[1.0, 0.5]], [[1.6, 0.4]]], requires_grad=True)
    # h1 = 1-1=0 fires, .5-1 | h2 = 2-1.6-.5=-.1, 1-.4-.5=.1 fires
    spikes = layer(currents)
    assert spikes.flatten().tolist() == [1, 0, 0, 1]
    spikes[1].sum().backward()
    assert torch.allclose(currents.grad, torch.tensor([[[0.1, 0.1]], [[-0.05, -0.05]]]))
    with gradient_rule(Surrogate("straight-through")):
        (grad,) = torch.autograd.grad(layer(currents)[1].sum(), currents)
    assert torch.allclose(grad, torch.tensor([[[2.0, 2.0]], [[-1.0, -1.0]]]))
    with pytest.raises(InputError, match="made for 2 timesteps; got 3"):
        layer(torch.zeros(3, 1, 1))
    for bad, got in ((torch.float64, "float64 on cpu"), ("meta", "float32 on meta")):
        with pytest.raises(InputError, match=f"The currents of a PSN must be .* got torch.{got}"):
            layer(currents.to(bad))


def test_noise_has_the_declared_scale_in_both_modes() -> None:
    # With no leak and a threshold, the firing rate at the threshold itself is one half, and at
    # one standard deviation below it the normal tail, .1587.
    layer = Spiking(NoisyLIF(leak=0.0, noise=0.3, decay_input=False))
    for training in (True, False):
        layer.train(training)
        torch.manual_seed(0)
        assert layer(torch.full((1, 200_000), 1.0)).mean().item() == pytest.approx(0.5, abs=0.005)
        assert layer(torch.full((1, 200_000), 0.7)).mean().item() == pytest.approx(0.1587, abs=4e-3)


def test_noise_belongs_to_the_item() -> None:
    layer, currents, keys = Spiking(NoisyLIF()), torch.rand(4, 6, 5), seeds(3, n=6)
    with drawing(keys):
        whole = layer(currents)
    with drawing(keys[2:3]):
        alone = layer(currents[:, 2:3])
    assert torch.equal(whole[:, 2:3], alone)
    with drawing(keys):
        assert not torch.equal(layer(currents), whole[:, torch.randperm(6)])


def test_no_noise_is_the_plain_neuron() -> None:
    currents = torch.rand(4, 6, 5)
    assert torch.equal(Spiking(NoisyLIF(noise=0.0))(currents), Spiking(LIF())(currents))


def test_readouts_take_mean_last_and_largest_of_a_leaky_sum() -> None:
    x = torch.tensor([[1.0, -1.0], [3.0, -3.0], [2.0, 0.0]])
    assert Readout("mean")(x).tolist() == pytest.approx([2.0, -4 / 3])
    assert Readout("last")(x).tolist() == [2.0, 0.0]
    assert Readout("max")(x).tolist() == [3.0, 0.0]
    # leak 1/2: 1 | 3.5 | 3.75 and -1 | -3.5 | -1.75
    assert Readout("last", leak=0.5)(x).tolist() == [3.75, -1.75]
    assert Readout("max", leak=0.5)(x).tolist() == [3.75, -1.0]
    with pytest.raises(InputError, match="at least one step"):
        Readout()(torch.zeros(0, 3))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: LIF(reset="sfot"), "reset"),
        (lambda: LIF(synapse=1.5), "synapse"),
        (lambda: IF(reset="none"), "reset"),
        (lambda: PLIF(leak=1.0), "leak"),
        (lambda: NoisyLIF(noise=-1.0), "noise"),
        (lambda: NoisyLIF(synapse=0.5), "synapse"),
        (lambda: PSN(timesteps=0), "timesteps"),
        (lambda: Readout("median"), "median"),
        (lambda: Readout(leak=2.0), "leak"),
        (lambda: Surrogate("triangle", height=0.0), "height"),
    ],
)
def test_settings_outside_their_range_are_refused(make: object, named: str) -> None:
    with pytest.raises(SettingError, match=named):
        make()  # type: ignore[operator]


def test_integer_currents_are_refused() -> None:
    with pytest.raises(InputError, match="floating-point"):
        Spiking(LIF())(torch.zeros(2, 2, dtype=torch.int64))


@pytest.mark.parametrize(
    "neuron",
    [PLIF(leak=0.7), PSN(timesteps=3), NoisyLIF(noise=0.1), LIF(synapse=0.5, reset="soft")],
)
def test_records_and_reprs_rebuild_the_neuron(neuron: LIF | PSN) -> None:
    assert NEURONS.build(NEURONS.record(neuron)) == neuron
    assert eval(repr(neuron)) == neuron
