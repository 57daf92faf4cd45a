"""Radii for a data set that nobody has published any for, and the rule that they follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from spikeproof.data.domain import Domain

__all__ = ["Suggestion", "suggested"]

# l_2 and l_1 as shares of the l_inf radius times sqrt(d) and times d: CIFAR-10's 8/255, 0.5, 12.
_L2, _L1 = 0.29, 0.13
_STEPS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Suggestion:
    """Radii, and why these.

    Args:
        radii: Threat name → three ascending radii; the middle one is standard.
        rule: One sentence.
    """

    radii: Mapping[str, tuple[float, ...]]
    rule: str


def suggested(domain: Domain, x: Tensor) -> Suggestion:
    """Return radii for items of a kind: in proportion to range and size, as the literature's are.

    Args:
        domain: Legal inputs.
        x: Training items, or what there is, ``(N, *shape)``; only counts of events look at them.
    Returns:
        Half, once and twice a standard radius for every norm; nothing where the range has no end.
    Example:
        >>> import torch
        >>> found = suggested(Domain(kind="image", shape=(3, 32, 32)), torch.zeros(1, 3, 32, 32))
        >>> {name: radii[1] for name, radii in found.radii.items()}
        {'linf': 0.0313725, 'l2': 0.504, 'l1': 12.5, 'l0': 15.0}
    """
    extent = domain.high - domain.low
    if not math.isfinite(extent):
        return Suggestion({}, "No radii are suggested where the range has no end; name your own.")
    if domain.kind == "events":
        return _events(domain, x)
    linf, said, share = _largest_change(domain, extent)
    places = domain.pixels()[1]
    radii = {
        "linf": _ladder(linf, 6),
        "l2": _ladder(_L2 * linf * math.sqrt(domain.size)),
        "l1": _ladder(_L1 * linf * domain.size),
        "l0": _counted(share * places),
    }
    what = "pixels" if "channel" in domain.axes else "values"
    return Suggestion(
        radii,
        f"linf is {said}; l2 is {_L2} and l1 {_L1} of it times the root of the number of values "
        f"and the number of values, as 8/255, 0.5 and 12 are for CIFAR-10; l0 is {100 * share:g} % "
        f"of the {what}; each is also taken half and twice.",
    )


def _largest_change(domain: Domain, extent: float) -> tuple[float, str, float]:
    """The standard l_inf radius of a kind, how it is said, and the share of places of l_0."""
    if domain.kind == "image" and domain.layout[1] >= 3:
        return extent * 8 / 255, "8/255 of the range, as for CIFAR-10", 0.015
    if domain.kind == "image":
        return extent * 0.1, "a tenth of the range, as for Fashion-MNIST", 0.015
    if domain.kind == "audio":
        return extent * 0.02, "a fiftieth of the range", 0.015
    return extent * 0.05, "a twentieth of the range", 0.05


def _events(domain: Domain, x: Tensor) -> Suggestion:
    """Counts in proportion to the events that there are; norms in frame space."""
    linf = 0.025 if domain.integer else 0.0025 * (domain.high - domain.low)
    places = domain.pixels()[1]
    radii = {
        "linf": _ladder(linf),
        "l2": _ladder(_L2 * linf * math.sqrt(domain.size)),
        "l1": _ladder(_L1 * linf * domain.size),
        "l0": _counted(0.005 * places),
    }
    said = "a fortieth of one event" if domain.integer else "a four-hundredth of the range"
    rule = (
        f"linf, in frame space, is {said}; l2 is {_L2} and l1 {_L1} of it times the root of the "
        "number of values and the number of values; l0 is 0.5 % of the places"
    )
    if domain.integer and domain.counts:
        events = float(x.double().flatten(1).sum(1).mean()) if len(x) else float(domain.size)
        radii["counts"] = _counted(0.05 * events)
        rule += f"; counts is 5 % of the {events:.0f} events of a mean item"
    return Suggestion(radii, f"{rule}; each is also taken half and twice.")


def _ladder(middle: float, digits: int = 3) -> tuple[float, ...]:
    """Half, once and twice a radius, each to so many digits."""
    return tuple(float(f"{step * middle:.{digits}g}") for step in _STEPS)


def _counted(middle: float) -> tuple[float, ...]:
    """The same in whole numbers, the middle one at least 2, so that all differ."""
    whole = max(2, round(middle))
    return float(whole // 2), float(whole), float(2 * whole)
