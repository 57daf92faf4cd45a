"""The training items of a run, batch by batch: fetched, changed, and put on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, seeds
from spikeproof.data import Domain, Split, Views
from spikeproof.train.augment.registry import Augmentation, augmented
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.loop.clean_model import CleanModel
from spikeproof.train.loop.step import Step

__all__ = ["Loader"]

# A draw for many items costs little more than one for few, until the items leave the caches.
_BATCHES, _BYTES = 16, 1 << 21


@dataclass(frozen=True, kw_only=True)
class Loader:
    """What each step of a run meets.

    Args:
        model: In training.
        items: The training split.
        domain: Of the items.
        augment: Changes of the items, drawn per item and epoch.
        seed: Of the run.
        epochs: Of the run.
        device: Where the model is.
        inputs: Of the objective.
        clean: The model that is trained on unattacked items beside, if a hook asks for one.
    """

    model: nn.Module
    items: Split
    domain: Domain | Views
    augment: Sequence[Augmentation]
    seed: int
    epochs: int
    device: torch.device
    inputs: Inputs | None = None
    clean: CleanModel | None = None

    def steps(self, epoch: int, order: Sequence[Tensor]) -> Iterator[Step]:
        """The steps of an epoch on the items at each of ``order``, some batches made at a time."""
        size = self.items.x[0].nbytes * len(order[0])
        ahead = max(1, min(_BATCHES, _BYTES // max(1, size)))
        for first in range(0, len(order), ahead):
            some = order[first : first + ahead]
            batch, keys = self._fetched(epoch, torch.cat(list(some)))
            begin = 0
            for index, idx in enumerate(some, first):
                part = slice(begin, begin + len(idx))
                begin = part.stop
                yield self._step(batch[part], keys[part], epoch, index, steps=len(order))

    def step(self, epoch: int, index: int, steps: int, idx: Tensor) -> Step:
        """One step of ``steps`` on the items at ``idx``."""
        return self._step(*self._fetched(epoch, idx), epoch, index, steps=steps)

    def _fetched(self, epoch: int, idx: Tensor) -> tuple[Split, Seeds]:
        """Items as the model meets them in an epoch, and a key for each."""
        batch = self.items[idx]
        keys = seeds(self.seed, items=batch.items)
        x = augmented(batch.x, self.domain, self.augment, seeds=keys.child("augmentation", epoch))
        batch = replace(batch, x=x.to(self.device), y=batch.y.to(self.device))
        return batch, keys.child("inputs", epoch)

    def _step(self, batch: Split, keys: Seeds, epoch: int, index: int, *, steps: int) -> Step:
        """A step with its items."""
        return Step.on(
            batch,
            model=self.model,
            seeds=keys,
            inputs=self.inputs,
            epoch=epoch,
            index=index,
            steps=steps,
            progress=((epoch - 1) * steps + index) / (self.epochs * steps),
            start={} if self.clean is None else self.clean.start,
            clean_model={} if self.clean is None else self.clean.tensors,
        )
