"""The small network for waveforms behind other front ends."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.data import Domain
from spikeproof.models.hearing import GammatoneBank, LearnedBank, MelBank, Onsets
from spikeproof.models.network import ModelSpec
from spikeproof.models.tcn import SmallTCN
from spikeproof.neurons import time_mean

__all__ = ["GammatoneTCN", "LearnedTCN", "MelTCN", "OnsetTCN"]


class MelTCN(SmallTCN):
    """``tcn-small`` behind mel band energies, for sounds at 8 kHz.

    Args:
        spec: Width is the channels of the temporal convolutions.
        domain: The waveforms it reads.
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__(spec, domain)
        self.add_module("bank", MelBank(bands=24))
        self._narrow(24, spec)

    def _narrow(self, bands: int, spec: ModelSpec) -> None:
        """Fit the layers that read the bands to their number."""
        self.level = nn.BatchNorm1d(bands)
        width = 2 * spec.width
        self.early = nn.Sequential(
            nn.Conv1d(bands, width, 3, padding=1, bias=False), nn.BatchNorm1d(width)
        )


class GammatoneTCN(SmallTCN):
    """``tcn-small`` behind gammatone filters, for sounds at 8 kHz.

    Args:
        spec: Width is the channels of the temporal convolutions.
        domain: The waveforms it reads.
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__(spec, domain)
        self.add_module("bank", GammatoneBank())


class LearnedTCN(SmallTCN):
    """``tcn-small`` behind band-pass filters that are learned with it, for sounds at 8 kHz.

    Args:
        spec: Width is the channels of the temporal convolutions.
        domain: The waveforms it reads.
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__(spec, domain)
        self.add_module("bank", LearnedBank(window=129))


class OnsetTCN(MelTCN):
    """``tcn-small`` on the onsets and offsets of mel bands as spikes, for sounds at 8 kHz.

    The onsets are its first spikes: nothing is normalised before them.

    Args:
        spec: Width is the channels of the temporal convolutions.
        domain: The waveforms it reads.
    """

    def __init__(self, spec: ModelSpec, domain: Domain) -> None:
        super().__init__(spec, domain)
        onsets = Onsets(MelBank(bands=24), offsets=True, neuron=spec.neuron)
        self.add_module("bank", onsets)
        self._narrow(48, spec)
        del self.level, self.cochlea

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` for waveforms ``(N, L)``."""
        spikes = self.bank(x)
        for layer, fire in ((self.early, self.spikes_1), (self.late, self.spikes_2)):
            spikes = fire(layer(spikes).permute(2, 0, 1)).permute(1, 2, 0)
        logits: Tensor = self.readout(time_mean(spikes.permute(2, 0, 1)))
        return logits
