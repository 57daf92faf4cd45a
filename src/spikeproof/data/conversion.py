"""Still images as binary event recordings: the rule of I2E."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.data.domain import Domain
from spikeproof.data.facts import Reader
from spikeproof.data.files import Listed, Published, Source, Stored

__all__ = ["MOVES", "FromImages", "image_events"]

Array = np.ndarray[Any, Any]
MOVES = (
    ((0, -1), (1, 1)),
    ((-1, 1), (0, -1)),
    ((1, 0), (-1, 1)),
    ((-1, -1), (1, 0)),
    ((0, 1), (0, 0)),
    ((-1, 0), (0, 0)),
    ((-1, 1), (0, 0)),
    ((-1, -1), (0, 0)),
)
"""Step → two neighbours (row, column) of a pixel: the brightness of the first less the second's."""
_BLOCK = 256  # images that are converted together


def image_events(levels: Array, ratio: float = 0.07) -> Array:
    r"""Return the events of images that seem to move in eight directions, one a step.

    With v the largest level over the colours, R the range of v over the image, and the edge pixels
    repeated outside of it, step k has at pixel i

    .. math:: d_k(i) = v(i + a_k) - v(i + b_k), \qquad
              \text{ON if } d_k \ge r R, \quad \text{OFF if } -d_k \ge r R,

    where a_k, b_k are :data:`MOVES` and r is the ratio. Levels are whole numbers and the ratio is
    taken as the decimal that it is written as, so nothing is rounded.

    Args:
        levels: uint8 ``(N, C, H, W)``.
        ratio: Share r of the image's own range.
    Returns:
        uint8 of 0 and 1, ``(N, 8, 2, H, W)``: steps, then OFF and ON.
    Raises:
        SettingError: a ratio outside (0, 1].
    Differs from the paper:
        An image of one level has no events; by the published code each place would have two. The
        directions are the fixed ones that the published code uses outside of training. ON is
        the second polarity, as in recordings here.
    References:
        ma2025i2e
    Example:
        >>> picture = np.zeros((1, 1, 3, 3), np.uint8)
        >>> picture[0, 0, 1, 1] = 100
        >>> image_events(picture)[0, 4, :, 1].tolist()  # step 4: the right neighbour less itself
        [[0, 1, 0], [1, 0, 0]]
    """
    if not 0 < ratio <= 1:
        raise SettingError(f"The ratio of I2E must lie in (0, 1]; got {ratio!r}.")
    exact = Fraction(str(ratio))
    v = levels.max(axis=1).astype(np.int64)
    height, width = v.shape[1:]
    reach = v.max(axis=(1, 2)) - v.min(axis=(1, 2))
    # d >= r R without a rounding: both sides times the denominator of r.
    least = np.maximum(exact.numerator * reach, 1)[:, None, None]
    padded = np.pad(v, ((0, 0), (1, 1), (1, 1)), mode="edge") * exact.denominator
    out = np.empty((len(v), len(MOVES), 2, height, width), np.uint8)
    for step, ends in enumerate(MOVES):
        plus, minus = (
            padded[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]
            for row, column in ends
        )
        out[:, step, 0] = minus - plus >= least
        out[:, step, 1] = plus - minus >= least
    return out


@dataclass(frozen=True, kw_only=True)
class FromImages:
    """Read a set of images and convert it by :func:`image_events`; kept as packed bits.

    Args:
        images: Reader of the images.
        ratio: Share of an image's own range that a difference must reach to be an event.
    """

    images: Reader
    ratio: float = 0.07

    def __post_init__(self) -> None:
        image_events(np.zeros((0, 1, 1, 1), np.uint8), self.ratio)

    @property
    def domain(self) -> Domain:
        """Legal recordings: an event or none at each place and step."""
        _, height, width = self.images.domain.shape
        return Domain(kind="events", shape=(len(MOVES), 2, height, width), integer=True)

    @property
    def published(self) -> Source:
        """The files of the images."""
        return self.images.published

    def __call__(self, folder: Path) -> Listed:
        """What is in ``folder``, to be converted into the cache."""
        images = self.images

        def read() -> Stored:
            found = images(folder)
            assert isinstance(found, Published)
            return Stored(
                y=found.y.numpy(),
                official=found.official,
                shape=(math.ceil(self.domain.size / 8),),
                dtype=np.uint8,
                items=self._converted(found.x.numpy()),
                notes=found.notes,
            )

        # Another version of the images is another set, whichever form of the files holds it.
        return Listed(stamp=_stamp(images, folder), read=read)

    def values(self, stored: Tensor) -> Tensor:
        """Packed bits as 0 and 1."""
        bits = (stored[..., None] >> torch.arange(7, -1, -1, dtype=torch.uint8)) & 1
        flat = bits.flatten(1)[:, : self.domain.size]
        return flat.to(torch.float32).reshape(len(stored), *self.domain.shape)

    def _converted(self, levels: Array) -> Iterator[Array]:
        """The packed events of each image."""
        for first in range(0, len(levels), _BLOCK):
            events = image_events(levels[first : first + _BLOCK], self.ratio)
            yield from np.packbits(events.reshape(len(events), -1), axis=1)


def _stamp(images: Reader, folder: Path) -> dict[str, Any]:
    """What tells the files of the images from others."""
    python = getattr(images, "python", None)
    if python is not None and python.present(folder) and not images.published.present(folder):
        return dict(python.stamp(folder))
    return images.published.stamp(folder)
