"""Random changes of waveforms: shift in time, gain, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spikeproof.base import Seeds, check_count, check_positive
from spikeproof.data import Domain
from spikeproof.train.augment.images import check_shift, drawn, moved

__all__ = ["Gain", "Noise", "ShiftAudio"]


@dataclass(frozen=True, kw_only=True)
class ShiftAudio:
    """Move a waveform in time; silence moves in.

    Args:
        samples: Largest shift, at least 1.
    """

    kind: ClassVar[str] = "audio"

    samples: int = 80

    def __post_init__(self) -> None:
        check_count(self, "samples")

    def check(self, domain: Domain) -> None:
        """Raise SettingError where every item could be moved out of sight."""
        check_shift(self, "samples", domain.shape[-1:])

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Shifted waveforms ``(N, L)``."""
        return moved(x, drawn(seeds, 1, self.samples).to(x.device), self.samples)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Make a waveform louder or softer, clipped to the legal values.

    Args:
        db: Largest change, dB.
    """

    kind: ClassVar[str] = "audio"

    db: float = 6.0

    def __post_init__(self) -> None:
        check_positive(self, "db")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Waveforms ``(N, L)``, each times its own factor."""
        factor: Tensor = 10 ** (self.db * (2 * seeds.uniform(()) - 1) / 20)
        return domain.clip(x * factor.to(x)[:, None])


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Add Gaussian noise, clipped to the legal values.

    Args:
        deviation: Standard deviation, of full scale.
    """

    kind: ClassVar[str] = "audio"

    deviation: float = 0.01

    def __post_init__(self) -> None:
        check_positive(self, "deviation")

    def __call__(self, x: Tensor, domain: Domain, *, seeds: Seeds) -> Tensor:
        """Noisy waveforms ``(N, L)``."""
        return domain.clip(x + self.deviation * seeds.normal(x.shape[1:], x.dtype, device=x.device))
