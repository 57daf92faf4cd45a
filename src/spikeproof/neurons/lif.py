"""Settings of the integrate-and-fire neurons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from spikeproof.base import Registry, check_fraction, check_positive
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["IF", "LIF", "NEURONS", "Neuron"]


@dataclass(frozen=True, kw_only=True)
class LIF:
    r"""Leaky integrate-and-fire neuron with hard reset to zero.

    .. math::
        u[t] = \lambda\,v[t-1] + I[t], \quad s[t] = 1[u[t] \ge \theta], \quad
        v[t] = u[t]\,(1 - s[t])

    Args:
        leak: :math:`\lambda`, the factor the membrane keeps per step, in [0, 1].
        threshold: :math:`\theta`, above zero.
        surrogate: Stands in for the derivative of :math:`s`.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: a leak outside [0, 1] or a threshold that is not positive.
    Differs from the paper:
        Many papers write ``tau`` for the leak or for 1 / (1 - leak); here it is always the factor.
    Example:
        >>> LIF(leak=0.5).leak, IF().leak
        (0.5, 1.0)

    References:
        liu2024sparse
    """

    leak: float = 0.5
    threshold: float = 1.0
    surrogate: Surrogate = field(default_factory=Surrogate)
    detach_reset: bool = False

    def __post_init__(self) -> None:
        check_fraction(self, "leak")
        check_positive(self, "threshold")


@dataclass(frozen=True, kw_only=True)
class IF:
    """Integrate-and-fire neuron with hard reset to zero: a LIF that forgets nothing.

    Args:
        threshold: Membrane at which it fires, above zero.
        surrogate: Stands in for the derivative of the spike.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: a threshold that is not positive.
    References:
        liu2024sparse
    """

    leak: ClassVar[float] = 1.0
    threshold: float = 1.0
    surrogate: Surrogate = field(default_factory=Surrogate)
    detach_reset: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "threshold")


Neuron = LIF | IF

NEURONS: Registry[Neuron] = Registry("neuron", {"if": IF, "lif": LIF})
