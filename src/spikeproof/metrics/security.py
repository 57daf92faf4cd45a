"""What follows from the distance of each item's nearest adversarial point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikeproof.base import InputError
from spikeproof.metrics.accuracy import Floats

__all__ = ["attack_optimality", "security_area", "security_curve"]


def security_curve(distance: Floats, radii: Sequence[float]) -> Floats:
    """Return the robust accuracy at each radius: the share of items whose distance exceeds it.

    Args:
        distance: Of the nearest adversarial point, ``(N,)``; 0 for items that are wrong when clean,
            inf where none was found.
        radii: At least 0 each; 0 gives the clean accuracy.
    Returns:
        ``(len(radii),)``.
    Raises:
        InputError: no item, or a distance or radius that is negative or not a number.
    Example:
        >>> security_curve(np.array([0.0, 0.5, 2.0, np.inf]), [0.0, 0.5, 1.0]).tolist()
        [0.75, 0.5, 0.5]
    """
    lengths, limits = _checked(distance), np.asarray(radii, dtype=np.float64)
    if not (limits >= 0).all():
        raise InputError(f"Radii must be numbers of at least 0; got {list(radii)}.")
    return np.asarray((lengths[None, :] > limits[:, None]).mean(1))


def security_area(distance: Floats, most: float) -> float:
    """Return the area under the security curve from 0 to ``most``: the mean of ``min(d, most)``.

    Args:
        distance: As for :func:`security_curve`.
        most: Largest radius, above 0.
    Raises:
        InputError: distances that are not, or a radius that is not positive and finite.
    Example:
        >>> security_area(np.array([0.0, 0.5, np.inf]), 1.0)
        0.5
    """
    if not 0 < most < np.inf:
        raise InputError(f"The largest radius must be positive and finite; got {most!r}.")
    return float(np.minimum(_checked(distance), most).mean())


def attack_optimality(distance: Floats, best: Floats, most: float) -> float | None:
    """Return how close an attack comes to the best known one, 1 for equal and 0 for no success.

    ``1 - (area - area_best) / (clean * most - area_best)`` over the security curves.

    Args:
        distance: Of the points the attack found, ``(N,)``, as for :func:`security_curve`.
        best: Smallest distance that any attack found, ``(N,)``.
        most: Largest radius, above 0.
    Returns:
        The optimality; None where no attack breaks anything within ``most``.
    Raises:
        InputError: arrays of different length, or what :func:`security_area` refuses.
    Example:
        >>> attack_optimality(np.array([0.5, 1.0]), np.array([0.5, 0.5]), 1.0)
        0.5

    References:
        cina2025attackbench
    """
    if np.shape(distance) != np.shape(best):
        raise InputError(
            f"Need one best distance per item; got {np.shape(best)} for {np.shape(distance)}."
        )
    least = security_area(best, most)
    robust_area = float((_checked(best) > 0).mean()) * most
    if robust_area <= least:
        return None
    return 1 - (security_area(distance, most) - least) / (robust_area - least)


def _checked(distance: Floats) -> Floats:
    """The distances, if they are some."""
    lengths = np.asarray(distance, dtype=np.float64)
    if lengths.ndim != 1 or not lengths.size or not (lengths >= 0).all():
        raise InputError(
            f"Distances must be numbers of at least 0, (N,) with N >= 1 (inf where nothing was "
            f"found); got shape {lengths.shape}."
        )
    return lengths
