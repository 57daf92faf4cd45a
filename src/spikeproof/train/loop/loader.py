"""The training items of a run, batch by batch: fetched, changed, and put on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from spikeproof.base import Seeds, seeds
from spikeproof.data import Domain, Split, Views
from spikeproof.train.augment.registry import Augmentation, augmented
from spikeproof.train.loop.step import Place

__all__ = ["Feed"]

# A draw for many items costs little more than one for few, until the items leave the caches.
_BATCHES, _BYTES = 16, 1 << 21


@dataclass(frozen=True, kw_only=True)
class Feed:
    """What each step of a run meets.

    Args:
        items: The training split.
        domain: Of the items.
        augment: Changes of the items, drawn per item and epoch.
        seed: Of the run.
        epochs: Of the run.
        device: Where the model is.
    """

    items: Split
    domain: Domain | Views
    augment: Sequence[Augmentation]
    seed: int
    epochs: int
    device: torch.device

    def places(self, epoch: int, order: Sequence[Tensor]) -> Iterator[Place]:
        """The steps of an epoch on the items at each of ``order``, some batches made at a time."""
        size = self.items.x[0].nbytes * len(order[0])
        ahead = max(1, min(_BATCHES, _BYTES // max(1, size)))
        for first in range(0, len(order), ahead):
            some = order[first : first + ahead]
            batch, keys = self._fetched(epoch, torch.cat(list(some)))
            begin = 0
            for step, which in enumerate(some, first):
                part = slice(begin, begin + len(which))
                begin = part.stop
                yield self._place((epoch, step, len(order)), batch[part], keys[part])

    def place(self, epoch: int, step: int, steps: int, which: Tensor) -> Place:
        """One step of ``steps`` on the items at ``which``."""
        return self._place((epoch, step, steps), *self._fetched(epoch, which))

    def _fetched(self, epoch: int, which: Tensor) -> tuple[Split, Seeds]:
        """Items as the model meets them in an epoch, and a key for each."""
        batch = self.items[which]
        keys = seeds(self.seed, items=batch.items)
        x = augmented(batch.x, self.domain, self.augment, seeds=keys.child("augmentation", epoch))
        batch = replace(batch, x=x.to(self.device), y=batch.y.to(self.device))
        return batch, keys.child("inputs", epoch)

    def _place(self, where: tuple[int, int, int], batch: Split, keys: Seeds) -> Place:
        """A step with its items."""
        epoch, step, steps = where
        done = ((epoch - 1) * steps + step) / (self.epochs * steps)
        return Place(epoch=epoch, step=step, steps=steps, batch=batch, seeds=keys, progress=done)
