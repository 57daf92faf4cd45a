"""LIF layers of ours and of peers, set to compute the same, for benchmarks to call.

A peer is imported when it is asked for, so that a benchmark runs without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spikeproof.neurons import LIF, Spiking, Surrogate

SHARPNESS = 2.0

Run = Callable[[Tensor], Tensor]


def ours(shape: str = "arctan", *, kernel: str = "auto", detach: bool = False) -> Run:
    """A layer of ours."""
    surrogate = Surrogate(shape, SHARPNESS)
    return Spiking(LIF(leak=0.5, surrogate=surrogate, detach_reset=detach), kernel=kernel)


class Spike(torch.autograd.Function):
    """A step with the derivative of an arctan of this sharpness."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (SHARPNESS / 2) / (1 + (math.pi / 2 * SHARPNESS * u) ** 2)


def plain_loop() -> Run:
    """The loop that one writes by hand."""

    def run(currents: Tensor) -> Tensor:
        membrane, spikes = torch.zeros_like(currents[0]), []
        for current in currents:
            membrane = 0.5 * membrane + current
            spike = Spike.apply(membrane - 1.0)  # type: ignore[no-untyped-call]
            membrane = membrane * (1.0 - spike)
            spikes.append(spike)
        return torch.stack(spikes)

    return run


def spikingjelly(compiled: bool = False) -> Run:
    """SpikingJelly's node, reset before every call."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    node = neuron.LIFNode(
        tau=2.0,
        decay_input=False,
        v_reset=0.0,
        surrogate_function=surrogate.ATan(SHARPNESS),
        step_mode="m",
    )
    call = torch.compile(node) if compiled else node

    def run(currents: Tensor) -> Tensor:
        functional.reset_net(node)
        spikes: Tensor = call(currents)
        return spikes

    return run


def snntorch() -> Run:
    """snnTorch's cell in a loop; by default it detaches its reset."""
    import snntorch as snn
    from snntorch import surrogate

    atan = surrogate.atan(alpha=SHARPNESS)
    cell = snn.Leaky(beta=0.5, reset_mechanism="zero", spike_grad=atan)

    def run(currents: Tensor) -> Tensor:
        membrane, spikes = cell.reset_mem(), []
        for current in currents:
            spike, membrane = cell(current, membrane)
            spikes.append(spike)
        return torch.stack(spikes)

    return run


CONTENDERS: dict[str, Callable[[], Run]] = {
    "ours": ours,
    "ours, detached": lambda: ours(detach=True),
    "plain loop": plain_loop,
    "SpikingJelly": spikingjelly,
    "SpikingJelly, compiled": lambda: spikingjelly(compiled=True),
    "snnTorch": snntorch,
}


def rival(name: str) -> str:
    """Ours as it must be set to compute what a peer computes."""
    return "ours, detached" if name == "snnTorch" else "ours"
