"""Settings of the integrate-and-fire neurons."""

from __future__ import annotations

from dataclasses import dataclass, field

from spikeproof.base import SettingError, check_fraction, check_one_of, check_positive
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["IF", "LIF", "PLIF", "PSN", "NoisyLIF"]

RESETS = ("hard", "soft")


@dataclass(frozen=True, kw_only=True)
class LIF:
    r"""Leaky integrate-and-fire neuron.

    .. math::
        c[t] = \kappa\,c[t-1] + I[t], \quad u[t] = \lambda\,v[t-1] + g\,c[t], \quad
        s[t] = 1[u[t] \ge \theta]

    and :math:`v[t] = u[t](1 - s[t])` (hard reset to zero) or :math:`u[t] - \theta s[t]` (soft).

    Args:
        leak: :math:`\lambda`, the factor the membrane keeps per step, in [0, 1].
        threshold: :math:`\theta`, above zero.
        reset: ``"hard"`` or ``"soft"``.
        decay_input: Scale the current too: :math:`g = 1 - \lambda` instead of 1.
        synapse: :math:`\kappa`, the factor the synaptic current keeps per step, in [0, 1]; 0 is
            the neuron without synaptic filter (current-based where above 0).
        surrogate: Stands in for the derivative of :math:`s`.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: a leak or synapse outside [0, 1], a threshold that is not positive, an
            unknown reset.
    Differs from the paper:
        Many papers write ``tau`` for the leak or for 1 / (1 - leak); here it is always the factor.
    Example:
        >>> LIF(leak=0.5).leak, IF().dynamics.leak
        (0.5, 1.0)

    References:
        liu2024sparse
    """

    leak: float = 0.5
    threshold: float = 1.0
    reset: str = "hard"
    decay_input: bool = False
    synapse: float = 0.0
    surrogate: Surrogate = field(default_factory=Surrogate)
    detach_reset: bool = False

    def __post_init__(self) -> None:
        check_fraction(self, "leak", "synapse")
        check_positive(self, "threshold")
        check_one_of(self.reset, RESETS, "reset")

    @property
    def dynamics(self) -> Dynamics:
        """The recursion, with the leak as it begins where it is learned."""
        return Dynamics(
            leak=self.leak,
            gain=1 - self.leak if self.decay_input else 1.0,
            threshold=self.threshold,
            synapse=self.synapse,
            soft=self.reset == "soft",
            reset=0.0 if self.detach_reset else 1.0,
        )


@dataclass(frozen=True, kw_only=True)
class PLIF(LIF):
    r"""Parametric LIF: each layer learns its leak, :math:`\lambda = \sigma(w)`.

    Args:
        leak: Where the leak begins, inside (0, 1).
        threshold: As in :class:`LIF`, like all that follows.
        reset: ``"hard"`` or ``"soft"``.
        decay_input: Scale the current by 1 - leak, as published.
        synapse: Factor the synaptic current keeps per step.
        surrogate: Stands in for the derivative of the spike.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: a leak of 0 or 1, from where it could not be learned.
    References:
        fang2021plif
    """

    decay_input: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.leak < 1:
            raise SettingError(f"PLIF.leak must lie inside (0, 1) to be learned; got {self.leak}.")


@dataclass(frozen=True, kw_only=True)
class NoisyLIF(LIF):
    r"""LIF with Gaussian noise on the membrane at every step, in training and in evaluation.

    :math:`u[t] = \lambda v[t-1] + g\,c[t] + \sigma \xi[t]`. Draws come from :func:`drawing`.

    Args:
        noise: :math:`\sigma`, 0 or more.
        leak: As in :class:`LIF`, like all that follows.
        threshold: Membrane at which it fires.
        reset: ``"hard"`` or ``"soft"``.
        decay_input: Scale the current by 1 - leak.
        synapse: Must be 0: noise enters behind the synapse.
        surrogate: Stands in for the derivative of the spike.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: negative noise, or noise together with a synapse.
    References:
        tgo2026
    """

    noise: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.noise < float("inf"):
            raise SettingError(f"NoisyLIF.noise must be 0 or more and finite; got {self.noise!r}.")
        if self.synapse:
            raise SettingError("NoisyLIF has no synapse: its noise acts on the membrane.")


@dataclass(frozen=True, kw_only=True)
class IF:
    """Integrate-and-fire neuron: a LIF that forgets nothing.

    Args:
        threshold: Membrane at which it fires, above zero.
        reset: ``"hard"`` (to zero) or ``"soft"`` (by the threshold).
        surrogate: Stands in for the derivative of the spike.
        detach_reset: Let no gradient flow through the reset.
    Raises:
        SettingError: a threshold that is not positive, an unknown reset.
    References:
        liu2024sparse
    """

    threshold: float = 1.0
    reset: str = "hard"
    surrogate: Surrogate = field(default_factory=Surrogate)
    detach_reset: bool = False

    def __post_init__(self) -> None:
        check_positive(self, "threshold")
        check_one_of(self.reset, RESETS, "reset")

    @property
    def dynamics(self) -> Dynamics:
        """The recursion."""
        return Dynamics(
            leak=1.0,
            threshold=self.threshold,
            soft=self.reset == "soft",
            reset=0.0 if self.detach_reset else 1.0,
        )


@dataclass(frozen=True, kw_only=True)
class PSN:
    r"""Parallel spiking neuron: no recursion, a learned matrix mixes all time steps.

    .. math:: h = W I + b, \quad s[t] = 1[h[t] \ge 0]

    Args:
        timesteps: Rows and columns of :math:`W`; currents must have as many steps.
        surrogate: Stands in for the derivative of the spike.
    Raises:
        SettingError: no time step.
    References:
        fang2023psn
    """

    timesteps: int = 4
    surrogate: Surrogate = field(default_factory=lambda: Surrogate("arctan", 4.0))

    def __post_init__(self) -> None:
        check_positive(self, "timesteps")
