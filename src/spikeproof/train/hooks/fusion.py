"""RAMP's fusion with natural training: what the two gradients agree on is added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import check_fraction
from spikeproof.train.hooks.hook import BEFORE
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.loop.step import Step

__all__ = ["NaturalFusion", "fused"]


@HOOKS.register("natural_fusion")
@dataclass(frozen=True, kw_only=True)
class NaturalFusion:
    r"""Mix the robust gradient with the part of the natural one that points the same way (RAMP).

    For every parameter tensor, with the objective's gradient :math:`g_r` and the gradient of the
    cross-entropy of the unattacked items :math:`g_n`:

    .. math:: g \leftarrow \beta \max(0, \cos(g_n, g_r))\, g_n + (1 - \beta)\, g_r

    Args:
        share: :math:`\beta`, in [0, 1]; published 0.5.
    Raises:
        SettingError: a share outside [0, 1].
    Cost: 1 forward and 1 backward of the unattacked items per step.
    Differs from the paper:
        The paper fuses once per epoch, with the changes of the weights (and running statistics)
        that a natural and a robust epoch make, each with an optimiser of its own: the hook
        ``EpochFusion``. This fuses the gradients of every step, so that no second model is kept.
        Both are the same where an epoch is one step of plain SGD; over longer epochs the two
        models of the paper part. The natural pass keeps out of running statistics.
    Example:
        >>> from spikeproof.base import seeds
        >>> layer = torch.nn.Linear(1, 2, bias=False)
        >>> _ = layer.weight.data.zero_()
        >>> layer.weight.grad = torch.tensor([[-1.0], [1.0]])
        >>> x, y = torch.ones(1, 1), torch.tensor([0])
        >>> step = Step(model=layer, x=x, y=y, seeds=seeds(0, n=1))
        >>> NaturalFusion(share=0.5)(step)  # the natural gradient is (-.5, .5): cosine 1
        >>> [round(g, 4) for g in layer.weight.grad.flatten().tolist()]
        [-0.75, 0.75]

    References:
        jiang2024ramp
    """

    when: ClassVar[str] = BEFORE

    share: float = 0.5

    def __post_init__(self) -> None:
        check_fraction(self, "share")

    def __call__(self, step: Step) -> None:
        """Change the gradients of the step's model."""
        trained = [p for p in step.model.parameters() if p.grad is not None]
        error = F.cross_entropy(step.logits(), step.y)
        natural = torch.autograd.grad(error, trained, allow_unused=True)
        for parameter, grad in zip(trained, natural, strict=True):
            robust = parameter.grad
            assert robust is not None
            alone = (1 - self.share) * robust
            parameter.grad = alone if grad is None else fused(grad, robust, self.share)


def fused(natural: Tensor, robust: Tensor, share: float) -> Tensor:
    """What one tensor's natural and robust change make together; they may have any shape."""
    lengths = (natural.norm() * robust.norm()).clamp_min(torch.finfo(natural.dtype).tiny)
    agreement: Tensor = ((natural * robust).sum() / lengths).clamp(0, 1)
    return (1 - share) * robust + share * agreement * natural
