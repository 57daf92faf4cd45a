"""What a training run does, apart from the model and the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from spikeproof.base import SettingError, check_count, check_seed, record_of
from spikeproof.data import Dataset
from spikeproof.train.augment.registry import Augmentation, check_augmentations
from spikeproof.train.loop.robust_validation import RobustValidation
from spikeproof.train.loop.settings import TrainingSettings
from spikeproof.train.objective import Objective

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything that decides a run besides model and data.

    Args:
        objective: What is minimised.
        epochs: Passes over the training items.
        seed: Decides order, augmentation, random starts and the draws of dropout.
        settings: Optimiser, schedule and selection.
        augment: Changes of the training items, in this order.
        robust_validation: Attacks on validation items after every epoch; None makes none.
    """

    objective: Objective
    epochs: int
    seed: int = 0
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    augment: Sequence[Augmentation] = ()
    robust_validation: RobustValidation | None = None

    def __post_init__(self) -> None:
        check_count(self, "epochs")
        object.__setattr__(self, "seed", check_seed(self.seed, "fit: seed"))

    def record(self) -> dict[str, Any]:
        """Plain data, equal exactly for equal jobs."""
        record = record_of(self)
        # Its name in every record there is: checkpoints compare it, and so do cells.
        record["exam"] = record.pop("robust_validation")
        return record

    def check(self, data: Dataset, device: str) -> None:
        """Refuse what does not go together, before any work is done."""
        select = self.settings.select
        if not len(data.validation) and (select != "last" or self.robust_validation is not None):
            raise SettingError(
                f"fit: TrainingSettings(select={select!r}) needs validation items and there are "
                "none; give some, or use TrainingSettings(select='last') without robust validation."
            )
        if select in ("robust", "union") and self.robust_validation is None:
            raise SettingError(
                f"fit: TrainingSettings(select={select!r}) needs robust validation, e.g. "
                "robust_validation=RobustValidation(threats=(threat,))."
            )
        self.objective.check(data)
        if self.settings.precision == "bfloat16" and device != "cuda":
            raise SettingError(
                "fit: TrainingSettings(precision='bfloat16') is mixed precision on CUDA, and the "
                f"model is on {device}; move it with model.to('cuda'), or use precision='float32'."
            )
        check_augmentations(data.domain, self.augment)
