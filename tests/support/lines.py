"""A data set of one number per item and a network on which every robust radius is known."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, Suite
from spikeproof.data import Dataset, Domain, Split
from support.toy import SPEC

DOMAIN = Domain(kind="audio", shape=(1,))
QUICK = Suite((Member(attack=PGD(steps=3, step_size=0.5)),))


class Half(nn.Module):
    """Class 1 above a threshold: the robust radius of an item is its distance from there."""

    def __init__(self, at: float = 0.5) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor(at))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        z = x[:, 0] - self.at
        return torch.stack([-z, z], 1)


def line(n: int = 20, *, mislabelled: bool = False) -> Dataset:
    """Items 0.025, 0.075, ... on a line, the upper half of class 1; the last one not, if asked."""
    x = ((torch.arange(n) + 0.5) / n)[:, None]
    y = (x[:, 0] > 0.5).long()
    if mislabelled:
        y[-1] = 0
    split = Split(x, y, torch.arange(n) + 7)
    radii = {"linf": (0.05, 0.1, 0.2), "l2": (0.1, 0.3)}
    spec = replace(SPEC, name="line", sha256="0" * 64, radii=radii)
    return Dataset(spec=spec, domain=DOMAIN, train=split, validation=split, sealed=split)
