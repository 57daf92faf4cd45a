"""How a model is trained, apart from what is minimised."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_one_of, check_positive

__all__ = ["OPTIMIZERS", "SCHEDULES", "SELECTIONS", "Training"]

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine")
SELECTIONS = ("clean", "last", "objective")


@dataclass(frozen=True, kw_only=True)
class Training:
    r"""Optimiser, schedule and selection of a training run.

    .. math:: \eta_s = \tfrac{\eta}{2}\,(1 + \cos(\pi s / S)) \quad\text{(cosine; step } s
        \text{ of } S)

    Args:
        batch_size: Most items per step, >= 1; an epoch is cut into batches of equal size, give
            or take one item, so no batch is left tiny.
        learning_rate: :math:`\eta`, > 0.
        optimizer: ``"adam"``, ``"adamw"`` or ``"sgd"``.
        momentum: Of ``"sgd"``, in [0, 1); the others ignore it.
        weight_decay: >= 0; coupled for ``"adam"`` and ``"sgd"``, decoupled for ``"adamw"``.
        schedule: ``"cosine"`` to zero over the whole run, or ``"constant"``.
        gradient_clip: Largest l_2 norm of the whole gradient; None does not clip.
        select: Which weights the run ends with, judged on the validation items: best accuracy
            under the objective's own inputs (``"objective"``: adversarial for adversarial
            training), best accuracy on ``"clean"`` items, or the ``"last"`` ones. Ties go to the
            lower validation loss, then to the earlier epoch.
    Raises:
        SettingError: a value outside its range.
    Example:
        >>> Training(optimizer="sgd", learning_rate=0.1).momentum
        0.9
    """

    batch_size: int = 64
    learning_rate: float = 5e-3
    optimizer: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    gradient_clip: float | None = None
    select: str = "objective"

    def __post_init__(self) -> None:
        check_positive(self, "learning_rate", "batch_size")
        if isinstance(self.batch_size, bool) or not isinstance(self.batch_size, int):
            raise SettingError(
                f"Training.batch_size must be a whole number; got {self.batch_size!r}."
            )
        if not 0 <= self.momentum < 1:
            raise SettingError(f"Training.momentum must lie in [0, 1); got {self.momentum!r}.")
        if not 0 <= self.weight_decay < math.inf:
            raise SettingError(
                f"Training.weight_decay must be finite and >= 0; got {self.weight_decay!r}."
            )
        if self.gradient_clip is not None:
            check_positive(self, "gradient_clip")
        check_one_of(self.optimizer, OPTIMIZERS, "Training.optimizer")
        check_one_of(self.schedule, SCHEDULES, "Training.schedule")
        check_one_of(self.select, SELECTIONS, "Training.select")

    def make_optimizer(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """A fresh optimiser over ``parameters``."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=rate, momentum=self.momentum, weight_decay=decay)
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
        return kind(parameters, lr=rate, weight_decay=decay)

    def rate(self, step: int, total: int) -> float:
        """The learning rate of step ``step``, counted from 0, of ``total``."""
        if self.schedule == "constant":
            return self.learning_rate
        return 0.5 * self.learning_rate * (1 + math.cos(math.pi * step / total))
