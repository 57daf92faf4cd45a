"""What the recipes share that attack every item under one threat of a set."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from spikeproof.base import Seeds
from spikeproof.train.inputs.several import Several
from spikeproof.train.inputs.worst import MAX

__all__ = ["OneEach"]


@dataclass(frozen=True)
class OneEach(Several):
    """A set of attacks, one of which every item is given; which one is the subclass's."""

    def attack(
        self, which: Tensor, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds
    ) -> Tensor:
        """Attack every item by the member that ``which``, int64 ``(N,)``, names for it."""
        x_adv = x.detach().clone()
        for number, member in enumerate(self.members):
            idx = (which == number).nonzero().flatten().to(x.device)
            if len(idx):
                member_keys = seeds[idx.cpu()]
                x_adv[idx] = member(model, x[idx], y[idx], seeds=member_keys).to(x_adv.dtype)
        return x_adv

    @property
    def effort(self) -> float:
        """The mean over members."""
        return super().effort / len(self.members)

    @property
    def judged(self) -> MAX:
        """The worst of the members."""
        return MAX(self.judges, by="margin")
