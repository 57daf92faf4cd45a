"""`nmnist-fsdd`: a recording of N-MNIST together with a spoken digit of the same class."""

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
from spikeproof.data.sets.n_mnist import NMnist, NMnistRecordings
from spikeproof.data.views import Views

__all__ = ["NMnistFsdd"]


@dataclass(frozen=True, kw_only=True)
class NMnistFsdd:
    """Pair each recording with a clip of its digit; test clips are by speakers of the test alone.

    Training recordings take clips by the training speakers, test recordings by the others, so no
    recording, no clip and no speaker is in both. Within a digit clips are dealt in a fixed random
    order, each as often as any other.

    Args:
        events: Reader of the recordings.
        audio: Reader of the clips, with the split by speaker.
    Returns:
        From a call with a folder: what to decode; the bytes of both views.
    Raises:
        FileProblem: either set is absent or not whole, or a digit has no clip.
    Cost:
        About a millisecond a pair the first time, 31 kB each in the cache.
    Differs from the paper:
        Neither set was made for this: nobody said the digit while the camera looked at it. There
        is no correspondence between the views but the digit.
    References:
        orchard2015, jackson2018fsdd
    Example:
        >>> NMnistFsdd().domain.shape
        (27216,)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=10,
        title="Recordings with spoken digits",
        unit="events per pixel and frame, and amplitude",
        licence="CC BY-SA 4.0",
        source=(
            "Constructed pairs of an N-MNIST recording (orchard2015) and a clip of the Free Spoken "
            "Digit Dataset (jackson2018fsdd) of the same digit; test recordings are heard with "
            "speakers who are in no training pair."
        ),
        radii={
            "linf": (0.001, 0.0025, 0.005),
            "l2": (0.02, 0.045, 0.09),
            "l1": (0.5, 1.3, 2.7),
            "l0": (6.0, 15.0, 30.0),
            "joint": (0.5, 1.0, 2.0),
        },
        pinned_parts={
            "pairs with recordings of the first 1,000 training and 100 test digits": {
                "all": "8e6335a78efa5629f4e927281c3c22c17aad6ab0c8f3f4b5147611631f03cfaf",
                "x": "0f1b773b0b3a38b6215f13385ad8ce6532d53fdf9aeded5b3fe3abd94708eaf7",
                "y": "8125bb6b112b0da8ad5eef7c5b75637cebd3f16d97f309d9fbbd2a2d84d84be3",
                "train": "c2693881e9e361dda0c87c95782f0935c4acc95559e407e16ff351fbd7fb44a6",
                "validation": "05d783701b4f26da537e9c92a1949c7b6d4e479b921dbbf55c0aa28694507811",
                "test": "fe40007904810cf23bbedb777afff55d8df5860003af12884b6b5ccf74051336",
            },
        },
        joint={"events": 0.05, "audio": 0.0025},
        limits=(
            "The pairs are constructed: the views share the digit and nothing else.",
            "Two speakers are heard in the test.",
        ),
        training={
            "model": "fusion-small",
            "timesteps": 10,
            "width": 8,
            "epochs": 10,
            "batch_size": 32,
            "learning_rate": 0.01,
        },
        rate_hz=RATE_HZ,
    )

    events: NMnist = field(default_factory=NMnist)
    audio: FsddSpeakers = field(default_factory=FsddSpeakers)

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        return Views((("events", self.events.domain), ("audio", self.audio.domain)))

    @property
    def published(self) -> Source:
        """The files of the recordings; those of the clips are named where they are lacking."""
        return self.events.published

    @property
    def _pack(self) -> PackedPair:
        """How both views lie in the bytes of an item."""
        return PackedPair(self.events.domain, self.audio.domain, scale=1.0)

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        seen = NMnistRecordings.find(self.events.published, folder)
        heard = SpokenDigits.find(self.audio.published, folder)

        def read() -> StoredItems:
            clips = chosen_clips(seen.y, seen.official, heard, self.audio)
            return StoredItems(
                y=seen.y,
                official=seen.official,
                shape=(self._pack.size,),
                dtype=np.uint8,
                items=self._pack.items(
                    (self.events.frames(seen.read(number)) for number in range(len(seen.y))),
                    sounds(heard, clips, self.audio.length),
                ),
                notes=(
                    *part_of(len(seen.y), 70_000, "recordings"),
                    *part_of(len(heard.digit), 3000, "clips"),
                ),
            )

        return Listed(stamp={"events": seen.stamp, "audio": heard.stamp}, read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Counts and samples as packed inputs."""
        return self._pack.values(stored, self.domain)
