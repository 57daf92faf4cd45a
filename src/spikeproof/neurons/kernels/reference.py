"""The reference kernel: the equations of the neuron in plain torch, twice differentiable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, all_finite
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.surrogate import Slope

__all__ = [
    "NOT_FINITE",
    "drives",
    "fire",
    "membranes",
    "reference",
    "refuse_non_finite",
    "refuse_second",
    "step",
]

NOT_FINITE = (
    "Currents must be finite; a NaN would count as no spike. Check the inputs, the weights and the "
    "learning rate."
)


class _Spike(torch.autograd.Function):
    """Heaviside step forward, surrogate derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, slope: Slope) -> Tensor:
        """1 where ``u`` has reached zero."""
        ctx.save_for_backward(u)
        ctx.slope = slope
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Plain torch operations of the saved input, so a second derivative exists and is exact."""
        (u,) = ctx.saved_tensors
        return grads[0] * ctx.slope.derivative(u), None


def refuse_non_finite(currents: Tensor) -> None:
    """Raise InputError where a current is not finite.

    Not on an accelerator, which would have to be waited for, nor while torch traces the network.
    """
    if currents.device.type != "cpu" or torch.compiler.is_compiling():
        return
    if not all_finite(currents):
        raise InputError(NOT_FINITE)


def refuse_second(kernel: str) -> None:
    """Raise SettingError where a backward of the named kernel is itself to be differentiated."""
    if torch.is_grad_enabled():
        raise SettingError(
            f"The {kernel} kernel has no second derivative; call the network inside `with "
            "spikeproof.neurons.second_order():`, or build its Spiking layers with "
            "kernel='reference', to differentiate twice."
        )


def fire(u: Tensor, slope: Slope) -> Tensor:
    """Spikes of membranes ``u``, counted from the threshold; same shape."""
    spikes: Tensor = _Spike.apply(u, slope)  # type: ignore[no-untyped-call]
    return spikes


def step(
    drive: Tensor, membrane: Tensor | None, dynamics: Dynamics, slope: Slope
) -> tuple[Tensor, Tensor]:
    """One time step: the one definition of what a neuron does.

    Args:
        drive: Current behind the synapse, ``(N, ...)``.
        membrane: What the last step left, the same shape; None before the first step.
        dynamics: The recursion.
        slope: Stands in for the derivative of the spike.
    Returns:
        Spikes, and the membrane after the reset.
    """
    return _advance(drive, membrane, dynamics, slope)[1:]


def _advance(
    drive: Tensor, membrane: Tensor | None, dynamics: Dynamics, slope: Slope
) -> tuple[Tensor, Tensor, Tensor]:
    """One time step: the membrane before the reset, the spikes, the membrane after it."""
    charged = _charged(drive, membrane, dynamics)
    spike = fire(charged - dynamics.threshold, slope)
    return charged, spike, _reset(charged, spike, dynamics)


def _charged(drive: Tensor, membrane: Tensor | None, dynamics: Dynamics) -> Tensor:
    """The membrane before the neuron may fire."""
    plain = isinstance(dynamics.gain, float) and dynamics.gain == 1
    charged = drive if plain else dynamics.gain * drive
    if membrane is None:
        return charged
    return dynamics.leak * _share(membrane, dynamics.carry) + charged


def _reset(charged: Tensor, spike: Tensor, dynamics: Dynamics) -> Tensor:
    """The membrane after the neuron has fired or not."""
    reset = _share(spike, dynamics.reset)
    if dynamics.soft:
        return charged - dynamics.threshold * reset
    return charged * (1 - reset)


def _share(x: Tensor, share: float) -> Tensor:
    """The same values, with a share of their gradient."""
    if share == 1:
        return x
    if share == 0:
        return x.detach()
    return x.detach() + share * (x - x.detach())


def drives(currents: Tensor, dynamics: Dynamics) -> Tensor:
    """What each step adds to the membrane, gain times filtered current, ``(T, N, ...)``."""
    filtered = [currents[0]]
    if dynamics.synapse:
        for current in currents[1:].unbind(0):
            filtered.append(dynamics.synapse * filtered[-1] + current)
        currents = torch.stack(filtered)
    return dynamics.gain * currents


def membranes(currents: Tensor, spikes: Tensor, dynamics: Dynamics) -> Tensor:
    """Membranes before the reset, of neurons whose spikes are known; ``(T, N, ...)``."""
    plain = replace(dynamics, gain=1.0)
    seen: list[Tensor] = []
    membrane: Tensor | None = None
    for drive, spike in zip(drives(currents, dynamics), spikes, strict=True):
        seen.append(_charged(drive, membrane, plain))
        membrane = _reset(seen[-1], spike, plain)
    return torch.stack(seen)


def reference(
    currents: Tensor,
    dynamics: Dynamics,
    slope: Slope,
    feedback: Callable[[Tensor], Tensor] | None = None,
    charges: list[Tensor] | None = None,
) -> Tensor:
    """Run the neuron over time, one step after the other.

    Args:
        currents: Input current, ``(T, N, ...)``.
        dynamics: The recursion.
        slope: Stands in for the derivative of each spike.
        feedback: From the spikes of a step ``(N, ...)`` to what they add to the next current.
        charges: Gets the membrane of every step before its reset, ``(N, ...)`` each.
    Returns:
        Spikes, ``(T, N, ...)``, 0 or 1.
    Raises:
        InputError: currents that are not finite.
    Cost:
        ``T`` steps of about six element-wise passes; keeps about five tensors per step for the
        backward pass.
    """
    refuse_non_finite(currents)
    spikes: list[Tensor] = []
    membrane: Tensor | None = None
    drive: Tensor | None = None
    for t, current in enumerate(currents.unbind(0)):
        if feedback is not None and spikes:
            current = current + feedback(spikes[-1])
        filtered = dynamics.synapse > 0 and drive is not None
        drive = dynamics.synapse * drive + current if filtered else current  # type: ignore[operator]
        charged, spike, membrane = _advance(drive, membrane, dynamics, slope.at(t))
        spikes.append(spike)
        if charges is not None:
            charges.append(charged)
    return torch.stack(spikes)
