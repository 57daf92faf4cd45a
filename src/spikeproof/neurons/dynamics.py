"""What a kernel computes: one recursion, with the numbers that every neuron model fills in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Dynamics"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dynamics:
    r"""The recursion over time that all kernels share.

    .. math::
        c[t] = \kappa\,c[t-1] + I[t], \quad
        u[t] = \lambda\,v[t-1] + g\,c[t], \quad
        s[t] = 1[u[t] \ge \theta], \quad
        v[t] = u[t](1 - s[t]) \ \text{(hard)} \ \text{or} \ u[t] - \theta s[t] \ \text{(soft)}

    Args:
        leak: :math:`\lambda`; a number, or a tensor with one element that is learned.
        gain: :math:`g`; the same.
        threshold: :math:`\theta`.
        synapse: :math:`\kappa`, what the synaptic current keeps per step; 0 means no synapse.
        soft: Subtract the threshold instead of setting the membrane to zero.
        reset: The share of the gradient that flows through the reset, from the membrane after it to
            the spike; 0 detaches it. Gradients only.
        carry: The share of the gradient that flows from a membrane to the one before it,
            :math:`u[t]` to :math:`v[t-1]`; 0 cuts it at every step. Gradients only.
    """

    leak: float | Tensor = 0.5
    gain: float | Tensor = 1.0
    threshold: float = 1.0
    synapse: float = 0.0
    soft: bool = False
    reset: float = 1.0
    carry: float = 1.0
