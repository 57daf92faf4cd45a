"""Random search: propose, ask, keep what is no worse."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.base import per_item
from spikeproof.oracle import Oracle

__all__ = ["random_search"]


def random_search(
    oracle: Oracle,
    best: Best,
    left: Survivors,
    propose: Callable[[Survivors, int], Tensor],
    *,
    steps: int,
    stop: bool,
    legal: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """Ask about ``left.z`` and then ``steps`` proposals; each replaces ``left.z`` if no worse.

    Ties are taken, because a spike count stands still more often than it moves.

    Args:
        oracle: An open oracle.
        best: The best point of every item so far; takes in every point asked about.
        left: The items, with clean inputs ``x`` and first points ``z``, ``(N, *shape)``.
        propose: Makes the points of step ``k`` from the items still searched.
        steps: How many proposals.
        stop: Leave an item alone once it is won.
        legal: Makes a legal point of a proposal and ``x``; proposals are legal where absent.
    Returns:
        The best points of all items, ``(N, *shape)``.
    Cost:
        ``steps + 1`` forward passes per item; with ``stop`` at most.
    """
    left.margin = torch.full_like(best.margin, -torch.inf)
    proposal = left.z
    for k in range(steps + 1):
        x_adv = proposal if legal is None else legal(proposal, left.x)
        margin = left.goal.margin(oracle.logits(x_adv, left.idx))
        best.keep(x_adv, margin, left.idx)
        better = margin >= left.margin
        left.margin = torch.where(better, margin, left.margin)
        left.z = torch.where(per_item(better, left.z), proposal, left.z)
        if stop:
            left.drop_won(best)
        if k == steps or not len(left):
            break
        proposal = propose(left, k)
    return best.x
