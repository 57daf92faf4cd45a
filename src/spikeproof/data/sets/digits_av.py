"""`digits-av`: every scan together with the key tone of the same digit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from spikeproof.data.facts import Facts
from spikeproof.data.sets.digits import LICENCE, ONE_COLLECTION, SCANS, DigitsImages
from spikeproof.data.sets.digits_audio import KEY_TONES, RATE_HZ, DigitsAudio
from spikeproof.data.views import Views

__all__ = ["DigitsAV"]


@dataclass(frozen=True, kw_only=True)
class DigitsAV:
    """Make the pairs: item i of `digits` and item i of `digits-audio`, packed.

    Args:
        image: Maker of the scans.
        audio: Maker of the key tones.
    Returns:
        From a call with item numbers: float32 ``(N, D)``; ``domain.unpack`` gives the views
        ``image`` and ``audio``.
    Example:
        >>> import torch
        >>> maker = DigitsAV()
        >>> x = maker(torch.tensor([3, 7]))
        >>> {name: tuple(view.shape) for name, view in maker.domain.unpack(x).items()}
        {'image': (2, 1, 8, 8), 'audio': (2, 1200)}
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Audio-visual pairs",
        unit="pixel intensity and amplitude",
        licence=LICENCE,
        source=(
            "Item i pairs scan i of digits with key tone i of digits-audio, the same digit "
            f"(ituq23); scans: {SCANS}."
        ),
        radii={
            "linf": (0.04, 0.08, 0.12),
            "l2": (0.5, 0.75, 1.0),
            "l1": (1.5, 2.75, 4.0),
            "l0": (2.0, 3.0, 4.0),
            "joint": (0.5, 1.0, 1.5),
        },
        joint={"image": 0.12, "audio": 0.035},
        limits=(ONE_COLLECTION, KEY_TONES),
        training={
            "model": "fusion-small",
            "timesteps": 4,
            "width": 8,
            "epochs": 12,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=RATE_HZ,
        pinned={
            "all": "23248df78dd7a14359744e3ef00e6f8348847e3b9c82910b6d86c63b7dc007a1",
            "x": "8a0a32efb091a452a2380f329b9b2259e16c1b04468c9998a69dbf2d4d744711",
            "y": "c99579baa0e11596303e3ea4a354b88d3c970b5a72bbd3dd8525f9379e30be72",
            "train": "47661eb819fcd5869634b413a839953dafb93af6dc9bf6442a49222ff81fb821",
            "validation": "79d3a92a1cbc7a4fa214ba671bb17861e071bb7d6974d4edf32bbbee0c948f90",
            "test": "e3e53e8472f0dac95b1b955d36fb0f025c22855a633a05d0d5e2e795bd13860c",
        },
    )

    image: DigitsImages = field(default_factory=DigitsImages)
    audio: DigitsAudio = field(default_factory=DigitsAudio)

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        return Views((("image", self.image.domain), ("audio", self.audio.domain)))

    def labels(self) -> Tensor:
        """The digit of each of the 1797 pairs."""
        return self.image.labels()

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The pairs of ``items``; ``seed`` draws other calls."""
        scans = self.image(items, seed=seed)
        sounds = self.audio(items, seed=seed)
        return self.domain.pack({"image": scans, "audio": sounds})
