"""Constructed pairs of a picture or recording and a spoken digit of the same class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import FileProblem, seeds
from spikeproof.data.domain import Domain
from spikeproof.data.layouts import fitted
from spikeproof.data.views import Views

if TYPE_CHECKING:
    from spikeproof.data.sets.fsdd import SpokenDigits
    from spikeproof.data.sets.fsdd_speakers import FsddSpeakers

__all__ = ["PackedPair", "chosen_clips", "paired", "sounds"]

Array = np.ndarray[Any, Any]


def paired(y: Array, spoken: Array, *, part: str) -> Array:
    """Return a clip of the same digit for each item.

    Within a digit the clips stand in a random order, and items take them in turn; a clip comes
    back only when all of the digit were taken.

    Args:
        y: The digit of each item, ``(N,)``.
        spoken: The digit of each clip, ``(M,)``.
        part: Name of the part of the set, which has its own order.
    Returns:
        The number of a clip for each item, int64 ``(N,)``.
    Raises:
        FileProblem: a digit has items and no clips.
    Example:
        >>> paired(np.array([1, 1, 0]), np.array([0, 1, 1]), part="train").tolist()
        [2, 1, 0]
    """
    keys = seeds(0, n=max(1, len(spoken))).child(f"pairs {part}").bits(()).numpy()[: len(spoken)]
    order = np.argsort(keys, kind="stable")
    found = np.zeros(len(y), np.int64)
    for digit in np.unique(y):
        clips = order[spoken[order] == digit]
        if not len(clips):
            raise FileProblem(
                f"No {part} clip says {digit}, and {int((y == digit).sum())} items show it; name "
                "a folder that holds the whole of both sets."
            )
        here = np.flatnonzero(y == digit)
        found[here] = clips[np.arange(len(here)) % len(clips)]
    return found


class PackedPair:
    """Two views as the bytes of one item: small whole numbers, then 16-bit samples.

    Args:
        sight: Legal pictures or recordings, a byte a value.
        sound: Legal waveforms.
        scale: What a byte is divided by.
    """

    def __init__(self, sight: Domain, sound: Domain, *, scale: float) -> None:
        self.sight, self.sound, self.scale = sight, sound, scale

    @property
    def size(self) -> int:
        """Bytes of an item."""
        return self.sight.size + 2 * self.sound.size

    def items(self, seen: Iterator[Array], heard: Iterator[Array]) -> Iterator[Array]:
        """The bytes of each pair."""
        for one, other in zip(seen, heard, strict=True):
            samples = np.ascontiguousarray(other, dtype="<i2").view(np.uint8)
            yield np.concatenate([one.astype(np.uint8).reshape(-1), samples])

    def values(self, stored: Tensor, views: Views) -> Tensor:
        """Packed inputs of stored pairs."""
        cut = self.sight.size
        bytes_ = stored[:, cut:].contiguous().numpy()
        samples = torch.from_numpy(bytes_.view("<i2").astype(np.float32) / 32768)
        seen = stored[:, :cut].to(torch.float32) / self.scale
        first, second = (name for name, _ in views.parts)
        shaped = seen.reshape(len(stored), *self.sight.shape)
        return views.pack({first: shaped, second: samples})


def chosen_clips(y: Array, official: int, heard: SpokenDigits, audio: FsddSpeakers) -> Array:
    """Return the clip of each item: of training speakers for the first ``official``.

    Args:
        y: The digit of each item.
        official: How many items are for training.
        heard: The clips.
        audio: Which speakers are heard in the test.
    Raises:
        FileProblem: a digit has items and no clips.
    """
    test = audio.is_test(heard)
    found = np.zeros(len(y), np.int64)
    for name, part, clips in (
        ("train", slice(0, official), np.flatnonzero(~test)),
        ("test", slice(official, None), np.flatnonzero(test)),
    ):
        if len(y[part]):
            found[part] = clips[paired(y[part], heard.digit[clips], part=name)]
    return found


def sounds(heard: SpokenDigits, clips: Array, length: int) -> Iterator[Array]:
    """Yield the waveform of each clip, cut or filled with silence to a length.

    Args:
        heard: The clips.
        clips: Which of them, by number.
        length: Samples.
    """
    for number in clips:
        yield fitted(heard.sounds(int(number)), length)
