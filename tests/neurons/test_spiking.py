"""Spiking layers: hand-computed traces, gradients by hand, and the scope that swaps surrogates."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import IF, LIF, NEURONS, PSN, Spiking, Surrogate, gradient_rule


def column(*values: float) -> Tensor:
    """One neuron's currents, ``(T, 1)``."""
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_a_lif_follows_the_trace_computed_by_hand() -> None:
    # leak .5: u = .6 | .3+.6=.9 | .45+.6=1.05 fires, reset | .6 | .3+1.4=1.7 fires | .2
    spikes = Spiking(LIF(leak=0.5))(column(0.6, 0.6, 0.6, 0.6, 1.4, 0.2))
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 1, 0]


def test_an_if_forgets_nothing_and_fires_on_the_threshold_itself() -> None:
    spikes = Spiking(IF())(column(0.5, 0.5, 0.25, 0.75))
    assert spikes.flatten().tolist() == [0, 1, 0, 1]


def test_negative_current_lowers_the_membrane_below_zero() -> None:
    spikes = Spiking(LIF(leak=0.5))(column(-2.0, 1.5, 1.0))  # u = -2 | .5 | 1.25
    assert spikes.flatten().tolist() == [0, 0, 1]


def test_the_gradient_through_two_steps_is_the_one_computed_by_hand() -> None:
    # u1 = I1 = .75, no spike; v1 = u1(1 - s1); u2 = .5 v1 + I2 = .875.
    # ds2/dI2 = h(u2 - 1); ds2/dI1 = h(u2 - 1) * .5 * (1 - s1 - u1 h(u1 - 1)).
    currents = column(0.75, 0.5).requires_grad_(True)
    spikes = Spiking(LIF(leak=0.5, surrogate=Surrogate("triangle", 1.0)))(currents)
    (grad,) = torch.autograd.grad(spikes[1].sum(), currents)
    h1, h2 = 0.75, 0.875
    assert grad[1].item() == pytest.approx(h2)
    assert grad[0].item() == pytest.approx(h2 * 0.5 * (1 - 0.75 * h1))


def test_a_detached_reset_drops_the_term_of_the_reset() -> None:
    currents = column(0.75, 0.5).requires_grad_(True)
    spikes = Spiking(LIF(leak=0.5, detach_reset=True))(currents)
    (grad,) = torch.autograd.grad(spikes[1].sum(), currents)
    assert grad[0].item() == pytest.approx(0.875 * 0.5)


def test_the_second_derivative_of_the_reference_kernel_is_exact() -> None:
    """Against the same trace with sigma(2u), whose slope is the surrogate, added and removed."""
    neuron = LIF(leak=0.5, surrogate=Surrogate("sigmoid", 2.0))

    def spike(u: Tensor) -> Tensor:
        smooth = torch.sigmoid(2 * u)
        return (u >= 0).to(u.dtype) + smooth - smooth.detach()

    def derivatives(spikes: Tensor, currents: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.tensor([[1.0], [-2.0], [3.0]], dtype=torch.float64)
        (first,) = torch.autograd.grad((weights * spikes).sum(), currents, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), currents)
        return first, second

    currents = column(0.3, 1.1, 0.4).requires_grad_(True)
    ours = derivatives(Spiking(neuron, kernel="reference")(currents), currents)
    u, written_out = currents[0], []
    for step in range(3):
        u = currents[0] if step == 0 else 0.5 * u * (1 - written_out[-1]) + currents[step]
        written_out.append(spike(u - 1))
    theirs = derivatives(torch.stack(written_out), currents)
    torch.testing.assert_close(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1])


def test_a_gradient_rule_changes_the_gradient_and_never_the_spikes() -> None:
    layer = Spiking(LIF())
    currents = torch.rand(5, 7, 3, dtype=torch.float64, requires_grad=True)
    plain = layer(currents)
    (own,) = torch.autograd.grad(plain.sum(), currents)
    with gradient_rule(Surrogate("arctan", 5.0)):
        swapped = layer(currents)
    (other,) = torch.autograd.grad(swapped.sum(), currents)
    declared = Spiking(LIF(surrogate=Surrogate("arctan", 5.0)))(currents)
    (expected,) = torch.autograd.grad(declared.sum(), currents)
    assert torch.equal(plain, swapped)
    assert not torch.equal(own, other)
    assert torch.equal(other, expected)


def test_a_gradient_rule_counts_the_layers_that_obeyed() -> None:
    two = nn.Sequential(Spiking(LIF()), nn.ReLU(), Spiking(IF()))
    psn = Spiking(PSN(timesteps=4))
    with gradient_rule(Surrogate("arctan", 5.0)) as scope:
        two(torch.rand(4, 2, 3))
        assert scope.served == 2
        psn(torch.rand(4, 2, 3))
        assert scope.served == 3
        with gradient_rule(None) as inner:  # each layer keeps its own surrogate
            two(torch.rand(4, 2, 3))
        nn.Linear(3, 2)(torch.rand(2, 3))
    assert (scope.served, inner.served) == (3, 0)


def test_a_gradient_rule_is_undone_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), gradient_rule(Surrogate("arctan", 5.0)):
        _ = 1 / 0
    currents = column(0.75).requires_grad_(True)
    Spiking(LIF())(currents).sum().backward()
    assert currents.grad is not None and currents.grad.item() == pytest.approx(0.75)


def test_training_and_evaluation_mode_have_the_same_gradient() -> None:
    layer = Spiking(LIF())
    currents = torch.rand(4, 6, requires_grad=True)
    grads = []
    for training in (True, False):
        layer.train(training)
        grads.append(torch.autograd.grad(layer(currents).sum(), currents)[0])
    assert torch.equal(*grads)


def test_the_same_input_gives_the_same_spikes_twice() -> None:
    layer, currents = Spiking(LIF()), torch.rand(6, 4)
    assert torch.equal(layer(currents), layer(currents))


@pytest.mark.parametrize("shape", [(), (3,), (0, 3)])
def test_currents_without_time_and_items_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="at least one step"):
        Spiking(LIF())(torch.zeros(shape))


@pytest.mark.parametrize("bad", [{"leak": 1.5}, {"leak": -0.1}, {"threshold": 0.0}])
def test_settings_outside_their_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(bad))):
        LIF(**bad)  # type: ignore[arg-type]


def test_an_unknown_kernel_names_the_known_ones() -> None:
    with pytest.raises(SettingError, match="reference"):
        Spiking(LIF(), kernel="referense")


@pytest.mark.parametrize("neuron", [LIF(leak=0.7, detach_reset=True), IF(threshold=0.5)])
def test_records_and_reprs_rebuild_the_neuron(neuron: LIF | IF) -> None:
    assert NEURONS.build(NEURONS.record(neuron)) == neuron
    assert eval(repr(neuron)) == neuron
