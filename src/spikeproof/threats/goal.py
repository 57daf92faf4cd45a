"""What the attacker wants: one number per item, positive exactly when it is reached."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from spikeproof.base import (
    InputError,
    SettingError,
    check_finite,
    check_labels,
    check_one_of,
    class_numbers,
)

__all__ = ["LOSSES", "Goal", "Misclassification", "OutputChange"]

LOSSES = ("margin", "cross_entropy", "dlr", "probability_margin")

# The denominator of DLR stays at least this large, so that nearly tied logits cannot overflow it.
SMALLEST = 1e-12

# Above it a probability p leaves 1 - p too few digits, which is then summed from the others.
_NEARLY_ONE = 0.9


class Goal(Protocol):
    """What an attack asks of a goal."""

    def margin(self, logits: Tensor) -> Tensor:
        """Positive exactly where the attacker has won, ``(N,)``."""
        ...

    def score(self, logits: Tensor) -> Tensor:
        """What the attacker maximises, ``(N,)``."""
        ...

    def __getitem__(self, which: Tensor | slice) -> Goal:
        """The goal of the chosen items."""
        ...


@dataclass(frozen=True, eq=False)
class Misclassification:
    r"""Misclassification, or classification as a class of the attacker's choice.

    Untargeted ``margin = max_{j != y} z_j - z_y``, targeted ``margin = z_y - max_{j != y} z_j``.
    A tie counts as won and gets the smallest positive number.

    Losses, ``up`` the logit the attacker raises and ``down`` the one it lowers (``z_(i)`` the i-th
    largest): ``"margin"`` is ``up - down``, the difference of logits; classes tied for the maximum
    share its gradient, so that no tied spike count hides behind another. ``"cross_entropy"``
    rises with the surprise at ``y``, and falls towards the target. ``"dlr"`` is
    ``(up - down) / (z_(1) - z_(3))``, and targeted, or with a rival,
    ``(up - down) / (z_(1) - (z_(3) + z_(4)) / 2)``: no rescaling of the logits changes it.
    ``"probability_margin"`` is ``p_up - p_down`` of the softmax probabilities, between -1 and 1.

    Args:
        y: True classes, or the wanted ones where ``targeted``; int64 ``(N,)``.
        targeted: Whether ``y`` is what the attacker wants.
        loss: What is maximised: ``"margin"``, ``"cross_entropy"``, ``"dlr"`` or
            ``"probability_margin"``.
        rival: Classes that the score raises instead of whichever comes closest, int64 ``(N,)``;
            the margin stays untargeted. Only where not ``targeted``.
    Raises:
        SettingError: unknown loss, or a rival of a targeted goal.
        InputError: labels or rivals that are not integers, or a rival that is the true class.
    Differs from the paper:
        The ratio of DLR is constant in ``down`` where ``up`` equals the subtracted logit (all
        rivals of one spike count, or towards the last of three classes), and undefined where the
        top classes are tied; there the denominator is held fixed, 1 if it is 0, and the gradient
        is that of the difference.
        With three classes the targeted denominator is the untargeted one, with two it is 1.
        The gradient of the probability margin is shorter by ``q = 1 - p_down`` than that of the
        logits and would underflow where the network is sure of itself; below ``q = 1e-12`` it
        keeps its direction and the length it has there.
    Example:
        >>> goal = Misclassification(torch.tensor([0, 1]))
        >>> goal.margin(torch.tensor([[2.0, 1.0, 0.0], [3.0, 1.0, 0.0]]))
        tensor([-1.,  2.])

    References:
        croce2020reliable
        xie2025pma
    """

    y: Tensor
    targeted: bool = False
    loss: str = "margin"
    rival: Tensor | None = None

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "loss")
        object.__setattr__(self, "y", class_numbers(self.y))
        if self.rival is None:
            return
        if self.targeted:
            raise SettingError(
                "Misclassification: a targeted goal has no rival; its y is the class to raise."
            )
        object.__setattr__(self, "rival", class_numbers(self.rival, len(self.y), "Rivals"))
        if (self.rival == self.y).any():
            item = int((self.rival == self.y).nonzero()[0])
            raise InputError(
                f"Misclassification.rival must differ from the true class; item {item} has class "
                f"{int(self.y[item])} as both."
            )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> Misclassification:
        """The goal of the chosen items."""
        rival = None if self.rival is None else self.rival[which]
        return Misclassification(self.y[which], self.targeted, self.loss, rival)

    def margin(self, logits: Tensor) -> Tensor:
        """Positive exactly where the attacker has won.

        Args:
            logits: ``(N, K)`` with at least two classes.
        Returns:
            ``(N,)``.
        Raises:
            InputError: logits that are not finite, of the wrong shape or for other labels.
        """
        logit, other = self._logit_of_y(self._checked(logits)), self._other(logits)
        gap = logit - other if self.targeted else other - logit
        return torch.where(gap == 0, torch.full_like(gap, torch.finfo(gap.dtype).tiny), gap)

    def score(self, logits: Tensor) -> Tensor:
        """What the attacker maximises, ``(N,)``; differentiable in the logits."""
        logits = self._checked(logits)
        wanted = self.y if self.targeted else self.rival
        if self.loss == "cross_entropy":
            if wanted is None:
                return functional.cross_entropy(logits, self.y, reduction="none")
            return -functional.cross_entropy(logits, wanted, reduction="none")
        if self.loss == "probability_margin":
            return _probability_margin(logits, *self._up_and_down(logits.log_softmax(1)))
        up, down = self._up_and_down(logits)
        if self.loss == "margin":
            return up - down
        return (up - down) / _spread(logits, up, 3 if wanted is None else 4)

    def _up_and_down(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """What is raised and what is lowered, of logits or of their log-probabilities."""
        logit = self._logit_of_y(logits)
        if self.rival is not None:
            return logits.gather(1, self.rival[:, None]).squeeze(1), logit
        other = self._other(logits)
        return (logit, other) if self.targeted else (other, logit)

    def _logit_of_y(self, logits: Tensor) -> Tensor:
        """The logit of ``y``."""
        return logits.gather(1, self.y[:, None]).squeeze(1)

    def _other(self, logits: Tensor) -> Tensor:
        """The largest logit of the other classes; tied ones share its gradient."""
        mask = torch.zeros_like(logits, dtype=torch.bool).scatter(1, self.y[:, None], True)
        return logits.masked_fill(mask, -torch.inf).amax(1)

    def _checked(self, logits: Tensor) -> Tensor:
        """The logits, if they can be scored."""
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(
                f"Logits must have shape (N, K) with K >= 2 classes; got {tuple(logits.shape)}. "
                "Average over timesteps inside the model."
            )
        for classes in (self.y, self.rival):
            if classes is not None:
                check_labels(classes, logits.shape[1], len(logits))
        return check_finite(logits, "The logits")


def _spread(logits: Tensor, up: Tensor, last: int) -> Tensor:
    """The denominator of DLR: the top logit above the mean of the third to the ``last``."""
    top = logits.topk(min(last, logits.shape[1]), dim=1).values
    if top.shape[1] < 3:
        return torch.ones_like(up)
    low = top[:, 2:].mean(1)
    spread = top[:, 0] - low
    fixed = torch.where(spread > 0, spread, torch.ones_like(spread)).detach()
    return torch.where((up == low) | (spread <= 0), fixed, spread).clamp(min=SMALLEST)


def _probability_margin(logits: Tensor, up: Tensor, down: Tensor) -> Tensor:
    """``p_up - p_down`` of log-probabilities, with a gradient that does not underflow."""
    # p_up - p_down = p_up + q - 1 with q = 1 - p_down. Only one class can have p above 0.9, so
    # where it is p_down, q is the sum over all classes but the largest: exact also at 1e-30.
    sure = down.detach() > math.log(_NEARLY_ONE)
    top = torch.zeros_like(logits, dtype=torch.bool).scatter(1, logits.argmax(1, True), True)
    rest = logits.masked_fill(top, -torch.inf).logsumexp(1) - logits.logsumexp(1)
    low = torch.where(sure, math.log(SMALLEST) - rest.detach(), torch.zeros_like(rest))
    lift = low.clamp(min=0)
    apart = torch.where(sure, (rest + lift).exp(), -down.exp())
    raised = (up + lift).exp() + apart
    value = (up.exp() - down.exp()).detach()
    return value + (raised - raised.detach())


@dataclass(frozen=True, eq=False)
class OutputChange:
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
        >>> shift = OutputChange(torch.tensor([0]), torch.tensor([0.9]), -1)
        >>> round(shift.margin(torch.tensor([[0.0, 0.0]])).item(), 3)
        0.4
    """

    y: Tensor
    start: Tensor
    sign: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", class_numbers(self.y))
        if self.start.shape != self.y.shape:
            raise InputError(
                f"OutputChange needs one start per item; got {tuple(self.start.shape)} for "
                f"{len(self.y)} items."
            )

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> OutputChange:
        """The goal of the chosen items."""
        return OutputChange(self.y[which], self.start[which], self.sign)

    def margin(self, logits: Tensor) -> Tensor:
        """How far the probability has moved in the wanted direction, ``(N,)``."""
        check_finite(logits, "The logits")
        probability = logits.softmax(1).gather(1, self.y[:, None]).squeeze(1)
        return self.sign * (probability - self.start)

    def score(self, logits: Tensor) -> Tensor:
        """The same as ``margin``."""
        return self.margin(logits)
