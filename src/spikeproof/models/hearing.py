"""Front ends for waveforms: fixed and learned banks of filters."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.models.layers import FilterBank

__all__ = ["GammatoneBank", "LearnedBank", "MelBank", "front_end"]

# Named, because a network is first built without memory, to see what a file must hold.
_REAL: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}


def _mel_of(hz: Tensor | float) -> Tensor:
    """Mel of frequencies: ``2595 log10(1 + f / 700)``."""
    return 2595 * (1 + torch.as_tensor(hz, **_REAL) / 700).log10()


def _hz_of(mel: Tensor) -> Tensor:
    """The frequencies of mel."""
    return 700 * (10 ** (mel / 2595) - 1)


def _erb_of(hz: Tensor) -> Tensor:
    """Equivalent rectangular bandwidth of the ear's filter at a frequency, Hz."""
    return 24.7 * (4.37 * hz / 1000 + 1)


class _Bank(nn.Module):
    """Settings that all banks share, and what they refuse."""

    def __init__(
        self,
        *,
        bands: int = 32,
        low_hz: float = 100.0,
        high_hz: float = 3800.0,
        rate_hz: float = 8000.0,
        window: int = 240,
        hop: int = 80,
        gain: float = 1000.0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if not 0 < low_hz < high_hz <= rate_hz / 2:
            raise SettingError(
                f"{name} needs 0 < low_hz < high_hz <= rate_hz / 2; got {low_hz:g}, {high_hz:g} "
                f"and {rate_hz:g}."
            )
        if bands < 1 or not 1 <= hop <= window or gain <= 0:
            raise SettingError(
                f"{name} needs a band, a gain above 0 and a hop from 1 to the window; got {bands} "
                f"bands, gain {gain:g}, hop {hop} and window {window}."
            )
        self.bands, self.low_hz, self.high_hz, self.rate_hz = bands, low_hz, high_hz, rate_hz
        self.window, self.hop, self.gain = window, hop, gain

    def _check(self, x: Tensor) -> Tensor:
        """The waveforms, if a window fits."""
        if x.ndim != 2 or x.shape[1] < self.window:
            raise InputError(
                f"{type(self).__name__} needs waveforms (N, L) of at least {self.window} samples; "
                f"got {tuple(x.shape)}."
            )
        return x

    def _energies(self, waves: Tensor) -> Tensor:
        """Log of the mean square of band waves ``(N, bands, L')`` over hops, ``(N, bands, M)``."""
        energy = nn.functional.avg_pool1d(waves.square(), self.hop)
        return torch.log1p(self.gain * energy)

    def _filtered(self, x: Tensor, kernels: Tensor) -> Tensor:
        """Band waves ``(N, bands, L - K + 1)`` of causal filters ``(bands, K)``."""
        taps = kernels.flip(1).to(x.dtype)[:, None]
        return nn.functional.conv1d(x[:, None], taps)


class MelBank(_Bank):
    r"""Mel band energies of a waveform over time, with a gradient to every sample.

    .. math:: e_b[m] = \log\Big(1 + g \sum_k W_{bk}\,
              \Big|\frac{2}{\sum w} \sum_n w_n x[mh + n] e^{-2\pi i k n / N}\Big|^2\Big)

    with Hann windows w and triangles W of height 1, evenly spaced on the mel scale,
    :math:`2595 \log_{10}(1 + f / 700)`: each begins and ends at the centres of its neighbours.

    Args:
        bands: How many.
        low_hz: Where the first triangle begins.
        high_hz: Where the last one ends.
        rate_hz: Sampling rate.
        window: Samples under the window.
        hop: Samples between windows.
        gain: g, scale of the energy before the logarithm.
    Raises:
        SettingError: frequencies out of order, a triangle between two bins, no band.
        InputError: waveforms shorter than the window.
    Example:
        >>> MelBank(bands=8)(torch.zeros(1, 800)).shape
        torch.Size([1, 8, 8])
    """

    weights: Tensor
    hann: Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        ends = torch.linspace(
            float(_mel_of(self.low_hz)), float(_mel_of(self.high_hz)), self.bands + 2, **_REAL
        )
        hz = torch.arange(self.window // 2 + 1, **_REAL) * (self.rate_hz / self.window)
        left, centre, right = (_hz_of(ends[i : i + self.bands])[:, None] for i in range(3))
        rise, fall = (hz - left) / (centre - left), (right - hz) / (right - centre)
        weights = torch.minimum(rise, fall).clamp(min=0)
        if not (weights > 0).any(1).all():
            raise SettingError(
                f"MelBank: bins are {self.rate_hz / self.window:g} Hz apart, too far for "
                f"{self.bands} bands from {self.low_hz:g} Hz; take fewer bands or a longer window."
            )
        hann = torch.hann_window(self.window, periodic=False, **_REAL)
        self.register_buffer("weights", weights.float(), persistent=False)
        self.register_buffer("hann", (hann * (2 / hann.sum())).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log band energies ``(N, bands, M)`` of waveforms ``(N, L)``."""
        frames = self._check(x).unfold(1, self.window, self.hop) * self.hann.to(x.dtype)
        spectrum = torch.fft.rfft(frames)
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.log1p(self.gain * power @ self.weights.T.to(x.dtype)).transpose(1, 2)


class GammatoneBank(_Bank):
    r"""Energies behind the ear's own filters: gammatones of order 4 on the ERB scale.

    .. math:: g_b(t) = c_b\,t^3 e^{-2\pi\,1.019\,\mathrm{ERB}(f_b)\,t} \cos(2\pi f_b t), \qquad
              \mathrm{ERB}(f) = 24.7\,(4.37 f / 1000 + 1)

    cut off after ``window`` samples, with unit gain at :math:`f_b`; centres are evenly spaced in
    ERB number, :math:`21.4 \log_{10}(1 + 4.37 f / 1000)`. The mean squares over hops of a
    filtered waveform are taken as :math:`\log(1 + g\,\cdot)`.

    Args:
        bands: How many.
        low_hz: Centre of the lowest.
        high_hz: Centre of the highest.
        rate_hz: Sampling rate.
        window: Samples of each filter.
        hop: Samples that one energy is the mean of.
        gain: g.
    Raises:
        SettingError: frequencies out of order, no band.
        InputError: waveforms shorter than the window.
    Cost:
        A convolution with ``window`` taps per band and sample.
    Example:
        >>> GammatoneBank(bands=8)(torch.zeros(1, 800)).shape
        torch.Size([1, 8, 7])

    References:
        slaney1993
    """

    kernels: Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        ends = [21.4 * math.log10(1 + 4.37 * hz / 1000) for hz in (self.low_hz, self.high_hz)]
        number = torch.linspace(ends[0], ends[1], self.bands, **_REAL)
        hz = ((10 ** (number / 21.4) - 1) * (1000 / 4.37))[:, None]
        t = torch.arange(self.window, **_REAL) / self.rate_hz
        width = 2 * math.pi * 1.019 * _erb_of(hz)
        # The integral of t^3 e^(-wt) is 6 / w^4, and half of it is the gain at the centre.
        scale = 2 * width**4 / 6 / self.rate_hz
        kernels = scale * t**3 * (-width * t).exp() * (2 * math.pi * hz * t).cos()
        self.register_buffer("kernels", kernels.float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Log band energies ``(N, bands, M)`` of waveforms ``(N, L)``."""
        return self._energies(self._filtered(self._check(x), self.kernels))


class LearnedBank(_Bank):
    r"""Energies behind band-pass filters whose edges are learned.

    .. math:: h_b[n] = w_n \big(2 f_2\,\mathrm{sinc}(2 f_2 n) - 2 f_1\,\mathrm{sinc}(2 f_1 n)\big),
              \quad f_1 = |a_b|, \quad f_2 = f_1 + |d_b|

    with :math:`\mathrm{sinc}(u) = \sin(\pi u) / (\pi u)`, frequencies in cycles per sample, a
    Hamming window w and an odd number of taps. Edges begin side by side, evenly spaced on the mel
    scale. The mean squares over hops are taken as :math:`\log(1 + g\,\cdot)`.

    Args:
        bands: How many.
        low_hz: Where the first band begins at first.
        high_hz: Where the last one ends at first.
        rate_hz: Sampling rate.
        window: Taps of each filter; an even number gives one fewer.
        hop: Samples that one energy is the mean of.
        gain: g.
    Raises:
        SettingError: frequencies out of order, no band.
        InputError: waveforms shorter than the window.
    Cost:
        A convolution with ``window`` taps per band and sample.
    Example:
        >>> bank = LearnedBank(bands=8)
        >>> bank(torch.zeros(1, 800)).shape, [name for name, _ in bank.named_parameters()]
        (torch.Size([1, 8, 7]), ['begin', 'width'])

    References:
        ravanelli2018
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        ends = torch.linspace(
            float(_mel_of(self.low_hz)), float(_mel_of(self.high_hz)), self.bands + 1, **_REAL
        )
        hz = _hz_of(ends) / self.rate_hz
        self.begin = nn.Parameter(hz[:-1].float())
        self.width = nn.Parameter(hz.diff().float())
        self._half = (self.window - 1) // 2

    def kernels(self) -> Tensor:
        """The filters as they are now, ``(bands, K)``."""
        n = torch.arange(-self._half, self._half + 1, device=self.begin.device).to(self.begin)
        low = self.begin.abs()[:, None]
        high = low + self.width.abs()[:, None]
        hamming = torch.hamming_window(len(n), periodic=False).to(self.begin)
        return hamming * (2 * high * (2 * high * n).sinc() - 2 * low * (2 * low * n).sinc())

    def forward(self, x: Tensor) -> Tensor:
        """Log band energies ``(N, bands, M)`` of waveforms ``(N, L)``."""
        return self._energies(self._filtered(self._check(x), self.kernels()))


def front_end(name: str) -> FilterBank | MelBank:
    """Return the front end that ``ModelSpec`` has a name for.

    ``"log-mel"`` takes energies times 1e6 before the logarithm, so that a band 60 dB below full
    scale still counts; with the 1,000 of the banks' default quiet speech is nearly silence.

    Args:
        name: ``"tones"`` or ``"log-mel"``, 24 mel bands.
    Example:
        >>> front_end("log-mel")(torch.zeros(1, 800)).shape
        torch.Size([1, 24, 8])
    """
    return MelBank(bands=24, gain=1e6) if name == "log-mel" else FilterBank()
