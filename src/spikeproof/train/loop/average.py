"""An exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["WeightAverage"]


class WeightAverage:
    r"""The moving average of everything a model's ``state_dict`` holds.

    .. math:: a \leftarrow d_s\,a + (1 - d_s)\,w, \qquad d_s = \min(d, (1 + s) / (10 + s))

    Running statistics are averaged like weights; whole numbers are copied. The second bound lets
    the average forget the first weights early on.

    Args:
        model: Gives the first weights.
        share: :math:`d`, the share of the average that stays, in (0, 1).
    Example:
        >>> model = nn.Linear(1, 1)
        >>> average = WeightAverage(model, 0.5)
        >>> start = model.weight.detach().clone()
        >>> _ = model.weight.data.add_(1.0)
        >>> average.update(model, step=0)
        >>> round(float((average.weights["weight"] - start)), 4)  # 1 - min(0.5, 1 / 10)
        0.9
    """

    def __init__(self, model: nn.Module, share: float) -> None:
        self.share = share
        self.weights = {name: t.detach().clone() for name, t in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step ``step``, counted from 0."""
        share = min(self.share, (1 + step) / (10 + step))
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.weights[name].mul_(share).add_(tensor, alpha=1 - share)
            else:
                self.weights[name].copy_(tensor)

    @contextmanager
    def inside(self, model: nn.Module) -> Iterator[None]:
        """The model has the averaged weights inside, and its own again afterwards."""
        weights = {name: t.detach().clone() for name, t in model.state_dict().items()}
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(weights)
