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
            ``TrainingSettings.select`` names; a tie is wrong. None without validation items.
        validation_loss: The objective's loss in evaluation mode, on its own inputs with
            ``select="objective"``, else on clean ones.
        clean_accuracy: Share of unperturbed validation items classified right.
        training_accuracy: Share of training inputs classified right, each in the step it was
            trained in.
        robust: With a ``RobustValidation``: share of its items that stand, by threat.
        union: With a ``RobustValidation``: share that stands under every threat.
        firing: Spikes per unit and step of each spiking layer, on up to 256 validation items.
        forward: Items sent through the model in this epoch, attacks and validation included.
        backward: Times the gradient of an item went back through the model.
        shift: Where hooks changed weights after the optimiser's step: l_2 norms of their change
            (``"rules"``), of the optimiser's (``"optimizer"``) and of the weights themselves
            (``"weights"``), over the weights that hooks changed; means over the steps they did. A
            fusion of epochs is set beside the optimiser's change of the whole epoch.
        warnings: What went wrong, by a short key; each key once in a run.
    """

    epoch: int
    loss: float
    parts: Mapping[str, float]
    learning_rate: float
    validation_accuracy: float | None
    validation_loss: float | None
    clean_accuracy: float | None
    training_accuracy: float | None = None
    robust: Mapping[str, float] = field(default_factory=dict)
    union: float | None = None
    firing: Mapping[str, float] = field(default_factory=dict)
    forward: int = 0
    backward: int = 0
    shift: Mapping[str, float] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (
            "parts",
            "robust",
            "firing",
            "shift",
            "warnings",
        ):  # as a record would have them
            object.__setattr__(self, name, dict(sorted(getattr(self, name).items())))

    def numbers(self) -> dict[str, float]:
        """What is worth watching, by name; what was not measured is left out."""
        named = {
            "loss": self.loss,
            **self.parts,
            "training_accuracy": self.training_accuracy,
            "validation_accuracy": self.validation_accuracy,
            **self.robust,
            "union": self.union,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class History:
    """The record of a training run.

    Args:
        epochs: One entry per epoch.
        best_epoch: Number of the epoch whose weights the model was left with.
        parameters: How many weights were trained.
        seconds: Wall time, over all calls where a ``directory`` kept count; no part of the
            record, and not compared.
        peak_bytes: Most memory that was held: of the GPU by the model, or of the computer by the
            whole process; no part of the record, and not compared.
    Example:
        >>> History(epochs=(), best_epoch=1, parameters=7, seconds=0.5).record()
        {'epochs': 0, 'best_epoch': 1, 'history': [], 'parameters': 7}
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    parameters: int
    seconds: float = field(default=0.0, compare=False)
    peak_bytes: int = field(default=0, compare=False)

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the model was left with."""
        return self.epochs[self.best_epoch - 1]

    @property
    def warnings(self) -> dict[str, str]:
        """What went wrong in any epoch, by key."""
        return {key: message for epoch in self.epochs for key, message in epoch.warnings.items()}

    def record(self) -> dict[str, Any]:
        """Plain data, the same for every run with the same inputs."""
        return {
            "epochs": len(self.epochs),
            "best_epoch": self.best_epoch,
            "history": [asdict(epoch) for epoch in self.epochs],
            "parameters": self.parameters,
        }
