"""What the members of a suite have seen of each item, and what that says of the item."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["STATES", "ItemProgress", "are_probabilities"]

STATES = ("close", "near", "blind", "far", "misled")
"""What a standing item can look like; see :class:`ItemProgress`."""

# An item is close, or near, while at most this share of its clean margin is left; the second pair
# where few features carry the change (l_1, l_0, counts), whose exchange makes the margin jump.
_SHARES, _SHARES_SPARSE = (0.1, 0.25), (0.1, 0.75)
# Rules are at odds about an item where the shares they left differ by more than this.
_ODDS = 0.25
# An item on which every member gained less than this share has not been seen by any gradient.
_BLIND = 0.05
# A short search comes about as near as gradients did if it left at most so much more.
_NEARLY = 0.05


class ItemProgress:
    r"""What the members have seen of each item of one batch so far.

    The share left of an item's margin is :math:`m / m_0`, from 1 at the clean input to 0 at the
    boundary, so it does not depend on the scale of the logits. From the smallest share that each
    member left, an item is

    - **close** if at most a tenth is left;
    - **near** if at most a quarter is left (three quarters where few features carry the change:
      l_1, l_0 and counts), or the last member's loss was still rising (see ``Trend``), or two
      members left shares that differ by more than a quarter: rules are at odds, and the next may
      find more;
    - **blind** if no member gained a twentieth: no gradient has seen anything, which says nothing
      about the item, since a saturated output and a dead gradient look the same;
    - **misled** if a search without gradients came about as near as every member that followed them
      from the item, or nearer, though it is the shorter: a stand-in for a gradient, as through a
      temporal code, points elsewhere than downhill;
    - **far** else: several rules agree that they stop well before the boundary.

    Before any member has been tried, every item is close. Where outputs are probabilities no item
    is far: their margin saturates, so that .9 of it may be left one step from the boundary.

    Args:
        margin: Margins of the clean items, ``(N,)``; at most 0 where they are right.
        sparse: Whether few features carry the change.
        saturating: Whether the outputs are probabilities.
    Example:
        >>> progress = ItemProgress(torch.tensor([-1.0, -1.0, -1.0]))
        >>> for _ in range(2):
        ...     progress.note(torch.arange(3), torch.tensor([-0.1, -0.7, -1.0]),
        ...                   torch.zeros(3, dtype=torch.bool))
        >>> [int(progress.within(("far",)).sum()), progress.states().tolist()]
        [1, [0, 3, 2]]
    """

    def __init__(self, margin: Tensor, *, sparse: bool = False, saturating: bool = False) -> None:
        close, near = _SHARES_SPARSE if sparse else _SHARES
        self._shares = close, (math.inf if saturating else near)
        self._clean = margin.detach().clone()
        self._least = torch.full_like(self._clean, torch.inf)
        self._most = torch.full_like(self._clean, -torch.inf)
        self._rising = torch.zeros_like(self._clean, dtype=torch.bool)
        # The least that gradients left, and that searches without any did.
        self._led = torch.full_like(self._clean, torch.inf)
        self._searched = torch.full_like(self._clean, torch.inf)

    def note(
        self,
        idx: Tensor,
        margin: Tensor,
        rising: Tensor,
        *,
        followed: bool = True,
        continued: bool = False,
    ) -> None:
        """Add what one member left of some items.

        Args:
            idx: Which items, int64 ``(M,)``.
            margin: The largest margin it reached on each, ``(M,)``.
            rising: Whether its loss was still rising, bool ``(M,)``.
            followed: Whether it followed gradients; what a search without any leaves says nothing
                of whether rules are at odds.
            continued: Whether it began at the best point of others, as a search does that gradients
                help; how near it came says nothing of them.
        """
        clean = self._clean[idx]
        left = margin / torch.where(clean < 0, clean, -torch.ones_like(clean))
        self._least[idx] = torch.minimum(self._least[idx], left)
        if followed:
            self._most[idx] = torch.maximum(self._most[idx], left)
            self._rising[idx] = rising
            if not continued:
                self._led[idx] = torch.minimum(self._led[idx], left)
        else:
            self._searched[idx] = torch.minimum(self._searched[idx], left)

    def states(self) -> Tensor:
        """The state of every item as a position in ``STATES``, int64 ``(N,)``."""
        close, near = self._shares
        unseen = self._most == -torch.inf
        odds = self._most - self._least > _ODDS
        state = torch.full_like(self._least, STATES.index("far"), dtype=torch.int64)
        state[odds | self._rising | (self._least <= near)] = STATES.index("near")
        state[~unseen & (self._least > 1 - _BLIND)] = STATES.index("blind")
        state[unseen | (self._least <= close)] = STATES.index("close")
        state[~unseen & (self._searched < self._led + _NEARLY)] = STATES.index("misled")
        return state

    def within(self, states: tuple[str, ...]) -> Tensor:
        """Which items are in one of these states, bool ``(N,)``."""
        wanted = torch.tensor([name in states for name in STATES], device=self._least.device)
        return wanted[self.states()]


def are_probabilities(logits: Tensor) -> bool:
    """Whether every row of ``(N, K)`` outputs is a distribution over two classes or more.

    Example:
        >>> z = torch.tensor([[2.0, 1.0, 0.0]])
        >>> are_probabilities(z), are_probabilities(z.softmax(1))
        (False, True)
    """
    if not len(logits) or logits.shape[1] < 2:
        return False
    sums = logits.double().sum(1)
    return bool((logits >= 0).all()) and bool(((sums - 1).abs() < 1e-4).all())
