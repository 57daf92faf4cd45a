"""`mnist-fsdd`: a scan of MNIST together with a spoken digit of the same class."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from torch import Tensor

from spikeproof.data.event_sets import part_of
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, StoredItems
from spikeproof.data.pairs import PackedPair, chosen_clips, sounds
from spikeproof.data.sets.fsdd import RATE_HZ, SpokenDigits
from spikeproof.data.sets.fsdd_speakers import FsddSpeakers
from spikeproof.data.sets.mnist import Mnist
from spikeproof.data.views import Views

__all__ = ["MnistFsdd"]


@dataclass(frozen=True, kw_only=True)
class MnistFsdd:
    """Pair each scan with a clip of its digit; test clips are by speakers of the test alone.

    Args:
        image: Reader of the scans.
        audio: Reader of the clips, with the split by speaker.
    Returns:
        From a call with a folder: what to decode; the bytes of both views.
    Raises:
        FileProblem: either set is absent or not whole, or a digit has no clip.
    Cost:
        About ten seconds the first time, 630 MB in the cache.
    Differs from the paper:
        Neither set was made for this: there is no correspondence between the views but the digit.
    References:
        lecun1998, jackson2018fsdd
    Example:
        >>> MnistFsdd().domain.shape
        (4880,)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Scans with spoken digits",
        unit="pixel intensity and amplitude",
        licence="of the scans none stated, of the sounds CC BY-SA 4.0",
        source=(
            "Constructed pairs of an MNIST scan (lecun1998) and a clip of the Free Spoken Digit "
            "Dataset (jackson2018fsdd) of the same digit; test scans are heard with speakers who "
            "are in no training pair."
        ),
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.02, 0.045, 0.09),
            "l1": (0.5, 1.3, 2.7),
            "l0": (5.0, 10.0, 20.0),
            "joint": (0.5, 1.0, 2.0),
        },
        joint={"image": 0.1, "audio": 0.0025},
        limits=(
            "The pairs are constructed: the views share the digit and nothing else.",
            "Two speakers are heard in the test.",
        ),
        training={
            "model": "fusion-small",
            "timesteps": 4,
            "width": 8,
            "epochs": 3,
            "batch_size": 64,
            "learning_rate": 0.005,
        },
        rate_hz=RATE_HZ,
    )

    image: Mnist = field(default_factory=Mnist)
    audio: FsddSpeakers = field(default_factory=FsddSpeakers)

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        return Views((("image", self.image.domain), ("audio", self.audio.domain)))

    @property
    def published(self) -> Source:
        """The files of the scans; those of the clips are named where they are lacking."""
        return self.image.published

    @property
    def _pack(self) -> PackedPair:
        """How both views lie in the bytes of an item."""
        return PackedPair(self.image.domain, self.audio.domain, scale=255.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        heard = SpokenDigits.find(self.audio.published, folder)

        def read() -> StoredItems:
            seen = self.image(folder)
            y = seen.y.numpy()
            clips = chosen_clips(y, seen.official, heard, self.audio)
            return StoredItems(
                y=y,
                official=seen.official,
                shape=(self._pack.size,),
                dtype=np.uint8,
                items=self._pack.items(
                    iter(seen.x.numpy()), sounds(heard, clips, self.audio.length)
                ),
                notes=part_of(len(heard.digit), 3000, "clips"),
            )

        stamp = {"image": self.image.published.stamp(folder), "audio": heard.stamp}
        return Listed(stamp=stamp, read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Levels and samples as packed inputs."""
        return self._pack.values(stored, self.domain)
