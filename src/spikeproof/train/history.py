"""What a training run did, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Epoch", "History"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training items.

    Args:
        epoch: Its number, from 1.
        loss: Mean training loss over the epoch's items.
        parts: Mean of each term before weighting, by name.
        learning_rate: The rate of its first step.
        validation_accuracy: Share of validation items classified right, under the inputs that
            ``Training.select`` names; a tie is wrong. None without validation items.
        validation_loss: The objective's loss on the same inputs, in evaluation mode.
        clean_accuracy: Share of unperturbed validation items classified right.
    """

    epoch: int
    loss: float
    parts: Mapping[str, float]
    learning_rate: float
    validation_accuracy: float | None
    validation_loss: float | None
    clean_accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class History:
    """The record of a training run.

    Args:
        epochs: One entry per epoch.
        best_epoch: Number of the epoch whose weights the model was left with.
        parameters: How many weights were trained.
        seconds: Wall time of the call that returned this; no part of the record, and not
            compared. A resumed run counts only what it did itself.
    Example:
        >>> History(epochs=(), best_epoch=1, parameters=7, seconds=0.5).record()
        {'epochs': 0, 'best_epoch': 1, 'history': [], 'parameters': 7}
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    parameters: int
    seconds: float = field(default=0.0, compare=False)

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the model was left with."""
        return self.epochs[self.best_epoch - 1]

    def record(self) -> dict[str, Any]:
        """Plain data, the same for every run with the same inputs."""
        return {
            "epochs": len(self.epochs),
            "best_epoch": self.best_epoch,
            "history": [asdict(epoch) for epoch in self.epochs],
            "parameters": self.parameters,
        }
