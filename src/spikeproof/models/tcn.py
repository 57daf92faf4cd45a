"""A small temporal-convolution spiking network for waveforms."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.hearing import front_end
from spikeproof.models.network import ModelSpec
from spikeproof.neurons import Spiking, time_mean

__all__ = ["SmallTCN"]


class SmallTCN(nn.Module):
    """Filter bank, spiking cochlea, two temporal convolutions of spikes, linear readout.

    The filter bank turns the waveform into band energies; a normalised energy drives one spiking
    neuron per band (the cochlea). Convolutions over time read the spikes. Logits are the mean
    over time of the readout. The number of steps follows from the waveform, so ``timesteps`` of
    the specification is not used.

    Args:
        spec: Width is the channels of the temporal convolutions.
        domain: The waveforms it reads (a view, in a fusion network).
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__()
        assert "sample" in domain.axes
        self.bank = front_end(spec.front_end)
        self.level = nn.BatchNorm1d(self.bank.bands)
        self.cochlea = Spiking(spec.neuron)
        width = 2 * spec.width
        self.early = nn.Sequential(
            nn.Conv1d(self.bank.bands, width, 3, padding=1, bias=False), nn.BatchNorm1d(width)
        )
        self.spikes_1 = Spiking(spec.neuron)
        self.late = nn.Sequential(
            nn.Conv1d(width, width, 3, padding=1, bias=False), nn.BatchNorm1d(width)
        )
        self.spikes_2 = Spiking(spec.neuron)
        self.readout = nn.Linear(width, spec.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for waveforms ``(N, L)``."""
        spikes = _fire(self.cochlea, self.level(self.bank(x)))
        spikes = _fire(self.spikes_1, self.early(spikes))
        spikes = _fire(self.spikes_2, self.late(spikes))
        logits: Tensor = self.readout(time_mean(spikes.permute(2, 0, 1)))
        return logits


def _fire(layer: Spiking, current: Tensor) -> Tensor:
    """Spikes ``(N, C, T)`` of currents ``(N, C, T)``: the convolutions keep time last."""
    spikes: Tensor = layer(current.permute(2, 0, 1))
    return spikes.permute(1, 2, 0)
