"""Where a training run is: which step of which epoch, on which items."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from spikeproof.base import Seeds
from spikeproof.data import Split
from spikeproof.train.hooks.hook import Moment
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.loop.clean_model import Natural

__all__ = ["Place"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One step of a run.

    Args:
        epoch: From 1.
        step: Within the epoch, from 0; -1 for a look at validation items.
        steps: Of the epoch; 0 for a look at validation items.
        batch: Items, augmented and where the model is.
        seeds: One key per item, of this epoch.
        progress: Share of the training that is done, in [0, 1].
    """

    epoch: int
    step: int
    steps: int = 0
    batch: Split
    seeds: Seeds
    progress: float

    @property
    def taken(self) -> int:
        """Steps of the run before this one."""
        return (self.epoch - 1) * self.steps + self.step

    def moment(
        self, model: nn.Module, inputs: Inputs | None, natural: Natural | None = None
    ) -> Moment:
        """What rules see of the step."""
        return Moment(
            model=model,
            x=self.batch.x,
            y=self.batch.y,
            seeds=self.seeds,
            inputs=inputs,
            epoch=self.epoch,
            step=self.step,
            last=self.step == self.steps - 1,
            start={} if natural is None else natural.start,
            natural={} if natural is None else natural.tensors,
        )
