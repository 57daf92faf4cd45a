"""RAMP's fusion as published: once an epoch, with what two trainings made of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from spikeproof.base import SettingError, check_fraction
from spikeproof.train.hooks.fusion import fused
from spikeproof.train.hooks.hook import END
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.loop.clean_model import held
from spikeproof.train.loop.step import Step

__all__ = ["EpochFusion"]


@HOOKS.register("epoch_fusion")
@dataclass(frozen=True, kw_only=True)
class EpochFusion:
    r"""Mix the change of a robust epoch with what a natural one has in common with it (RAMP).

    From the weights :math:`f` at the start of an epoch, the objective leads to :math:`f_r`, and the
    cross-entropy of the unattacked items, with an optimiser of its own, to :math:`f_n`. At the end,
    for every parameter tensor and running statistic, with :math:`g_r = f_r - f` and
    :math:`g_n = f_n - f`:

    .. math:: f \leftarrow f + \beta \max(0, \cos(g_n, g_r))\, g_n + (1 - \beta)\, g_r

    The clean model, ``Step.clean_model``, is trained with the run's settings and learning rate,
    on the batches of the run. Both optimisers go on from epoch to epoch. With averaged weights, the
    average takes in the robust model after every step and the fused one after the last.
    ``Epoch.shift`` sets the change that is made here beside the whole robust epoch's.

    Args:
        share: :math:`\beta`, in [0, 1]; published 0.5. 0 leaves the robust training alone.
    Raises:
        SettingError: a share outside [0, 1]; in a call, a step without a clean model.
        Diverged: in ``fit``, where the gradient of the clean model is not finite.
    Cost: 1 forward and 1 backward of the unattacked items and 1 step of an optimiser per step; two
        more copies of the weights and the state of a second optimiser in memory.
    Differs from the paper:
        The clean model meets the items in the batches, order and augmentation of the robust one;
        the published code trains it on an order of its own, before the robust epoch. Weight decay
        is that of the run for both.
    Example:
        >>> from spikeproof.base import seeds
        >>> layer = torch.nn.Linear(1, 2, bias=False)  # after an epoch that began at 0
        >>> _ = layer.weight.data.copy_(torch.tensor([[1.0], [-1.0]]))
        >>> start, natural = torch.zeros(2, 1), torch.tensor([[0.5], [-0.5]])  # cosine 1
        >>> x, y = torch.ones(1, 1), torch.tensor([0])
        >>> epoch = {"start": {"weight": start}, "clean_model": {"weight": natural}}
        >>> step = Step(model=layer, x=x, y=y, seeds=seeds(0, n=1), steps=1, **epoch)
        >>> EpochFusion(share=0.5)(step)
        >>> [round(w, 4) for w in layer.weight.flatten().tolist()]
        [0.75, -0.75]

    References:
        jiang2024ramp
    """

    when: ClassVar[str] = END
    clean_model: ClassVar[bool] = True

    share: float = 0.5

    def __post_init__(self) -> None:
        check_fraction(self, "share")

    @torch.no_grad()
    def __call__(self, step: Step) -> None:
        """Change weights and running statistics of the step's model."""
        if not step.clean_model:
            raise SettingError(
                "EpochFusion needs the clean model that fit trains beside; outside of fit, give "
                "the step start= and clean_model=, parameters and buffers by name."
            )
        for name, tensor in held(step.model).items():
            start = step.start[name]
            # Where the robust epoch changed nothing, nothing is shared; counts stay its own.
            if tensor.is_floating_point() and not torch.equal(tensor, start):
                robust = tensor - start
                natural = step.clean_model[name] - start
                tensor.add_(fused(natural, robust, self.share) - robust)
