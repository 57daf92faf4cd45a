"""Lengths of perturbations, measured a second time without any code of the threats.

Everything here works in float64 numpy on the stored numbers, so a mistake in a geometry, or in
an attack that trusts it, cannot hide itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spikeproof.data import Domain, Views
from spikeproof.threats import Counts, Geometry, Joint, Relative, Threat, Within

__all__ = ["allowance", "euclidean", "legal_places", "measured"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Relative slack of the real-valued norms; counts and l_0 are whole numbers and get none.
_SLACK = 1e-6


def measured(threat: Threat, x_adv: Tensor, x: Tensor) -> Floats:
    """Length of each perturbation in the unit of the threat's radius, float64 ``(N,)``."""
    return _length(threat.geometry, threat.domain, _numbers(x_adv), _numbers(x))


def allowance(threat: Threat) -> float:
    """The largest length that counts as inside the threat's radius."""
    return threat.radius if threat.counted else threat.radius * (1 + _SLACK)


def euclidean(x_adv: Tensor, x: Tensor) -> Floats:
    """l_2 length of each perturbation, float64 ``(N,)``."""
    return _l2(_flat(_numbers(x_adv) - _numbers(x)))


def legal_places(x_adv: Tensor, domain: Domain | Views) -> Bools:
    """Whether each item is finite, inside the box and on the grid, bool ``(N,)``."""
    z = _numbers(x_adv)
    if isinstance(domain, Views):
        where = domain.slices()
        parts = [_legal(z[:, where[name]], part) for name, part in domain.parts]
        return np.asarray(np.stack(parts).all(0))
    return _legal(_flat(z), domain)


def _numbers(x: Tensor) -> Floats:
    return np.asarray(x.detach().cpu().double().numpy())


def _flat(change: Floats) -> Floats:
    return change.reshape(len(change), -1)


def _legal(z: Floats, domain: Domain) -> Bools:
    """The same for one modality, flat ``(N, size)``."""
    ok: Bools = np.isfinite(z) & (z >= domain.low) & (z <= domain.high)
    if domain.integer:
        ok &= np.floor(z) == z
    return np.asarray(ok.all(1))


def _linf(change: Floats) -> Floats:
    return np.asarray(np.abs(change).max(1, initial=0.0))


def _l2(change: Floats) -> Floats:
    return np.asarray(np.sqrt(np.square(change).sum(1)))


def _l1(change: Floats) -> Floats:
    return np.asarray(np.abs(change).sum(1))


def _l0(change: Floats) -> Floats:
    return np.asarray((change != 0).sum(1), dtype=np.float64)


_NORMS: Mapping[float, Callable[[Floats], Floats]] = {0.0: _l0, 1.0: _l1, 2.0: _l2, math.inf: _linf}


def _length(geometry: Geometry, domain: Domain | Views, x_adv: Floats, x: Floats) -> Floats:
    """Length under a geometry, by the formula of its order; others bring their own."""
    change = x_adv - x
    if isinstance(geometry, Joint):
        return _joint(geometry, domain, x_adv, x)
    if isinstance(geometry, Relative):
        units = _length(geometry.geometry, domain, x_adv, x)
        events = _flat(x).sum(1)
        return np.where(events > 0, units / np.maximum(events, 1), _share(units, 0.0))
    if isinstance(geometry, Within):
        moved = (change != 0) & ~_region(geometry, change.shape[-2:])
        length = _length(geometry.geometry, domain, x_adv, x)
        return np.where(_flat(moved).any(1), np.inf, length)
    if isinstance(geometry, Counts):
        return _l1(_flat(change))
    if geometry.by_pixel:
        return _pixels(domain, change)
    if geometry.about.order is not None:
        return _NORMS[geometry.about.order](_flat(change))
    return np.asarray(geometry.length_between(x_adv, x, domain), dtype=np.float64)


def _region(geometry: Within, sensor: tuple[int, ...]) -> Bools:
    """Which pixels of a sensor lie in a region, pixel by pixel."""
    row, column = np.indices(sensor)
    if geometry.region == "frame":
        edge = np.minimum(np.minimum(row, sensor[0] - 1 - row), column)
        return np.asarray(np.minimum(edge, sensor[1] - 1 - column) < geometry.size)
    high = geometry.size if geometry.region == "patch" else 1
    top = (sensor[0] - high) // 2 if geometry.top is None else geometry.top
    left = (sensor[1] - geometry.size) // 2 if geometry.left is None else geometry.left
    inside = (row >= top) & (row < top + high) & (column >= left)
    return np.asarray(inside & (column < left + geometry.size))


def _pixels(domain: Domain | Views, change: Floats) -> Floats:
    """How many positions changed in at least one channel, over all views."""
    if isinstance(domain, Views):
        where = domain.slices()
        parts = [
            _pixels(part, change[:, where[name]].reshape(-1, *part.shape))
            for name, part in domain.parts
        ]
        return np.asarray(np.sum(parts, axis=0))
    if domain.kind in ("image", "events") and len(domain.shape) >= 3:  # (T, n) has no channels
        return _l0(_flat((change != 0).any(-3).astype(np.float64)))
    return _l0(_flat(change))


def _joint(geometry: Joint, domain: Domain | Views, x_adv: Floats, x: Floats) -> Floats:
    """The largest share that any view used of its own radius; inf where a view had none."""
    assert isinstance(domain, Views)
    where, shares = domain.slices(), []
    for name, part in domain.parts:
        far, near = (v[:, where[name]].reshape(-1, *part.shape) for v in (x_adv, x))
        if name in geometry.views:
            own, radius = geometry.views[name]
            shares.append(_share(_length(own, part, far, near), radius))
        else:
            shares.append(_share(_linf(_flat(far - near)), 0.0))
    return np.asarray(np.max(shares, axis=0))


def _share(length: Floats, radius: float) -> Floats:
    if radius > 0:
        return length / radius
    return np.where(length > 0, np.inf, 0.0)
