"""Agreement with the neurons of other libraries, where those are installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

from spikeproof.neurons import IF, LIF, Neuron, Spiking, Surrogate, gradient_flow

Run = Callable[[Tensor], Tensor]


def library(name: str) -> Any:
    """A peer, or a skipped test; what it warns of at import is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip(name.split(".")[0], reason=f"{name.split('.')[0]} is not installed")
        return import_module(name)


def compared(run: Run, neuron: Neuron) -> None:
    """The same spikes and the same input gradient, from both of our kernels."""
    generator = torch.Generator().manual_seed(0)
    currents = torch.randn(8, 4, 50, generator=generator).mul_(0.8).add_(0.2).requires_grad_(True)
    incoming = torch.randn(currents.shape, generator=generator)
    theirs = run(currents)
    (their_grad,) = torch.autograd.grad(theirs, currents, incoming)
    assert 0.05 < theirs.mean() < 0.6 and their_grad.abs().gt(0).float().mean() > 0.3
    for kernel in ("reference", "auto"):
        spikes = Spiking(neuron, kernel=kernel)(currents)
        (grad,) = torch.autograd.grad(spikes, currents, incoming)
        assert torch.equal(spikes, theirs)
        torch.testing.assert_close(grad, their_grad, rtol=1e-4, atol=1e-6)
        # The other way for an attacker: on neurons that say the opposite of their reset.
        opposite = replace(neuron, detach_reset=not neuron.detach_reset)  # type: ignore[arg-type, call-arg, union-attr]
        with gradient_flow(reset=0.0 if neuron.detach_reset else 1.0):  # type: ignore[union-attr]
            spikes = Spiking(opposite, kernel=kernel)(currents)
        (chosen,) = torch.autograd.grad(spikes, currents, incoming)
        assert torch.equal(chosen, grad)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize(
    ("shape", "sharpness", "name"), [("arctan", 2.0, "ATan"), ("sigmoid", 4.0, "Sigmoid")]
)
@pytest.mark.parametrize("leak", [0.5, 0.75, 1.0])
def test_spikingjelly(leak: float, shape: str, sharpness: float, name: str, detach: bool) -> None:
    neurons = library("spikingjelly.activation_based.neuron")
    chosen = getattr(library("spikingjelly.activation_based.surrogate"), name)(sharpness)
    shared = {"surrogate_function": chosen, "detach_reset": detach, "step_mode": "m"}
    surrogate = Surrogate(shape, sharpness)
    if leak == 1:
        node = neurons.IFNode(v_reset=0.0, **shared)
        compared(node, IF(surrogate=surrogate, detach_reset=detach))
        return
    node = neurons.LIFNode(tau=1 / (1 - leak), decay_input=False, v_reset=0.0, **shared)
    compared(node, LIF(leak=leak, surrogate=surrogate, detach_reset=detach))


@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("leak", [0.5, 0.75])
def test_snntorch_which_detaches_its_reset_where_it_delays_it(leak: float, delay: bool) -> None:
    atan = library("snntorch.surrogate").atan(alpha=2.0)
    make = library("snntorch").Leaky
    cell = make(beta=leak, reset_mechanism="zero", reset_delay=delay, spike_grad=atan)

    def run(currents: Tensor) -> Tensor:
        membrane, spikes = cell.reset_mem(), []
        for current in currents:
            spike, membrane = cell(current, membrane)
            spikes.append(spike)
        return torch.stack(spikes)

    compared(run, LIF(leak=leak, surrogate=Surrogate("arctan", 2.0), detach_reset=delay))
