"""Random draws inside a network: they belong to the item wherever the caller says which item it is.

Whatever is random in a forward pass, a coding of the input or a noisy membrane, draws here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

from spikeproof.base import InputError, Seeds

__all__ = ["averaging", "draw_normal", "draw_spikes", "draw_uniform", "drawing"]


class _Source:
    """The keys of one scope, and how many draws were asked of it."""

    def __init__(self, seeds: Seeds | Callable[[], Seeds] | None) -> None:
        self.seeds = seeds
        self.served = 0

    def next(self, n: int) -> Seeds | None:
        """Keys for the next draw, each with a label of its own; None for the global generator."""
        self.served += 1
        if callable(self.seeds):
            self.seeds = self.seeds()
        if self.seeds is None:
            return None
        if n != len(self.seeds):
            raise InputError(
                f"drawing() holds seeds for {len(self.seeds)} items, but the network draws for "
                f"{n}; open it with the seeds of exactly the items of the forward pass."
            )
        return self.seeds.child("draw", self.served)


_source: ContextVar[_Source | None] = ContextVar("spikeproof_draws", default=None)
_averaging: ContextVar[bool] = ContextVar("spikeproof_averaging", default=False)


@contextmanager
def drawing(seeds: Seeds | Callable[[], Seeds] | None) -> Iterator[_Source]:
    """Let every random draw of the networks called inside come from one key per item.

    A forward pass then depends on nothing but the items and their keys: neither on the batch they
    come in nor on what was drawn before. The draws of a scope are numbered, so that two random
    layers differ and so does a second forward pass; open the scope again to repeat the first one.
    Outside any scope draws come from torch's global generator.

    Args:
        seeds: One key per item of the forward pass, or what makes them at the first draw; None
            returns to the global generator.
    Returns:
        An object whose ``served`` counts the draws: a network that has made none is deterministic.
    Raises:
        InputError: on a draw for more or fewer items than there are keys.
    Example:
        >>> import torch
        >>> from spikeproof.base import seeds
        >>> like, keys = torch.empty(3, 2, 1), seeds(0, n=2)  # three steps of two items
        >>> with drawing(keys):
        ...     both = draw_uniform(like)
        >>> with drawing(keys[1:]):
        ...     alone = draw_uniform(like[:, 1:])
        >>> bool(torch.equal(both[:, 1:], alone))
        True
    """
    source = _Source(seeds)
    token = _source.set(source)
    try:
        yield source
    finally:
        _source.reset(token)


@contextmanager
def averaging() -> Iterator[None]:
    """Put the expectation in the place of every random draw of the networks called inside.

    A spike drawn with a probability becomes that probability, noise of mean zero becomes zero.

    Example:
        >>> import torch
        >>> with averaging():
        ...     draw_spikes(torch.tensor([[0.25]]))
        tensor([[0.2500]])
    """
    token = _averaging.set(True)
    try:
        yield
    finally:
        _averaging.reset(token)


def draw_spikes(probability: Tensor) -> Tensor:
    """1 with the given ``probability``, ``(T, N, ...)``, else 0; itself under ``averaging``."""
    if _averaging.get():
        return probability
    return (draw_uniform(probability) <= probability).to(probability.dtype)


def draw_uniform(like: Tensor) -> Tensor:
    """Uniform draws in [0, 1), in shape, type and place like a time-major ``(T, N, ...)``.

    The first steps of an item's draws are the same however many follow.
    """
    return _draw(like, torch.rand, Seeds.uniform)


def draw_normal(like: Tensor) -> Tensor:
    """Standard normal draws, in shape, type and place like a time-major ``(T, N, ...)``.

    The first steps of an item's draws are the same however many follow. Zero under ``averaging``.
    """
    if _averaging.get():
        return torch.zeros_like(like)
    return _draw(like, torch.randn, Seeds.normal)


def _draw(like: Tensor, shared: Callable[..., Tensor], per_item: Callable[..., Tensor]) -> Tensor:
    """Draws from the open scope, or from torch's generator."""
    source = _source.get()
    steps, n, *rest = like.shape
    keys = None if source is None else source.next(n)
    if keys is None:
        return shared(like.shape, dtype=like.dtype, device=like.device)
    draws = per_item(keys, (steps, *rest), like.dtype)
    return draws.transpose(0, 1).to(like.device)
