"""`digits-av`: every scan together with the key tone of the same digit."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from spikeproof.data.audio import DigitsAudio
from spikeproof.data.images import DigitsImages
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

    image: DigitsImages = field(default_factory=DigitsImages)
    audio: DigitsAudio = field(default_factory=DigitsAudio)

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        return Views((("image", self.image.domain), ("audio", self.audio.domain)))

    def __call__(self, items: Tensor, *, seed: int = 0) -> Tensor:
        """The pairs of ``items``; ``seed`` draws other calls."""
        scans = self.image(items, seed=seed)
        sounds = self.audio(items, seed=seed)
        return self.domain.pack({"image": scans, "audio": sounds})
