"""TET: the loss of every time step instead of the loss of their average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import check_fraction, check_positive
from spikeproof.train.terms.forward import Forward
from spikeproof.train.terms.registry import TERMS

__all__ = ["TET"]


@TERMS.register("tet")
@dataclass(frozen=True, kw_only=True)
class TET:
    r"""Cross-entropy at every step, and logits that stay near a constant (TET).

    .. math:: \frac1T \sum_t \Big[(1 - \lambda)\,\ell(z[t], y)
        + \lambda\,\tfrac1K \|z[t] - \varphi\|_2^2\Big]

    Args:
        pull: :math:`\lambda`, in [0, 1]; the ASSG repository takes .001.
        centre: :math:`\varphi`, > 0; the threshold, as published.
    Returns:
        A scalar, the mean over items.
    Raises:
        SettingError: a pull outside [0, 1], a centre that is not positive.
        InputError: a network without per-step logits: one step only, a foreign one, or a fusion of
            views with different numbers of steps.
    Cost: nothing beyond the shared forward, whose readout runs T times.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import time_mean
        >>> class Steps(torch.nn.Module):
        ...     def forward(self, x):
        ...         return time_mean(torch.stack([x, 0 * x]))
        >>> x = torch.tensor([[1.0986122886681098, 0.0]], dtype=torch.float64)
        >>> forward = Forward(Steps(), x, torch.tensor([0]))
        >>> round(TET(pull=0.0)(forward).item(), 4)  # (ln 4/3 + ln 2) / 2
        0.4904

    References:
        deng2022tet
    """

    looks: ClassVar[tuple[str, ...]] = ("steps",)

    pull: float = 1e-3
    centre: float = 1.0

    def __post_init__(self) -> None:
        check_fraction(self, "pull")
        check_positive(self, "centre")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(),)

    def __call__(self, forward: Forward) -> Tensor:
        """The mean over steps and items."""
        steps = forward.steps
        y = forward.y.repeat(len(steps))
        error = F.cross_entropy(steps.flatten(0, 1), y)
        return (1 - self.pull) * error + self.pull * (steps - self.centre).square().mean()
