"""Batch normalisation of currents that also have a time axis, in three variants."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.encode import Direct
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import PSN

__all__ = ["Norms", "PerStepNorm"]


class PerStepNorm(nn.Module):
    r"""Batch normalisation with statistics of its own for every step.

    .. math:: y[t] = w\,\frac{x[t] - \mu[t]}{\sqrt{\sigma^2[t] + \epsilon}} + b

    :math:`\mu[t], \sigma^2[t]` are taken over the items and places of step t in training, and are
    running means (momentum 0.1) in evaluation; weight and bias are shared by all steps.

    Args:
        channels: Size of the second axis.
        timesteps: How many steps the first axis holds.
    Differs from the paper:
        Batch normalisation through time learns a weight per step and no bias; here the steps share
        both, so that only the statistics differ from the plain kind.
    Example:
        >>> PerStepNorm(2, timesteps=3)(torch.rand(3 * 5, 2)).shape
        torch.Size([15, 2])

    References:
        kim2021
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, timesteps: int) -> None:
        super().__init__()
        self.timesteps = timesteps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(timesteps, channels))
        self.register_buffer("running_var", torch.ones(timesteps, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised currents; steps and items are merged, ``(T * N, C, ...)``, steps first."""
        steps = [
            F.batch_norm(each, mean, var, self.weight, self.bias, training=self.training)
            for each, mean, var in zip(
                x.chunk(self.timesteps), self.running_mean, self.running_var, strict=True
            )
        ]
        return torch.cat(steps)


@dataclass(frozen=True, kw_only=True)
class Norms:
    r"""Make the batch normalisations of one network.

    All act on merged steps and items, ``(T * N, C, ...)``. ``"batch"`` takes its statistics over
    all of them. ``"tdbn"`` does the same and starts the weight at

    .. math:: w = \alpha\,\theta

    with the neuron's threshold :math:`\theta`, so that currents start with a standard deviation
    of the threshold, and :math:`\alpha = 1/\sqrt{2}` where two normalised currents are added.
    ``"per-step"`` is ``PerStepNorm``.

    Args:
        kind: ``"batch"``, ``"tdbn"`` or ``"per-step"``.
        threshold: Of the neurons.
        timesteps: How many steps the network runs.
        repeated: An image is direct-coded: its current is repeated after the first layer.
    Differs from the paper:
        tdBN multiplies by a fixed :math:`\alpha\theta` and by a weight that starts at 1; here
        the weight holds their product: the same functions, with another step size for the weight.

    References:
        zheng2021
        kim2021
    """

    kind: str
    threshold: float
    timesteps: int
    repeated: bool

    @classmethod
    def of(cls, spec: ModelSpec, domain: Domain) -> Norms:
        """What a specification asks for on a domain."""
        return cls(
            kind=spec.norm,
            # A PSN has no threshold but a bias, which starts at -1.
            threshold=1.0 if isinstance(spec.neuron, PSN) else spec.neuron.threshold,
            timesteps=domain.shape[0] if domain.timed else spec.timesteps,
            repeated=not domain.timed and isinstance(spec.encoder, Direct),
        )

    def of_images(self, channels: int, scale: float = 1.0) -> nn.Module:
        """For currents with channels and places, ``(T * N, C, H, W)``."""
        if self.kind == "per-step":
            return PerStepNorm(channels, self.timesteps)
        return self._started(nn.BatchNorm2d(channels), scale)

    def of_vectors(self, channels: int) -> nn.Module:
        """For currents without places, ``(T * N, C)``."""
        if self.kind == "per-step":
            return PerStepNorm(channels, self.timesteps)
        return self._started(nn.BatchNorm1d(channels), 1.0)

    def first(self) -> Norms:
        """For the first layer: a repeated image is the same at every step, and normalised once."""
        return replace(self, kind="batch") if self.repeated and self.kind == "per-step" else self

    def _started(self, layer: nn.BatchNorm1d | nn.BatchNorm2d, scale: float) -> nn.Module:
        """The layer with the first weight of its kind."""
        if self.kind == "tdbn":
            nn.init.constant_(layer.weight, scale * self.threshold)
        return layer
