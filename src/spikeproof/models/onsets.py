"""Onsets of sounds as spikes, and rasters of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import LIF, Neuron, Spiking

__all__ = ["Onsets", "raster"]


class Onsets(nn.Module):
    r"""A spike where the energy of a band rises, or falls, by a threshold between two frames.

    .. math:: s_b[m] = 1[e_b[m] - e_b[m - 1] \ge \theta], \qquad
              s_{B + b}[m] = 1[e_b[m - 1] - e_b[m] \ge \theta]

    The step is that of a spiking layer without memory, so it has a surrogate gradient, and gradient
    rules of an attacker reach it. The first frame is compared with silence.

    Args:
        bank: What makes energies ``(N, bands, M)`` of waveforms.
        threshold: :math:`\theta`.
        offsets: Whether falls make spikes too, on channels of their own.
        neuron: Its surrogate is taken; leak and threshold are not.
    Raises:
        SettingError: a threshold that is not above 0.
    Example:
        >>> from spikeproof.models import MelBank
        >>> wave = torch.zeros(1, 800)
        >>> wave[:, 400:] = torch.sin(torch.arange(400) * 0.8)
        >>> spikes = Onsets(MelBank(bands=4), threshold=0.5)(wave)
        >>> spikes.shape, spikes[0, :, :2].sum().item(), bool(spikes.sum() > 0)
        (torch.Size([1, 4, 8]), 0.0, True)
    """

    def __init__(
        self,
        bank: nn.Module,
        *,
        threshold: float = 0.5,
        offsets: bool = False,
        neuron: Neuron | None = None,
    ) -> None:
        super().__init__()
        if not 0 < threshold < math.inf:
            raise SettingError(f"Onsets.threshold must be above 0; got {threshold!r}.")
        self.bank, self.threshold, self.offsets = bank, threshold, offsets
        surrogate = (neuron or LIF()).surrogate
        self.fire = Spiking(LIF(leak=0.0, surrogate=surrogate))

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``(N, channels, M)`` of waveforms ``(N, L)``."""
        energy = self.bank(x)
        rise = torch.diff(energy, prepend=torch.zeros_like(energy[..., :1]))
        rise = torch.cat([rise, -rise], 1) if self.offsets else rise
        spikes: Tensor = self.fire(rise.permute(2, 0, 1) / self.threshold)
        return spikes.permute(1, 2, 0)


def raster(front: nn.Module, x: Tensor) -> Tensor:
    """Return the spikes that a front end makes of sounds, as items ``(N, T, channels)``.

    With a ``hop`` of a thousandth of the rate a step is a millisecond. The result is data of kind
    ``"events"``, to be attacked as spikes: nothing leads back to the waveform.

    Args:
        front: Spikes ``(N, channels, T)`` of waveforms, such as :class:`Onsets`.
        x: Waveforms, ``(N, L)``.
    Raises:
        InputError: the front end answers with other than 0 and 1.
    Example:
        >>> from spikeproof.models import MelBank
        >>> front = Onsets(MelBank(bands=4, hop=8), threshold=0.5)
        >>> raster(front, torch.zeros(2, 800)).shape
        torch.Size([2, 71, 4])
    """
    with torch.no_grad():
        spikes: Tensor = front(x)
    if ((spikes != 0) & (spikes != 1)).any():
        raise InputError(
            f"A raster holds 0 and 1; {type(front).__name__} answers {float(spikes.min()):g} to "
            f"{float(spikes.max()):g}. Use Onsets around a filter bank."
        )
    return spikes.transpose(1, 2).contiguous()
