"""How a model is trained, apart from what is minimised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import SettingError, check_count, check_fraction, check_one_of, check_positive

__all__ = ["KEPT", "OPTIMIZERS", "PRECISIONS", "SCHEDULES", "SELECTIONS", "TrainingSettings"]

KEPT = ("average", "weights")
OPTIMIZERS = ("adam", "adamw", "sgd")
PRECISIONS = ("bfloat16", "float32")
SCHEDULES = ("constant", "cosine", "step")
SELECTIONS = ("clean", "last", "objective", "robust", "union")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    r"""Optimiser, schedule, averaging and selection of a training run.

    With warm-up over the first :math:`W` of :math:`S` steps and :math:`p = (s - W) / (S - W)`,

    .. math:: \eta_s = \eta\,\tfrac{s + 1}{W} \;(s < W), \qquad
        \eta_s = \tfrac{\eta}{2}\,(1 + \cos \pi p) \;\text{(cosine)}, \qquad
        \eta_s = \eta\,\text{drop}^{\#\{m \le s / S\}} \;\text{(step)}

    Args:
        batch_size: Most items per step, >= 1; an epoch is cut into batches of equal size, give
            or take one item, so no batch is left tiny.
        learning_rate: :math:`\eta`, > 0.
        optimizer: ``"adam"``, ``"adamw"`` or ``"sgd"``.
        momentum: Of ``"sgd"``, in [0, 1); the others ignore it.
        weight_decay: >= 0; coupled for ``"adam"`` and ``"sgd"``, decoupled for ``"adamw"``.
        schedule: ``"cosine"`` to zero over the whole run, ``"step"``, or ``"constant"``.
        milestones: Of ``"step"``: the shares of the run, in (0, 1), at which the rate drops.
        drop: Of ``"step"``: what the rate is multiplied by at each, in (0, 1].
        warmup: Share of the run, in [0, 1), over which the rate rises linearly first.
        gradient_clip: Largest l_2 norm of the whole gradient; None does not clip.
        average: Keep an exponential moving average of the weights: the share of it that stays at
            each step, in (0, 1), no more than (1 + s) / (10 + s) at step s; None keeps none.
        keep: With ``average``: whether validation judges, and the run ends with, the
            ``"average"`` or the ``"weights"`` themselves.
        precision: ``"float32"``, or ``"bfloat16"`` for mixed precision (autocast) on CUDA.
        patience: Stop after this many epochs without a better one; None trains them all.
        select: Which weights the run ends with, judged on the validation items: best accuracy
            under the objective's own inputs (``"objective"``: adversarial for adversarial
            training), on ``"clean"`` items, over the threats of a ``RobustValidation``
            (``"robust"``: their mean, ``"union"``: right under all of them), or the ``"last"``
            ones. Ties go to the lower validation loss, then to the earlier epoch.
    Raises:
        SettingError: a value outside its range.
    Example:
        >>> TrainingSettings(optimizer="sgd", learning_rate=0.1).momentum
        0.9
    """

    batch_size: int = 64
    learning_rate: float = 5e-3
    optimizer: str = "adam"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75)
    drop: float = 0.1
    warmup: float = 0.0
    gradient_clip: float | None = None
    average: float | None = None
    keep: str = "average"
    precision: str = "float32"
    patience: int | None = None
    select: str = "objective"

    def __post_init__(self) -> None:
        check_positive(self, "learning_rate", "batch_size", "drop")
        check_fraction(self, "drop")
        object.__setattr__(self, "milestones", tuple(self.milestones))  # a record holds a list
        check_count(self, "batch_size", *(() if self.patience is None else ("patience",)))
        for name in ("momentum", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(
                    f"TrainingSettings.{name} must lie in [0, 1); got {getattr(self, name)!r}."
                )
        for share in (*self.milestones, *(() if self.average is None else (self.average,))):
            if not 0 < share < 1:
                raise SettingError(
                    f"TrainingSettings.milestones and average must lie in (0, 1); got {share!r}."
                )
        if not 0 <= self.weight_decay < math.inf:
            raise SettingError(
                f"TrainingSettings.weight_decay must be finite and >= 0; got {self.weight_decay!r}."
            )
        if self.gradient_clip is not None:
            check_positive(self, "gradient_clip")
        self._check_choices()

    def _check_choices(self) -> None:
        """Refuse names that do not exist, and patience with nothing to wait for."""
        check_one_of(self.optimizer, OPTIMIZERS, "TrainingSettings.optimizer")
        check_one_of(self.schedule, SCHEDULES, "TrainingSettings.schedule")
        check_one_of(self.keep, KEPT, "TrainingSettings.keep")
        check_one_of(self.precision, PRECISIONS, "TrainingSettings.precision")
        check_one_of(self.select, SELECTIONS, "TrainingSettings.select")
        if self.patience is not None and self.select == "last":
            raise SettingError(
                "TrainingSettings.patience waits for a better epoch, and select='last' takes every "
                "epoch for better than the one before; choose another select, or no patience."
            )

    def make_optimizer(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """A fresh optimiser over ``parameters``."""
        rate, decay = self.learning_rate, self.weight_decay
        if self.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=rate, momentum=self.momentum, weight_decay=decay)
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
        return kind(parameters, lr=rate, weight_decay=decay)

    def clip(self, parameters: Sequence[Tensor]) -> Tensor:
        """Clip the gradients of ``parameters``, if they are finite; their norm before."""
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        if self.gradient_clip is not None and torch.isfinite(norm):
            torch.nn.utils.clip_grads_with_norm_(parameters, self.gradient_clip, norm)
        return norm

    def rate(self, step: int, total: int) -> float:
        """The learning rate of step ``step``, counted from 0, of ``total``."""
        rise = round(self.warmup * total)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "step":
            passed = sum(share * total <= step for share in self.milestones)
            return self.learning_rate * self.drop**passed
        done = (step - rise) / (total - rise)
        return 0.5 * self.learning_rate * (1 + math.cos(math.pi * done))
