"""Keep the best point an attack has visited."""

from __future__ import annotations

from torch import Tensor

__all__ = ["Best"]


class Best:
    """The visited point with the largest margin of every item, never worse than where it began.

    Args:
        x: Where the search begins, ``(N, *shape)``.
        margin: Margin there, ``(N,)``.
    Example:
        >>> import torch
        >>> best = Best(torch.zeros(2, 1), torch.tensor([-1.0, -1.0]))
        >>> best.keep(torch.ones(2, 1), torch.tensor([0.5, -2.0]))
        >>> best.x.flatten().tolist(), best.margin.tolist()
        ([1.0, 0.0], [0.5, -1.0])
    """

    def __init__(self, x: Tensor, margin: Tensor) -> None:
        self.x = x.detach().clone()
        self.margin = margin.detach().clone()

    def keep(self, x_adv: Tensor, margin: Tensor, idx: Tensor | None = None) -> None:
        """Take over the items whose margin has grown; a NaN never counts as grown.

        Args:
            x_adv: Visited points, one per item, or one per entry of ``idx``.
            margin: Margins there.
            idx: Which items were visited, int64; all where absent.
        """
        grown = margin > (self.margin if idx is None else self.margin[idx])
        idx = grown.nonzero().flatten() if idx is None else idx[grown]
        self.margin[idx] = margin[grown].detach()
        self.x[idx] = x_adv[grown].detach()

    def standing(self) -> Tensor:
        """Which items are not won yet, int64 ``(M,)``."""
        return (self.margin <= 0).nonzero().flatten()
