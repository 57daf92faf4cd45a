"""A watch for catastrophic overfitting, to which training with one-step attacks is prone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import torch

from spikeproof.attacks import PGD
from spikeproof.base import Diverged, SettingError, check_one_of, check_positive
from spikeproof.oracle import Oracle
from spikeproof.threats import Misclassification
from spikeproof.train.hooks.hook import END
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.loop.step import Step

__all__ = ["OverfittingWatch"]


@HOOKS.register("overfitting_watch")
@dataclass(frozen=True, kw_only=True)
class OverfittingWatch:
    r"""Say when a model resists the attack it is trained on but not a longer one.

    After the last step of every epoch, on up to ``items`` items of it:

    .. math:: a_1 - a_k > \text{gap}

    where :math:`a_1` is the accuracy under the objective's own inputs and :math:`a_k` under PGD of
    ``steps`` steps with the same threat, the worst of all threats counting. A one-step attack that
    has stopped working shows as a gap that jumps from a few points to most of the accuracy.

    Args:
        gap: Largest difference that is no cause for concern, in (0, 1).
        steps: Of the longer attack, > 0.
        items: How many items are looked at, at most the batch.
        action: ``"warn"``, or ``"stop"`` the training with Diverged.
    Raises:
        SettingError: a number outside its range, or an objective without adversarial inputs.
        Diverged: with ``"stop"``, when the gap is exceeded.
    Cost: once per epoch, per item: the inputs' own cost and 1 forward, and for every threat
        ``steps + 3`` forwards and ``steps`` backwards to the input.
    References:
        wong2020fast
    """

    when: ClassVar[str] = END
    moves: ClassVar[bool] = False

    gap: float = 0.2
    steps: int = 10
    items: int = 128
    action: str = "warn"

    def __post_init__(self) -> None:
        check_positive(self, "gap", "steps", "items")
        check_one_of(self.action, ("warn", "stop"), "OverfittingWatch.action")

    def check(self, inputs: Inputs | None) -> None:
        """Raise SettingError unless there are attacks to compare."""
        if inputs is None or not inputs.against:
            raise SettingError(
                "OverfittingWatch compares attacks; give the objective adversarial inputs, or "
                "leave the hook out."
            )

    def __call__(self, step: Step) -> None:
        """Look at the end of an epoch."""
        short, long = self.accuracies(step)
        if short - long <= self.gap:
            return
        sentence = (
            f"Catastrophic overfitting after epoch {step.epoch}: accuracy {short:.2f} under the "
            f"inputs it is trained on, {long:.2f} under PGD with {self.steps} steps. Train with "
            "more steps or a smaller radius; weights of an earlier epoch may be sound."
        )
        if self.action == "stop":
            raise Diverged(sentence)
        warnings.warn(sentence, stacklevel=2)

    def accuracies(self, step: Step) -> tuple[float, float]:
        """Accuracy under the objective's own inputs, and under the longer attack."""
        inputs = step.inputs
        self.check(inputs)
        assert inputs is not None
        x, y, keys = step.x[: self.items], step.y[: self.items], step.seeds[: self.items]
        goal = Misclassification(y)
        x_adv = inputs.judged(step.model, x, y, seeds=keys)
        with Oracle(step.model, seeds=keys) as oracle:
            short = goal.margin(oracle.logits(x_adv)) <= 0
            long = torch.ones_like(short)
            for number, threat in enumerate(inputs.against):
                attack = PGD(steps=self.steps, step_size=min(1.0, 2.5 / self.steps))
                attack_keys = keys.child("watch", number)
                x_far = attack(oracle, x, goal, threat, seeds=attack_keys)
                long &= goal.margin(oracle.logits(x_far)) <= 0
        return float(short.double().mean()), float(long.double().mean())
