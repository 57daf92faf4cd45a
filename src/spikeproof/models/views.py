"""What one view of an item becomes inside a network of several: currents, or spikes, over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.data import Domain, Views
from spikeproof.models.hearing import front_end
from spikeproof.models.layers import OverTime, Stem, pool
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import Recurrent, Spiking

__all__ = ["SoundCurrent", "Twin", "at_steps", "currents_of", "tokens_of"]


class Twin(nn.Module):
    """The unimodal twin of a fusion network: the same layers for one view, and nothing else.

    It takes the packed items of all views, so that the data set, the threats and the attacks of
    the fusion network are its own too; the other views change none of its answers.

    Args:
        views: The packed views.
        name: The view that it reads.
        body: From that view to logits.
    """

    def __init__(self, views: Views, name: str, body: nn.Module) -> None:
        super().__init__()
        self.views, self.name, self.body = views, name, body

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for packed items ``(N, D)``."""
        logits: Tensor = self.body(self.views.unpack(x)[self.name])
        return logits


class SoundCurrent(nn.Module):
    """Band energies of a waveform as normalised currents over time, ``(T, N, F)``.

    Args:
        features: F.
        front: Which front end, as ``ModelSpec`` lists them.
    """

    def __init__(self, features: int, front: str) -> None:
        super().__init__()
        self.bank = front_end(front)
        self.level = nn.BatchNorm1d(self.bank.bands)
        self.mix = nn.Conv1d(self.bank.bands, features, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(features)

    def forward(self, x: Tensor) -> Tensor:
        """Currents of waveforms ``(N, L)``."""
        current: Tensor = self.norm(self.mix(self.level(self.bank(x))))
        return current.permute(2, 0, 1)


class _Lines(nn.Module):
    """Spikes of recurrent neurons over time, ``(T, N, F)``, of spikes on lines ``(N, T, n)``."""

    def __init__(self, spec: ModelSpec, domain: Domain, features: int) -> None:
        super().__init__()
        self.current = currents_of(spec, domain, features)
        self.spikes = Recurrent(spec.neuron, features)

    def forward(self, x: Tensor) -> Tensor:
        """The spikes."""
        spikes: Tensor = self.spikes(self.current(x))
        return spikes


def currents_of(spec: ModelSpec, domain: Domain, features: int) -> nn.Module:
    """Return the linear layer from a view to currents over time, ``(T, N, F)``.

    Args:
        spec: Its encoder and timesteps apply to images.
        domain: The view.
        features: F.
    """
    if "sample" in domain.axes:
        return SoundCurrent(features, spec.front_end)
    each = domain.size // (domain.shape[0] if domain.timed else 1)
    linear = nn.Linear(each, features, bias=False)
    return Stem(spec, domain, nn.Flatten(), linear, nn.BatchNorm1d(features))


def tokens_of(spec: ModelSpec, domain: Domain, features: int) -> nn.Module:
    """Return the spiking layers from a view to spikes over time, ``(T, N, F)``.

    Images and event frames pass two convolutions, spikes on lines a recurrent layer, a waveform
    the filter bank and a convolution over time.

    Args:
        spec: Its width is the channels of the first convolution.
        domain: The view.
        features: F.
    """
    if "sample" in domain.axes:
        return nn.Sequential(SoundCurrent(features, spec.front_end), Spiking(spec.neuron))
    if "channel" not in domain.axes:
        return _Lines(spec, domain, features)
    channels, height, width = domain.shape[-3:]
    first, second = spec.width, 2 * spec.width
    pools = 2 if min(height, width) >= 12 else 1
    between = [pool(spec.pooling, 2)] if pools == 2 else []
    flat = second * (height // 2**pools) * (width // 2**pools)
    return nn.Sequential(
        Stem(spec, domain, nn.Conv2d(channels, first, 3, padding=1, bias=False),
             nn.BatchNorm2d(first)),
        Spiking(spec.neuron),
        OverTime(*between, nn.Conv2d(first, second, 3, padding=1, bias=False),
                 nn.BatchNorm2d(second)),
        Spiking(spec.neuron),
        OverTime(pool(spec.pooling, 2), nn.Flatten(), nn.Linear(flat, features, bias=False),
                 nn.BatchNorm1d(features)),
        Spiking(spec.neuron),
    )  # fmt: skip


def at_steps(current: Tensor, steps: int) -> Tensor:
    """Return a sequence at as many steps as another has: each takes what is nearest in time.

    Example:
        >>> at_steps(torch.arange(3.0)[:, None], 6).flatten().tolist()
        [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    """
    if not len(current):
        raise InputError(f"A view needs at least one step; got shape {tuple(current.shape)}.")
    if len(current) == steps:
        return current
    middle = (torch.arange(steps, device=current.device) + 0.5) * (len(current) / steps)
    return current[middle.long().clamp(max=len(current) - 1)]
