"""Which threats are about events, flips of bits and times; and gradients without zeros."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.base import Seeds, per_item
from spikeproof.data import Domain
from spikeproof.threats import Geometry, Relative, Retiming, Threat, Within

__all__ = ["filled", "on_bits", "retimes", "widest_shift"]


def on_bits(threat: Threat) -> bool:
    """Whether single cells of a grid of bits may change."""
    domain = threat.domain
    bits = isinstance(domain, Domain) and domain.integer and (domain.low, domain.high) == (0, 1)
    return bits and not retimes(threat)


def retimes(threat: Threat) -> bool:
    """Whether events may only move in time."""
    return isinstance(_counted_in(threat), Retiming)


def widest_shift(threat: Threat) -> int | None:
    """How many steps one event may move under a retiming, where the threat says so."""
    geometry = _counted_in(threat)
    if isinstance(geometry, Retiming) and geometry.measure == "inf":
        return max(1, int(threat.radius))
    return None


def _counted_in(threat: Threat) -> Geometry:
    """The geometry in whose units a threat counts."""
    geometry: Geometry = threat.geometry
    while isinstance(geometry, Relative | Within):
        geometry = geometry.geometry
    return geometry


def filled(grad: Tensor, seeds: Seeds, step: int) -> Tensor:
    """The gradient with random entries, smaller than every other, in place of exact zeros."""
    size = grad.abs().flatten(1)
    least = torch.where(size > 0, size, torch.inf).amin(1).clamp(max=1)
    keys = seeds.child("zero", step)
    noise = 2 * keys.uniform(grad.shape[1:], grad.dtype, device=grad.device) - 1
    return torch.where(grad == 0, 1e-3 * noise * per_item(least, grad), grad)
