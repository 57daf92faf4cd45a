"""What the attacker wants: one number per item, positive exactly when it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from spikeproof.base import InputError, check_finite, check_labels, check_one_of

__all__ = ["Aim", "Goal", "Shift"]

LOSSES = ("margin", "cross_entropy")


class Aim(Protocol):
    """What an attack asks of a goal."""

    def margin(self, logits: Tensor) -> Tensor:
        """Positive exactly where the attacker has won, ``(N,)``."""
        ...

    def score(self, logits: Tensor) -> Tensor:
        """What the attacker climbs, ``(N,)``."""
        ...

    def __getitem__(self, which: Tensor | slice) -> Aim:
        """The goal of the chosen items."""
        ...


@dataclass(frozen=True, eq=False)
class Goal:
    r"""Misclassification, or classification as a class of the attacker's choice.

    Untargeted ``margin = max_{j != y} z_j - z_y``, targeted ``margin = z_y - max_{j != y} z_j``.
    A tie counts as won and gets the smallest positive number.

    Args:
        y: True classes, or the wanted ones where ``targeted``; int64 ``(N,)``.
        targeted: Whether ``y`` is what the attacker wants.
        loss: What is climbed: the ``"margin"``, or the ``"cross_entropy"`` (falling towards the
            target where ``targeted``).
    Raises:
        SettingError: unknown loss.
        InputError: labels that are not integers.
    Example:
        >>> goal = Goal(torch.tensor([0, 1]))
        >>> goal.margin(torch.tensor([[2.0, 1.0, 0.0], [3.0, 1.0, 0.0]]))
        tensor([-1.,  2.])
    """

    y: Tensor
    targeted: bool = False
    loss: str = "margin"

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "loss")
        check_labels(self.y, 1 << 62)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> Goal:
        """The goal of the chosen items."""
        return Goal(self.y[which], self.targeted, self.loss)

    def margin(self, logits: Tensor) -> Tensor:
        """Positive exactly where the attacker has won.

        Args:
            logits: ``(N, K)`` with at least two classes.
        Returns:
            ``(N,)``.
        Raises:
            InputError: logits that are not finite, of the wrong shape or for other labels.
        """
        gap = self._gap(self._checked(logits))
        return torch.where(gap == 0, torch.full_like(gap, torch.finfo(gap.dtype).tiny), gap)

    def score(self, logits: Tensor) -> Tensor:
        """What the attacker climbs, ``(N,)``; differentiable in the logits."""
        logits = self._checked(logits)
        if self.loss == "margin":
            return self._gap(logits)
        surprise = functional.cross_entropy(logits, self.y, reduction="none")
        return -surprise if self.targeted else surprise

    def _gap(self, logits: Tensor) -> Tensor:
        """The margin before ties are decided."""
        own = logits.gather(1, self.y[:, None]).squeeze(1)
        mask = torch.zeros_like(logits, dtype=torch.bool).scatter(1, self.y[:, None], True)
        rival = logits.masked_fill(mask, -torch.inf).max(1).values
        return own - rival if self.targeted else rival - own

    def _checked(self, logits: Tensor) -> Tensor:
        """The logits, if they can be judged."""
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(
                f"Logits must have shape (N, K) with K >= 2 classes; got {tuple(logits.shape)}. "
                "Average over timesteps inside the model."
            )
        check_labels(self.y, logits.shape[1], len(logits))
        return check_finite(logits, "The logits")


@dataclass(frozen=True, eq=False)
class Shift:
    r"""Move the probability of the true class away from where it started, up or down.

    ``margin = score = sign * (softmax_y(logits) - start)``: the inner problem of the adversarial
    vulnerability, run once for each sign.

    Args:
        y: True classes, int64 ``(N,)``.
        start: Probability of the true class at the clean input, ``(N,)``.
        sign: +1 to raise it, -1 to lower it.
    Raises:
        InputError: labels that are not integers, or another number of starts.
    Example:
        >>> shift = Shift(torch.tensor([0]), torch.tensor([0.9]), -1)
        >>> round(shift.margin(torch.tensor([[0.0, 0.0]])).item(), 3)
        0.4
    """

    y: Tensor
    start: Tensor
    sign: float = 1.0

    def __post_init__(self) -> None:
        check_labels(self.y, 1 << 62)
        if self.start.shape != self.y.shape:
            raise InputError(
                f"Shift needs one start per item; got {tuple(self.start.shape)} for "
                f"{len(self.y)} items."
            )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> Shift:
        """The goal of the chosen items."""
        return Shift(self.y[which], self.start[which], self.sign)

    def margin(self, logits: Tensor) -> Tensor:
        """How far the probability has moved in the wanted direction, ``(N,)``."""
        check_finite(logits, "The logits")
        probability = logits.softmax(1).gather(1, self.y[:, None]).squeeze(1)
        return self.sign * (probability - self.start)

    def score(self, logits: Tensor) -> Tensor:
        """The same as ``margin``."""
        return self.margin(logits)
