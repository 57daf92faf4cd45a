"""`lipsfus`: words as event histograms of a silicon cochlea and of a camera before the lips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem, read_arrays
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Facts
from spikeproof.data.files import Listed, Source, Stored
from spikeproof.data.views import Views

__all__ = ["Lipsfus"]

_PACKED = "lipsfus_av_features.npz"
_WHAT = "packed LIPSFUS features"


@dataclass(frozen=True, kw_only=True)
class Lipsfus:
    """Read the histograms that the authors publish, packed: 64 channels, and 4 frames of lips.

    An item is the histogram of a word over the channels of the cochlea, one step of 64 lines, and
    four frames of 16 x 24 places over the lips. Values are whole numbers 0 to 100, normalised by
    the authors.

    Args:
        published: The packed file and its hash.
    Returns:
        From a call with a folder: what to decode; the bytes of both views.
    Raises:
        FileProblem: the file is absent or changed, or its views do not fit each other.
    Cost:
        Under a second, 1.4 MB in the cache.
    References:
        riosnavarro2023lipsfus
    Example:
        >>> Lipsfus().domain.shape
        (1600,)
    """

    facts: ClassVar[Facts] = Facts(
        version="1",
        classes=11,
        title="Words heard and lip-read",
        unit="share of the most active place, 0–100",
        licence="GPL-3.0 (of the repository)",
        source=(
            "LIPSFUS, eleven words as normalised event histograms of a cochlea and of a camera "
            "before the lips (riosnavarro2023lipsfus), 867 utterances."
        ),
        radii={
            "linf": (2.0, 5.0, 10.0),
            "l2": (20.0, 50.0, 100.0),
            "l1": (200.0, 500.0, 1000.0),
            "l0": (10.0, 25.0, 50.0),
            "joint": (0.5, 1.0, 2.0),
        },
        joint={"cochlea": 5.0, "lips": 5.0},
        limits=(
            "That both views of an item are of one utterance follows from the order of the files "
            "and was not confirmed; use it to show attacks, and not for accuracy.",
        ),
    )

    published: Source = field(
        default_factory=lambda: Source(
            files={_PACKED: "29f454bf3e1c19621229a74b92bb245fef7191b1db3c149133a16b13f811ebbf"},
            places=("lipsfus_av", "lipsfus", "."),
            url="https://github.com/RTC-research-group/LIPSFUS-Event-driven-dataset",
        )
    )

    @property
    def domain(self) -> Views:
        """Legal pairs."""
        heard = Domain(kind="events", shape=(1, 64), high=100.0, integer=True)
        seen = Domain(kind="events", shape=(4, 1, 16, 24), high=100.0, integer=True)
        return Views((("cochlea", heard), ("lips", seen)))

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be decoded into the cache."""
        path = self.published.find(folder, _PACKED)

        def read() -> Stored:
            (name,) = self.published.files
            arrays = read_arrays(
                path, _WHAT, follow=True, texts=True, sha256=self.published.files[name]
            )
            heard, seen = arrays.get("audio"), arrays.get("visual")
            y, part = arrays.get("label"), arrays.get("audio_split")
            if heard is None or seen is None or y is None or part is None:
                raise FileProblem(
                    f"{path} lacks audio, visual, label or audio_split; get it again."
                )
            if not len(heard) == len(seen) == len(y) == len(part):
                raise FileProblem(
                    f"{path} holds {len(heard)} sounds, {len(seen)} sights and {len(y)} labels, "
                    "which do not pair; get it again."
                )
            order = np.argsort(part, kind="stable")
            pairs = (np.concatenate([heard[k].ravel(), seen[k].ravel()]) for k in order)
            return Stored(
                y=y[order].astype(np.int64),
                official=int((part == 0).sum()),
                shape=self.domain.shape,
                dtype=np.uint8,
                items=_bytes(pairs),
            )

        return Listed(stamp=self.published.stamp(folder), read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Whole numbers."""
        return stored.to(torch.float32)


def _bytes(pairs: Iterator[np.ndarray[Any, Any]]) -> Iterator[np.ndarray[Any, Any]]:
    """Pairs as bytes."""
    for one in pairs:
        yield one.astype(np.uint8)
