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
from spikeproof.threats import Counts, Finite, Geometry, Joint, Threat

__all__ = ["allowance", "euclidean", "legal_places", "measured"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Relative slack of the real-valued norms; counts and l_0 are whole numbers and get none.
_SLACK = 1e-6


def measured(threat: Threat, x_adv: Tensor, x: Tensor) -> Floats:
    """Length of each perturbation in the unit of the threat's radius, float64 ``(N,)``."""
    far, near = _numbers(x_adv), _numbers(x)
    if isinstance(threat.geometry, Finite):
        # Which of its few points an input is, no change of values tells.
        return np.asarray(threat.geometry.length_between(far, near, threat.domain))
    return _length(threat.geometry, threat.domain, far - near)


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


def _length(geometry: Geometry, domain: Domain | Views, change: Floats) -> Floats:
    """Length under a geometry, by the formula of its order; other packages bring their own."""
    if isinstance(geometry, Joint):
        return _joint(geometry, domain, change)
    if isinstance(geometry, Counts):
        return _l1(_flat(change))
    if geometry.by_pixel:
        return _pixels(domain, change)
    if geometry.about.order is not None:
        return _NORMS[geometry.about.order](_flat(change))
    return np.asarray(geometry.length(change, domain), dtype=np.float64)


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


def _joint(geometry: Joint, domain: Domain | Views, change: Floats) -> Floats:
    """The largest share that any view used of its own radius; inf where a view had none."""
    assert isinstance(domain, Views)
    where, shares = domain.slices(), []
    for name, part in domain.parts:
        inside = change[:, where[name]].reshape(-1, *part.shape)
        if name in geometry.views:
            own, radius = geometry.views[name]
            length = _length(own, part, inside)
            shares.append(_share(length, radius))
        else:
            shares.append(_share(_linf(_flat(inside)), 0.0))
    return np.asarray(np.max(shares, axis=0))


def _share(length: Floats, radius: float) -> Floats:
    if radius > 0:
        return length / radius
    return np.where(length > 0, np.inf, 0.0)
