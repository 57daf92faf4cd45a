"""The reference kernel: the equations of the neuron in plain torch, twice differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spikeproof.neurons.lif import Neuron
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["reference"]


class _Spike(torch.autograd.Function):
    """Heaviside step forward, surrogate derivative backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, surrogate: Surrogate) -> Tensor:
        """1 where ``u`` has reached zero."""
        ctx.save_for_backward(u)
        ctx.surrogate = surrogate
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Plain torch operations of the saved input, so a second derivative exists and is exact."""
        (u,) = ctx.saved_tensors
        return grads[0] * ctx.surrogate.derivative(u), None


def reference(
    currents: Tensor,
    neuron: Neuron,
    surrogate: Surrogate,
    feedback: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Run the neuron over time, one step after the other.

    Args:
        currents: Input current, ``(T, N, ...)``.
        neuron: Leak, threshold and reset.
        surrogate: Stands in for the derivative of each spike.
        feedback: From the spikes of a step ``(N, ...)`` to what they add to the next current.
    Returns:
        Spikes, ``(T, N, ...)``, 0 or 1.
    Cost:
        ``T`` steps of about six element-wise passes; keeps about five tensors per step for the
        backward pass.
    """
    spikes: list[Tensor] = []
    membrane: Tensor | None = None
    for current in currents.unbind(0):
        if feedback is not None and spikes:
            current = current + feedback(spikes[-1])
        charged = current if membrane is None else neuron.leak * membrane + current
        spike: Tensor = _Spike.apply(charged - neuron.threshold, surrogate)  # type: ignore[no-untyped-call]
        membrane = charged * (1 - (spike.detach() if neuron.detach_reset else spike))
        spikes.append(spike)
    return torch.stack(spikes)
