"""Every loss serves in a member of a suite."""

from __future__ import annotations

import pytest
import torch

from spikeproof.attacks import APGD, Member, Suite
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.threats import LOSSES, Linf, Threat


@pytest.mark.parametrize("loss", LOSSES)
def test_a_member_breaks_what_one_step_along_its_loss_breaks(loss: str) -> None:
    # Logits (1 + a, b, -1) at (0, .75): b + .15 against 1 - .15 wins, no point within .1 does.
    model = torch.nn.Linear(2, 3)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
        model.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    box = Domain(kind="real", shape=(2,), low=-4.0, high=4.0)
    x, y = torch.tensor([[0.0, 0.75]]), torch.tensor([0])
    suite = Suite((Member(attack=APGD(steps=10), loss=loss),))
    lost = suite(model, x, y, Threat(Linf(), 0.15, box), seeds=seeds(0, n=1))
    held = suite(model, x, y, Threat(Linf(), 0.1, box), seeds=seeds(0, n=1))
    assert lost.won.tolist() == [True] and held.won.tolist() == [False]
