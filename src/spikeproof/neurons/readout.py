"""From spikes or currents over time to one output per item."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError, check_one_of

__all__ = ["Readout"]

TAKES = ("last", "max", "mean")


class Readout(nn.Module):
    r"""Non-spiking readout: a leaky sum of its input, of which mean, last or largest is taken.

    .. math:: m[t] = \lambda\,m[t-1] + I[t]

    Args:
        take: ``"mean"``, ``"last"`` or ``"max"`` over time.
        leak: :math:`\lambda` in [0, 1]; 0 takes the input itself, 1 its running sum.
    Raises:
        SettingError: an unknown ``take``, a leak outside [0, 1].
        InputError: an input without time steps.
    Cost:
        One pass for leak 0, T passes else.
    Example:
        >>> Readout("last", leak=0.5)(torch.tensor([[1.0], [1.0], [2.0]]))
        tensor([2.7500])
    """

    def __init__(self, take: str = "mean", leak: float = 0.0) -> None:
        super().__init__()
        self.take = check_one_of(take, TAKES, "readout")
        if not 0 <= leak <= 1:
            raise SettingError(f"Readout.leak must lie in [0, 1]; got {leak!r}.")
        self.leak = leak

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(N, ...)`` of inputs ``(T, N, ...)``."""
        if not x.ndim or not len(x):
            raise InputError(f"Readout needs at least one step; got shape {tuple(x.shape)}.")
        if self.leak:
            sums = [x[0]]
            for now in x[1:].unbind(0):
                sums.append(self.leak * sums[-1] + now)
            x = torch.stack(sums)
        if self.take == "last":
            return x[-1]
        return x.mean(0) if self.take == "mean" else x.amax(0)

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{self.take!r}, leak={self.leak}"
