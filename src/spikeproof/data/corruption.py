r"""Random changes of items: noise on values, and jitter, deletion and insertion of events.

Every draw belongs to the item, the result is legal, and a level of 0 changes nothing. Values, with
``range = high - low`` and x clipped afterwards:

.. math::
    \text{uniform } x + \ell\,\mathrm{range}\,u, \; u \sim U(-1, 1) \qquad
    \text{speckle } x + \ell\,x\,\xi \qquad
    \text{shot } x + \ell\sqrt{\mathrm{range}\,|x|}\,\xi, \; \xi \sim N(0, 1) \qquad
    \text{impulse } x \text{ or, with probability } \ell, \text{ low or high}

Events ``(N, T, ...)`` of whole counts, each event on its own:

- ``jitter``: it moves by ``round(level * ξ)`` steps, at most to the first or last step. The number
  of events of every line (place and polarity) stays as it is: where a step is full, what does not
  fit moves on to the next step with room, or back where none follows.
- ``deletion``: it is lost with probability ``level``.
- ``insertion``: ``round(level * events of the item)`` new events appear, each on another cell,
  all cells with room being equally likely.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spikeproof.base import InputError, Seeds, SettingError, check_one_of, per_item
from spikeproof.data.domain import Domain

__all__ = ["CORRUPTIONS", "EVENT_CORRUPTIONS", "corrupt"]

# Items, domain, level ``(N, 1, ...)`` that broadcasts to the items, keys.
Change = Callable[[Tensor, Domain, Tensor, Seeds], Tensor]


def _uniform(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Uniform noise."""
    draw = 2 * seeds.uniform(x.shape[1:], torch.float64, device=x.device).to(x) - 1
    return x + level * (domain.high - domain.low) * draw


def _speckle(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Noise that grows with the value."""
    return x + level * x * seeds.normal(x.shape[1:], device=x.device).to(x)


def _shot(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Noise that grows with the root of the value: photons in their Gaussian limit."""
    size = ((domain.high - domain.low) * x.abs()).sqrt()
    return x + level * size * seeds.normal(x.shape[1:], device=x.device).to(x)


def _impulse(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Salt and pepper."""
    shape = tuple(x.shape[1:])
    hit = seeds.child("hit").uniform(shape, device=x.device) < level
    salt = seeds.child("salt").uniform(shape, device=x.device) < 0.5
    return torch.where(hit, torch.where(salt, domain.high, domain.low).to(x), x)


def _jitter(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Every event moves in time on its own; lines keep their counts."""
    steps, shape = x.shape[1], tuple(x.shape[1:])
    now = torch.arange(steps, device=x.device).view(1, -1, *[1] * (x.ndim - 2))
    moved = torch.zeros_like(x)
    for slot in range(int(x.max()) if x.numel() else 0):
        draw = seeds.child("slot", slot).normal(shape, device=x.device)
        to = (now + (level * draw).round().long()).clamp(0, steps - 1)
        moved = moved.scatter_add(1, to, (x > slot).to(x.dtype))
    carry = torch.zeros_like(x[:, 0])
    for order in (range(steps), range(steps - 1, -1, -1)):
        for t in order:
            held = moved[:, t] + carry
            moved[:, t] = held.clamp(max=domain.high)
            carry = held - moved[:, t]
    return moved


def _deletion(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """Every event is lost on its own."""
    kept = torch.zeros_like(x)
    for slot in range(int(x.max()) if x.numel() else 0):
        stays = seeds.child("slot", slot).uniform(x.shape[1:], device=x.device) >= level
        kept += ((x > slot) & stays).to(x.dtype)
    return kept


def _insertion(x: Tensor, domain: Domain, level: Tensor, seeds: Seeds) -> Tensor:
    """New events on random cells with room."""
    flat = x.flatten(1)
    lot = seeds.uniform((flat.shape[1],), torch.float64, device=x.device)
    lot = lot.masked_fill(flat >= domain.high, torch.inf)
    place = lot.argsort(dim=1, stable=True).argsort(dim=1, stable=True)
    count = (level.flatten(1) * flat.sum(1, keepdim=True)).round()
    new: Tensor = (place < count) & (flat < domain.high)
    return x + new.view_as(x).to(x.dtype)


CORRUPTIONS: dict[str, Change] = {
    "impulse": _impulse,
    "shot": _shot,
    "speckle": _speckle,
    "uniform": _uniform,
}
"""Random changes of real values."""

EVENT_CORRUPTIONS: dict[str, Change] = {
    "deletion": _deletion,
    "insertion": _insertion,
    "jitter": _jitter,
}
"""Random changes of whole event counts, time first."""


def corrupt(x: Tensor, domain: Domain, kind: str, level: float | Tensor, *, seeds: Seeds) -> Tensor:
    """Change every item at random.

    Args:
        x: Legal items, ``(N, *shape)``.
        domain: Legal inputs.
        kind: A key of ``CORRUPTIONS``, or of ``EVENT_CORRUPTIONS`` for whole event counts.
        level: How much, one number or one per item ``(N,)``, at least 0: a share of the range, a
            probability (at most 1), a standard deviation in steps for jitter, a share of the
            item's own events for insertion.
        seeds: One key per item.
    Returns:
        Legal items, the shape of ``x``; the module's text says which.
    Raises:
        SettingError: an unknown kind, one that does not fit the domain, or a level that makes no
            sense.
        InputError: another number of items than of keys.
    Cost: one or two draws per feature; for jitter and deletion one per feature and event in it.
    Example:
        >>> from spikeproof.base import seeds
        >>> domain = Domain(kind="events", shape=(4, 1), high=2.0, integer=True)
        >>> x = torch.tensor([[[2.0], [0.0], [1.0], [0.0]]])
        >>> moved = corrupt(x, domain, "jitter", 1.0, seeds=seeds(0, n=1))
        >>> moved.sum().item(), bool(domain.contains(moved))
        (3.0, True)
    """
    known = EVENT_CORRUPTIONS if domain.counts else CORRUPTIONS
    every = {**CORRUPTIONS, **EVENT_CORRUPTIONS}
    check_one_of(kind, every, "corruption")
    if kind not in known:
        raise SettingError(
            f"The corruption {kind!r} does not fit {domain.modality.title} of "
            f"{'counts' if domain.counts else 'values'}; use one of {', '.join(known)}."
        )
    most = 1.0 if kind in ("deletion", "impulse") else 1e9
    strength = torch.as_tensor(level, dtype=x.dtype, device=x.device)
    if not bool(((strength >= 0) & (strength <= most)).all()):  # a NaN fails the comparison
        raise SettingError(
            f"The level of {kind!r} must be at least 0 and finite, and at most 1 where it is a "
            f"probability; got {level!r}."
        )
    if len(seeds) != len(x):
        raise InputError(f"Got {len(seeds)} keys for {len(x)} items; each item needs one.")
    strength = per_item(strength.expand(len(x)), x)
    changed = domain.clip(every[kind](x.detach(), domain, strength, seeds)).to(x.dtype)
    # Levels on a grid stay on it; changes of counts are whole by themselves.
    return torch.where(strength == 0, x.detach(), domain.snap(changed, x.detach()))
