"""A data set of one number per item, on which every robust radius is known."""

from __future__ import annotations

import torch

from spikeproof.attacks import PGD, Member, Suite
from spikeproof.data import Dataset, DataSpec, Domain, Split

DOMAIN = Domain(kind="audio", shape=(1,))
QUICK = Suite((Member(attack=PGD(steps=3, step_size=0.5)),))


def line(n: int = 20, *, mislabelled: bool = False) -> Dataset:
    """Items 0.025, 0.075, ... on a line, the upper half of class 1; the last one not, if asked."""
    x = ((torch.arange(n) + 0.5) / n)[:, None]
    y = (x[:, 0] > 0.5).long()
    if mislabelled:
        y[-1] = 0
    split = Split(x, y, torch.arange(n) + 7)
    spec = DataSpec(
        name="line",
        version="1",
        classes=2,
        modality="audio",
        licence="CC0",
        source="by hand",
        sha256="0" * 64,
        radii={"linf": (0.05, 0.1, 0.2), "l2": (0.1, 0.3)},
    )
    return Dataset(spec=spec, domain=DOMAIN, train=split, validation=split, sealed=split)
