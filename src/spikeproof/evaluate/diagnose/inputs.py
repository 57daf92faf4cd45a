"""What the items themselves show: values beside the declared range, answers no better than luck."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from spikeproof.data import Domain, Views
from spikeproof.evaluate.diagnose.flag import Flag
from spikeproof.metrics import wilson

__all__ = ["chance_flags", "range_flags"]

_INSIDE = 0.1  # of the declared range; pictures that leave the rest unused have another one
_FEWEST = 16


def range_flags(x: Tensor, domain: Domain | Views) -> list[Flag]:
    """Return what is suspicious in the range of items.

    Args:
        x: Items, ``(N, *shape)``.
        domain: Their declared range.
    """
    parts = {"": domain} if isinstance(domain, Domain) else dict(domain.parts)
    views = {"": x} if isinstance(domain, Domain) else domain.unpack(x)
    found = [_range(views[name], part, f" of {name}" if name else "") for name, part in _of(parts)]
    return [flag for flag in found if flag is not None]


def _of(parts: dict[str, Domain]) -> Iterator[tuple[str, Domain]]:
    yield from parts.items()


def _range(x: Tensor, domain: Domain, what: str) -> Flag | None:
    """The flag of one view."""
    values = x.detach().double()
    low, high = float(values.min()), float(values.max())
    mean, std = float(values.mean()), float(values.std(correction=0))
    normal = low < 0 and abs(mean) < 0.5 and 0.5 < std < 1.5 and domain.kind == "image"
    numbers = f"lie between {low:.3g} and {high:.3g} (mean {mean:.2f}, deviation {std:.2f})"
    declared = f"declared range [{domain.low:g}, {domain.high:g}]"
    looks = ", and look normalised" if normal else ""
    outside = ~((values >= domain.low) & (values <= domain.high))
    if outside.any():
        items = int(outside.flatten(1).any(1).sum())
        return Flag(
            name="range",
            stop=True,
            seen=f"{items} of {len(x)} items{what} have values outside the {declared}: they "
            f"{numbers}{looks}.",
            why="Attacks cut what they make to the declared range, so a change of none would "
            "already change these items.",
            mend="Give items in the declared range and normalise inside the network, or declare "
            "the range that they have.",
        )
    span = domain.high - domain.low
    narrow = math.isfinite(span) and high - domain.low < _INSIDE * span
    if domain.kind != "image" or not (narrow or normal):
        return None
    return Flag(
        name="range",
        stop=False,
        seen=f"All values of {len(x)} items{what} {numbers} inside the {declared}{looks}.",
        why="A radius counts in the units of the items, so one meant for another scale says "
        "something else here.",
        mend="Declare the range that the items have, and normalise inside the network.",
    )


def chance_flags(right: int, n: int, classes: int) -> list[Flag]:
    """Return whether clean accuracy can be distinguished from guessing.

    Args:
        right: Items answered right.
        n: Items.
        classes: How many classes the network knows.
    Example:
        >>> chance_flags(2, 20, 10)[0].name, chance_flags(12, 20, 10)
        ('chance', [])
    """
    low, _ = wilson(right, n)
    if n < _FEWEST or low > 1 / classes:
        return []
    return [
        Flag(
            name="chance",
            stop=False,
            seen=f"{right} of {n} items are answered right when clean ({100 * right / n:.0f} %), "
            f"no better than guessing among {classes} classes ({100 / classes:.0f} %).",
            why="What attacks leave of a network that knows nothing says nothing about attacks.",
            mend="Check weights, the order of classes, and that items are scaled as in training.",
        )
    ]
