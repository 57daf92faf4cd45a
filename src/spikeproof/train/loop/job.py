"""What a training run is told to do, apart from the model and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spikeproof.base import SettingError, check_at_least, record_of
from spikeproof.data import Dataset
from spikeproof.train.augment.registry import Augmentation, check_augmentations
from spikeproof.train.loop.robust_validation import Exam
from spikeproof.train.loop.settings import Training
from spikeproof.train.objective import Objective

__all__ = ["Assignment"]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Everything that decides a run besides model and data.

    Args:
        objective: What is minimised.
        epochs: Passes over the training items.
        seed: Decides order, augmentation, random starts and the draws of dropout.
        settings: Optimiser, schedule and selection.
        augment: Changes of the training items, in this order.
        exam: Robustness on validation items, measured after every epoch; None does not.
    """

    objective: Objective
    epochs: int
    seed: int = 0
    settings: Training = field(default_factory=Training)
    augment: Sequence[Augmentation] = ()
    exam: Exam | None = None

    def record(self) -> dict[str, Any]:
        """Plain data, equal exactly for equal assignments."""
        return record_of(self)

    def check(self, data: Dataset, device: str) -> None:
        """Refuse what does not go together, before any work is done."""
        select = self.settings.select
        check_at_least(1, self.epochs, "fit: epochs")
        if not len(data.validation) and (select != "last" or self.exam is not None):
            raise SettingError(
                f"fit: Training(select={select!r}) needs validation items and there are none; give "
                "some, or use Training(select='last') without an exam."
            )
        if select in ("robust", "union") and self.exam is None:
            raise SettingError(
                f"fit: Training(select={select!r}) needs an exam, e.g. "
                "exam=Exam(threats=(threat,))."
            )
        self.objective.check(data)
        if self.settings.precision == "bfloat16" and device != "cuda":
            raise SettingError(
                "fit: Training(precision='bfloat16') is mixed precision on CUDA, and the model is "
                f"on {device}; move it with model.to('cuda'), or use precision='float32'."
            )
        check_augmentations(data.domain, self.augment)
