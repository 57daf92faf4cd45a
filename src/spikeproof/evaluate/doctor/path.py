"""What an attack went through: scores, gradients and wins, noted while it asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikeproof.oracle import Oracle

__all__ = ["AttackPath", "WatchedOracle"]


@dataclass(eq=False)
class AttackPath:
    """What gradients of an attack on N items were like.

    Args:
        n: Items.
    """

    n: int
    cosine: Tensor = field(init=False)
    pairs: Tensor = field(init=False)
    won: Tensor = field(init=False)
    last_x: Tensor | None = field(default=None, init=False)
    last_grad: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.cosine = torch.zeros(self.n, dtype=torch.float64)
        self.pairs = torch.zeros(self.n, dtype=torch.int64)
        self.won = torch.zeros(self.n, dtype=torch.bool)

    def note(self, idx: Tensor, x: Tensor, grad: Tensor, wrong: Tensor) -> None:
        """Add one question about the items of these numbers, ``(M,)``.

        Args:
            idx: Which items.
            x: Where they were asked about, ``(M, *shape)``.
            grad: The gradient there.
            wrong: Whether the answer there was the attacker's.
        """
        x, now = x.detach().cpu(), grad.detach().cpu()
        if self.last_x is None or self.last_grad is None:
            self.last_x = x.new_full((self.n, *x.shape[1:]), torch.nan)
            self.last_grad = now.new_zeros((self.n, *now.shape[1:]))
        self.won[idx] |= wrong.cpu()
        before = self.last_grad[idx].flatten(1).double()
        after = now.flatten(1).double()
        known = before.any(1) & after.any(1)
        cosine = torch.cosine_similarity(before, after, dim=1)
        self.cosine[idx] += torch.where(known, cosine, torch.zeros_like(cosine))
        self.pairs[idx] += known
        self.last_grad[idx], self.last_x[idx] = now, x

    def take(self, part: Tensor, other: AttackPath) -> None:
        """Put what was noted of some of the items in its place.

        Args:
            part: Which items, int64 ``(M,)``.
            other: Of these alone.
        """
        for name in ("cosine", "pairs", "won"):
            getattr(self, name)[part] = getattr(other, name)
        if other.last_x is None or other.last_grad is None:
            return
        if self.last_x is None or self.last_grad is None:
            self.last_x = other.last_x.new_full((self.n, *other.last_x.shape[1:]), torch.nan)
            self.last_grad = other.last_grad.new_zeros((self.n, *other.last_grad.shape[1:]))
        self.last_x[part], self.last_grad[part] = other.last_x, other.last_grad

    def mean_cosine(self, which: Tensor) -> float | None:
        """Mean cosine of successive gradients over some items, bool ``(N,)``; None without any."""
        known = which & (self.pairs > 0)
        if not known.any():
            return None
        return float((self.cosine[known] / self.pairs[known]).mean())


class WatchedOracle(Oracle):
    """An oracle that notes what an attack asks for, once ``watching`` has been called."""

    path: AttackPath
    wrong: Callable[[Tensor, Tensor], Tensor]

    def watching(
        self, path: AttackPath, wrong: Callable[[Tensor, Tensor], Tensor]
    ) -> WatchedOracle:
        """Note in ``path`` from now on; ``wrong(logits, idx)`` says which answers are won."""
        self.path, self.wrong = path, wrong
        return self

    def logits_and_grad(
        self, x: Tensor, score: Callable[[Tensor], Tensor], idx: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As of :class:`Oracle`."""
        logits, grad = super().logits_and_grad(x, score, idx)
        where = self._positions(len(x), idx)
        self.path.note(where, x, grad, self.wrong(logits, where))
        return logits, grad
