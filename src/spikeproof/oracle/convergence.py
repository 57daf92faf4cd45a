"""Whether an attack was still gaining when it stopped."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Trend"]

# As published: the best score of the run, scaled to [0, 1], over the last ten steps.
_WINDOW, _SHARE = 10, 0.05


class Trend:
    r"""The best score of each item so far, and what the last steps added to it.

    With :math:`b_k` the best score among the first :math:`k` of :math:`n` questions, an item is
    still rising if

    .. math:: \frac{b_n - b_{n-10}}{b_n - b_1} > 0.05

    or if it was asked about ten times or less. An item that never gained anything is not rising.

    Cost:
        Memory for eleven numbers an item, however long the attack.
    Example:
        >>> trend = Trend()
        >>> for step in range(40):
        ...     trend.note(torch.arange(2), torch.tensor([float(step), min(step, 5.0)]))
        >>> trend.not_converged(2).tolist()
        [True, False]

    References:
        pintor2022indicators
    """

    def __init__(self) -> None:
        self._first = torch.zeros(0, dtype=torch.float32)  # whatever torch's default is
        self._asked = torch.zeros(0, dtype=torch.int64)
        self._best = torch.zeros(0, _WINDOW + 1, dtype=torch.float32)

    def note(self, idx: Tensor, score: Tensor) -> None:
        """Add one question's scores ``(M,)`` about the items of these numbers, int64 ``(M,)``."""
        if not len(idx):
            return
        self._grow(int(idx.max()) + 1)
        score = score.detach().cpu().float()
        asked, known = self._asked[idx], self._best[idx]
        best = torch.maximum(known[:, -1], score)
        if not bool(asked.all()):
            fresh = asked == 0
            self._first[idx[fresh]] = score[fresh]
            best = torch.where(fresh, score, best)
        self._best[idx] = torch.cat([known[:, 1:], best[:, None]], 1)
        self._asked[idx] = asked + 1

    def not_converged(self, n: int) -> Tensor:
        """Which of the items 0 to n - 1 were still gaining, bool ``(n,)``."""
        self._grow(n)
        short = self._asked[:n] <= _WINDOW
        gain = self._best[:n, -1] - self._first[:n]
        lately = self._best[:n, -1] - self._best[:n, 0]
        return torch.where(short, self._asked[:n] > 0, lately > _SHARE * gain)

    def _grow(self, n: int) -> None:
        """Make room for the items up to ``n``."""
        more = n - len(self._asked)
        if more > 0:
            self._first = torch.cat([self._first, self._first.new_zeros(more)])
            self._asked = torch.cat([self._asked, torch.zeros(more, dtype=torch.int64)])
            self._best = torch.cat([self._best, self._best.new_zeros(more, _WINDOW + 1)])
