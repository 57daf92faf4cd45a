"""`digits-events`: every scan, moved by three saccades before a simulated event camera."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor

from spikeproof.base import Seeds, SettingError, check_positive, seeds
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.sensor import EventCamera
from spikeproof.data.sets.digits import LICENCE, ONE_COLLECTION, SCANS, DigitsImages

__all__ = ["DigitsEvents"]

# Items filmed together: a film of 64 items is 13 MB, and items never touch each other.
_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class DigitsEvents:
    """Make the recordings: scan, saccades, event camera, counts per bin.

    Intensity at sensor pixel (h, w) and time t is the bilinear interpolation of the scan at

        ((h - (H-1)/2 - p_y(t)) / scale + 3.5,  (w - (W-1)/2 - p_x(t)) / scale + 3.5)

    with 0 outside the scan. The position p(t), in sensor pixels, runs at constant speed along the
    isosceles triangle (-1/2, -1/2), (0, 1/2), (1/2, -1/2) and back, one side in a third of the
    time, times an amplitude of amplitude * (1 + stretch * u), plus a start of jitter * u per
    axis, with u uniform in (-1, 1), drawn per item.

    Args:
        camera: The sensor.
        timesteps: Bins T.
        bin_ms: Length of a bin, ms.
        frames_per_bin: Frames rendered per bin; between them log intensity is linear.
        size: Height and width of the sensor, pixels.
        scale: Sensor pixels per scan pixel.
        amplitude: Base and height of the triangle, sensor pixels.
        stretch: Largest relative change of the amplitude.
        jitter: Largest shift of the start, sensor pixels.
    Returns:
        From a call with item numbers: whole counts, float32 ``(N, T, 2, H, W)``.
    Cost:
        About 1 ms per item on one core.
    Differs from the paper:
        N-MNIST moves the camera by 100 ms saccades before a monitor; here three saccades take a
        third of ``timesteps * bin_ms`` each, without the pause and settling of a motor.
    References:
        orchard2015, rebecq2018esim, hu2021v2e
    Example:
        >>> DigitsEvents()(torch.tensor([3, 7])).shape
        torch.Size([2, 10, 2, 16, 16])
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Event recordings",
        unit="events per pixel and frame",
        licence=LICENCE,
        source=(
            "The scans of digits moved by three saccades (orchard2015) before a simulated "
            f"event camera (rebecq2018esim, hu2021v2e); scans: {SCANS}."
        ),
        radii={
            "linf": (0.01, 0.025, 0.04),
            "l2": (0.3, 0.75, 1.2),
            "l1": (10.0, 28.0, 50.0),
            "l0": (6.0, 14.0, 24.0),
            "counts": (12.0, 32.0, 56.0),
        },
        limits=(
            ONE_COLLECTION,
            "The event camera is simulated; nothing here is a claim about real recordings.",
        ),
        training={
            "model": "cnn-small",
            "width": 8,
            "epochs": 11,
            "batch_size": 32,
            "learning_rate": 0.01,
        },
        pinned={
            "all": "ed136cb51c2bcdcce2f55398ad6f15924fdcd47b1e14d36b458c9468dc6ff213",
            "x": "474f7a8a2aa202c7c3182e78bafc84c81989affe667c2b97ae436d30ce30dcff",
            "y": "c99579baa0e11596303e3ea4a354b88d3c970b5a72bbd3dd8525f9379e30be72",
            "train": "47661eb819fcd5869634b413a839953dafb93af6dc9bf6442a49222ff81fb821",
            "validation": "79d3a92a1cbc7a4fa214ba671bb17861e071bb7d6974d4edf32bbbee0c948f90",
            "test": "e3e53e8472f0dac95b1b955d36fb0f025c22855a633a05d0d5e2e795bd13860c",
        },
    )

    camera: EventCamera = field(default_factory=EventCamera)
    timesteps: int = 10
    bin_ms: float = 10.0
    frames_per_bin: int = 8
    size: int = 16
    scale: float = 1.75
    amplitude: float = 2.0
    stretch: float = 0.2
    jitter: float = 0.5

    def __post_init__(self) -> None:
        check_positive(self, "timesteps", "bin_ms", "frames_per_bin", "size", "scale", "amplitude")
        for name in ("stretch", "jitter"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SettingError(
                    f"DigitsEvents.{name} must be finite and >= 0; got {getattr(self, name)!r}."
                )

    @property
    def domain(self) -> Domain:
        """Legal recordings: whole counts up to what the refractory time allows in a bin."""
        shape = (self.timesteps, 2, self.size, self.size)
        high = self.camera.most(self.bin_ms)
        return Domain(kind="events", shape=shape, high=float(high), integer=True)

    def labels(self) -> Tensor:
        """The digit of each of the 1797 items."""
        return DigitsImages().labels()

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The recordings of ``items``; ``seed`` draws other saccades, noise and sensor."""
        camera = replace(self.camera, serial=self.camera.serial + seed)
        scans = DigitsImages()(items)[:, 0].to(torch.float64)
        keys = seeds(seed, items=items).child("digits-events")
        out = torch.empty(len(items), *self.domain.shape)
        for start in range(0, len(items), _BATCH):
            part = slice(start, start + _BATCH)
            film = self.film(scans[part], keys[part])
            frame_ms = self.bin_ms / self.frames_per_bin
            out[part] = camera(
                film,
                frame_ms=frame_ms,
                frames_per_bin=self.frames_per_bin,
                seeds=keys[part].child("camera"),
            ).to(out.dtype)
        return out

    def path(self, keys: Seeds) -> Tensor:
        """Where the centre of the scan is, float64 ``(N, frames, 2)`` (y, x), sensor pixels."""
        frames = self.timesteps * self.frames_per_bin
        corner = torch.tensor(
            [[-0.5, -0.5], [0.5, 0.0], [-0.5, 0.5], [-0.5, -0.5]], dtype=torch.float64
        )
        # Integer arithmetic on the frame number keeps the corners exact.
        number = 3 * torch.arange(frames + 1)
        side = (number // frames).clamp_max(2)
        along = (number - side * frames).to(torch.float64)[:, None] / frames
        track = torch.lerp(corner[side], corner[side + 1], along)
        u = 2 * keys.child("saccades").uniform((3,), torch.float64) - 1
        amplitude = self.amplitude * (1 + self.stretch * u[:, :1, None])
        return amplitude * track + self.jitter * u[:, None, 1:]

    def film(self, scans: Tensor, keys: Seeds) -> Tensor:
        """Intensities of the moving scans ``(N, 8, 8)``, float64 ``(N, frames, H, W)``."""
        place = self.path(keys)
        rows, columns = self._weights(place[..., 0]), self._weights(place[..., 1])
        return rows @ scans[:, None] @ columns.transpose(-1, -2)

    def _weights(self, shift: Tensor) -> Tensor:
        """How much each of 8 scan lines adds to each sensor line, ``(N, frames, size, 8)``."""
        centred = torch.arange(self.size, dtype=shift.dtype) - (self.size - 1) / 2
        where = (centred - shift[..., None]) / self.scale + 3.5
        line = torch.arange(8, dtype=shift.dtype)
        return (1 - (where[..., None] - line).abs()).clamp_min(0)
