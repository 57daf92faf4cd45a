"""The goal of a sponge: the most synaptic operations, with the answer kept."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, check_finite, check_labels, class_numbers

__all__ = ["Energy"]


@dataclass(frozen=True, eq=False)
class Energy:
    r"""Raise the synaptic operations of a network and keep its answer.

    It is asked of a network whose last column is what it spends (``metrics.Metered``). With the
    operations :math:`e`, those of the clean item :math:`e_0` and the class margin
    :math:`m = \max_{j \ne y} z_j - z_y`,

    .. math:: \mathrm{margin} = \begin{cases} e / e_0 - \rho & m < 0 \\ -\rho - 1 & m \ge 0
              \end{cases} \qquad \mathrm{score} = e / e_0 - w \max(m + s, 0)

    so of two inputs with the answer kept the more expensive one is better, and every one of them is
    better than any input whose answer is lost.

    Args:
        y: The answers to keep, int64 ``(N,)``.
        start: Operations of the clean items :math:`e_0`, ``(N,)``; fewer than 1 count as 1.
        ratio: :math:`\rho`, from which ratio on the attacker has won.
        weight: :math:`w`, what a lead of the wrong class costs against operations.
        reserve: :math:`s`, by how much the answer is to lead before only operations count.
    Raises:
        InputError: labels that are not integers, or another number of starts.
        SettingError: a ratio, weight or reserve that is negative or not finite.
    Example:
        >>> goal = Energy(torch.tensor([0, 0]), torch.tensor([100.0, 100.0]))
        >>> goal.margin(torch.tensor([[2.0, 1.0, 150.0], [1.0, 2.0, 300.0]]))
        tensor([ 0.5000, -2.0000])

    References:
        shumailov2021
    """

    y: Tensor
    start: Tensor
    ratio: float = 1.0
    weight: float = 10.0
    reserve: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "y", class_numbers(self.y))
        if self.start.shape != self.y.shape:
            raise InputError(
                f"Energy needs the operations of every clean item; got {tuple(self.start.shape)} "
                f"for {len(self.y)} items."
            )
        for name in ("ratio", "weight", "reserve"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise SettingError(f"Energy.{name} must be a number of at least 0; got {value!r}.")

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, which: Tensor | slice) -> Energy:
        """The goal of the chosen items."""
        chosen = self.y[which], self.start[which]
        return Energy(*chosen, self.ratio, self.weight, self.reserve)

    def margin(self, answer: Tensor) -> Tensor:
        """How far operations exceed the wanted ratio, where the answer is kept, ``(N,)``."""
        lead, share = self._parts(answer)
        return torch.where(lead < 0, share - self.ratio, torch.full_like(share, -self.ratio - 1))

    def score(self, answer: Tensor) -> Tensor:
        """What the attacker maximises, ``(N,)``; differentiable in the answer."""
        lead, share = self._parts(answer)
        return share - self.weight * (lead + self.reserve).clamp(min=0)

    def _parts(self, answer: Tensor) -> tuple[Tensor, Tensor]:
        """Lead of the best wrong class, and operations over those of the clean item."""
        if answer.ndim != 2 or answer.shape[1] < 3:
            raise InputError(
                "Energy needs logits of at least two classes and the operations behind them, "
                f"(N, K + 1); got {tuple(answer.shape)}. Attack metrics.Metered(model, x)."
            )
        logits, spent = check_finite(answer, "The logits")[:, :-1], answer[:, -1]
        check_labels(self.y, logits.shape[1], len(logits))
        own = logits.gather(1, self.y[:, None]).squeeze(1)
        mine = torch.zeros_like(logits, dtype=torch.bool).scatter(1, self.y[:, None], True)
        lead = logits.masked_fill(mine, -torch.inf).amax(1) - own
        return lead, spent / self.start.to(spent).clamp(min=1)
