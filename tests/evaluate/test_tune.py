"""Tuning a path's sharpness on held-out items."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.evaluate import WIDTHS, tune
from spikeproof.neurons import IF, Spiking, Surrogate
from spikeproof.oracle import HART
from spikeproof.threats import Linf, Threat

THREAT = Threat(Linf(), 1.0, Domain(kind="audio", shape=(2,), low=-1.0))


class Far(nn.Module):
    """Two neurons .8 below and .9 below their threshold; whoever fires wins."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(IF())

    def forward(self, x: Tensor) -> Tensor:
        fired: Tensor = self.spikes((x + torch.tensor([0.2, 0.1])).unsqueeze(0))[0]
        return torch.cat([torch.full_like(fired[:, :1], 0.5), fired], 1)


ITEMS = (torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))


@pytest.mark.parametrize("path", [HART(), Surrogate("triangle")])
def test_it_finds_a_width_that_reaches_the_membranes(path: HART | Surrogate) -> None:
    """Narrower than .8 no gradient arrives, and without a random start nothing moves."""
    attack = PGD(steps=3, step_size=0.5, random_start=False)
    widths = (0.5, 0.75, 1.25, 1.5)
    found = tune(path, Far(), ITEMS, THREAT, seeds=seeds(0, n=3), attack=attack, widths=widths)
    assert type(found) is type(path)
    assert found.sharpness == pytest.approx(1 / 1.25)  # of equally good ones the earlier


def test_the_grid_is_the_published_one() -> None:
    assert (WIDTHS[0], WIDTHS[1], WIDTHS[-1], len(WIDTHS)) == (0.1, 0.15, 2.45, 48)


def test_it_refuses_what_makes_no_sense() -> None:
    for widths in ((), (0.0,), (1.0, -1.0)):
        with pytest.raises(SettingError, match="widths"):
            tune(HART(), Far(), ITEMS, THREAT, seeds=seeds(0, n=3), widths=widths)
    with pytest.raises(InputError, match="a label and a key"):
        tune(HART(), Far(), ITEMS, THREAT, seeds=seeds(0, n=2))
