"""Threats with few legal points: what they are, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.threats.geometry import Finite
from spikeproof.threats.threat import Threat

__all__ = ["has_few_points", "how_many_points", "legal_points"]


def has_few_points(threat: Threat) -> bool:
    """Return whether an item has so few legal points that all can be tried.

    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats.linf import Linf
        >>> has_few_points(Threat(Linf(), 0.1, Domain(kind="audio", shape=(2,))))
        False
    """
    return isinstance(threat.geometry, Finite)


def how_many_points(threat: Threat) -> int:
    """Return how many legal points an item has under a finite threat, itself among them.

    Raises:
        SettingError: the threat has more points than can be tried.
    """
    return _finite(threat).how_many(threat.radius, threat.domain)


def legal_points(threat: Threat, x: Tensor) -> Iterator[Tensor]:
    """Yield every legal point of a finite threat, for all items at once, the nearest first.

    Args:
        threat: A threat with few points (see :func:`has_few_points`).
        x: Clean inputs, ``(N, *shape)``; the first points are these.
    Raises:
        SettingError: the threat has more points than can be tried.
    """
    yield from _finite(threat).points(x.detach(), threat.radius, threat.domain)


def _finite(threat: Threat) -> Finite:
    """The geometry, if all of its points can be tried."""
    if not isinstance(threat.geometry, Finite):
        raise SettingError(
            f"{threat.name} allows too many inputs to try every one; use an attack such as PGD."
        )
    return threat.geometry
