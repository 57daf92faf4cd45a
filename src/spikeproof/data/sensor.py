"""A simulated event camera: ON and OFF events where log intensity has changed by a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import InputError, Seeds, SettingError, check_positive, seeds

__all__ = ["EventCamera"]


@dataclass(frozen=True, kw_only=True)
class EventCamera:
    """Turn a film into event counts, as an array of independent change-detecting pixels.

    With M(t) = log(I(t) + dark) + leak_hz * theta_on * t and the level M_ref memorised at the last
    event, a pixel outside its refractory time fires

        ON  when M(t) - M_ref reaches  theta_on,      OFF when it reaches -theta_off.

    M is linear between frames and crossings are found exactly within them. After an event the
    pixel is held in reset for ``refractory_ms`` and memorises the level it wakes up to (without
    refractory time: the level of the crossing). Background activity is one chance per frame and
    pixel of noise_hz * frame time, of either polarity, and resets the pixel like any event. The
    thresholds differ from pixel to pixel, theta * (1 + mismatch * n) with n standard normal, not
    below theta / 10: a property of the sensor, not of the recording.

    Args:
        threshold_on: Nominal theta_on, in log intensity.
        threshold_off: Nominal theta_off, in log intensity.
        mismatch: Relative standard deviation of the thresholds over pixels.
        refractory_ms: Time after an event in which a pixel cannot fire, ms; may be 0.
        noise_hz: Background events per second and pixel, both polarities together.
        leak_hz: ON events per second that a static pixel fires because its memory leaks.
        dark: Intensity that a black pixel still gives; bounds the contrast.
        serial: Which sensor: its pattern of mismatch.
    Returns:
        From a call: counts, float64 ``(N, T, 2, H, W)``; channel 0 is ON, 1 is OFF.
    Raises:
        SettingError: a threshold or ``dark`` is not positive, or a rate or time is negative.
        InputError: the frames do not fill whole bins, or are negative.
    Differs from the paper:
        No finite bandwidth of the photoreceptor (v2e has one), one noise rate for all
        intensities, no column arbiter. ESIM keeps a refractory pixel's memory; here, as in the
        circuit of Lichtsteiner et al., it is reset.
    References:
        lichtsteiner2008, rebecq2018esim, hu2021v2e
    Example:
        >>> camera = EventCamera(mismatch=0.0, refractory_ms=0.0, noise_hz=0.0, leak_hz=0.0,
        ...                      threshold_on=0.5, dark=1.0)
        >>> film = torch.tensor([0.0, 0.0, 2.0]).view(1, 3, 1, 1)      # log(3 / 1) = 1.0986
        >>> camera(film, frame_ms=1.0, frames_per_bin=1, seeds=seeds(0, n=1)).flatten().tolist()
        [0.0, 0.0, 2.0, 0.0]
    """

    threshold_on: float = 0.3
    threshold_off: float = 0.3
    mismatch: float = 0.1
    refractory_ms: float = 1.25
    noise_hz: float = 2.0
    leak_hz: float = 0.1
    dark: float = 0.2
    serial: int = 0

    def __post_init__(self) -> None:
        check_positive(self, "threshold_on", "threshold_off", "dark")
        for name in ("mismatch", "refractory_ms", "noise_hz", "leak_hz"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise SettingError(f"EventCamera.{name} must be finite and >= 0; got {value!r}.")

    def thresholds(self, height: int, width: int) -> Tensor:
        """ON and OFF thresholds of every pixel of this sensor, float64 ``(2, height, width)``."""
        draw = seeds(self.serial, n=1).child("event camera", "mismatch")
        spread = 1 + self.mismatch * draw.normal((2, height, width), torch.float64)[0]
        nominal = torch.tensor([self.threshold_on, self.threshold_off], dtype=torch.float64)
        return nominal[:, None, None] * spread.clamp_min(0.1)

    def most(self, bin_ms: float) -> float:
        """The most events one pixel can fire in a bin: ceil(bin / refractory time)."""
        return math.ceil(bin_ms / self.refractory_ms) if self.refractory_ms > 0 else math.inf

    def __call__(
        self, intensity: Tensor, *, frame_ms: float, frames_per_bin: int, seeds: Seeds
    ) -> Tensor:
        """Count events per bin in the film ``(N, 1 + T * frames_per_bin, H, W)``, values >= 0."""
        n, frames, height, width = _check_film(intensity, frames_per_bin)
        theta = self.thresholds(height, width).flatten(1)
        film = torch.log(intensity.to(torch.float64) + self.dark).flatten(2)
        drift = self.leak_hz * theta[0] * frame_ms / 1000
        pixels = _Pixels(theta, film[:, 0].clone(), self.refractory_ms)
        bins = (frames - 1) // frames_per_bin
        counts = torch.zeros(n, bins, 2, height * width, dtype=torch.float64)
        for k in range(1, frames):
            begin, end = film[:, k - 1] + (k - 1) * drift, film[:, k] + k * drift
            into = counts[:, (k - 1) // frames_per_bin]
            pixels.signal(into, begin, end, ((k - 1) * frame_ms, k * frame_ms))
            if self.noise_hz:
                u = seeds.child("background", k).uniform((height * width,), torch.float64)
                chance = self.noise_hz * frame_ms / 1000
                pixels.background(into, u / chance, end, k * frame_ms)
        return counts.view(n, bins, 2, height, width)


class _Pixels:
    """Memory and refractory state of every pixel, ``(N, P)``, advanced frame by frame."""

    def __init__(self, theta: Tensor, memory: Tensor, refractory: float) -> None:
        self.theta, self.memory, self.refractory = theta, memory, refractory
        self.awake = torch.zeros_like(memory)

    def signal(self, into: Tensor, begin: Tensor, end: Tensor, span: tuple[float, float]) -> None:
        """Fire every crossing while the level goes linearly from ``begin`` to ``end``."""
        start, stop = span
        waking = (self.awake > start) & (self.awake <= stop)
        level = torch.lerp(begin, end, (self.awake - start) / (stop - start))
        self.memory = torch.where(waking, level, self.memory)
        change = end - self.memory
        fires = (change >= self.theta[0]) | (change <= -self.theta[1])
        item, pixel = (fires & (self.awake <= stop)).nonzero(as_tuple=True)
        while len(item):
            low, high, memory = begin[item, pixel], end[item, pixel], self.memory[item, pixel]
            off = (high < memory).long()
            crossing = memory + (1 - 2 * off) * self.theta[off, pixel]
            into[item, off, pixel] += 1
            if self.refractory:
                moment = start + (stop - start) * ((crossing - low) / (high - low)).clamp(0, 1)
                awake = torch.maximum(moment, self.awake[item, pixel]) + self.refractory
                self.awake[item, pixel] = awake
                crossing = torch.lerp(low, high, (awake - start) / (stop - start))
            self.memory[item, pixel] = crossing
            change = high - crossing
            again = (change >= self.theta[0, pixel]) | (change <= -self.theta[1, pixel])
            again &= self.awake[item, pixel] <= stop
            item, pixel = item[again], pixel[again]

    def background(self, into: Tensor, u: Tensor, level: Tensor, now: float) -> None:
        """Fire a noise event where ``u`` < 1, ON below one half, unless the pixel is refractory."""
        item, pixel = ((u < 1) & (self.awake <= now)).nonzero(as_tuple=True)
        off = (u[item, pixel] >= 0.5).long()
        into[item, off, pixel] += 1
        self.memory[item, pixel] = level[item, pixel]
        self.awake[item, pixel] = now + self.refractory


def _check_film(intensity: Tensor, frames_per_bin: int) -> tuple[int, int, int, int]:
    """Shape of a film that fills whole bins; refuse any other."""
    frames = intensity.shape[1] if intensity.ndim == 4 else 0
    if frames < 2 or (frames - 1) % frames_per_bin:
        raise InputError(
            f"The film must have shape (N, 1 + T * {frames_per_bin}, H, W); got "
            f"{tuple(intensity.shape)}. Add or drop frames until they fill whole bins."
        )
    if not bool((intensity >= 0).all()):
        raise InputError("The film must hold intensities >= 0, without NaN; rescale it.")
    n, _, height, width = intensity.shape
    return n, frames, height, width
