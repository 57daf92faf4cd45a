"""Survivors: everything an attack remembers of its items is shortened together."""

from __future__ import annotations

import torch

from spikeproof.attacks import Best
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.base import seeds
from spikeproof.threats import Misclassification


def test_what_is_written_on_it_follows_its_items_through_several_drops() -> None:
    best = Best(torch.zeros(5, 1), torch.tensor([-1.0, 2.0, -1.0, -1.0, -1.0]))
    keys = seeds(0, n=5)
    left = Survivors.all(best.x, Misclassification(torch.arange(5)), seeds=keys)
    left.drop_won(best)
    assert left.idx.tolist() == [0, 2, 3, 4]
    left.late = torch.tensor([10.0, 12.0, 13.0, 14.0])
    best.keep(torch.ones(2, 1), torch.tensor([1.0, 1.0]), torch.tensor([0, 3]))
    left.drop_won(best)
    assert left.idx.tolist() == [2, 4] and left.late.tolist() == [12.0, 14.0]
    assert left.goal.y.tolist() == [2, 4]  # type: ignore[attr-defined]
    assert left.seeds.values.tolist() == keys.values[[2, 4]].tolist()


def test_nothing_is_copied_where_nobody_was_won() -> None:
    best = Best(torch.zeros(2, 1), torch.tensor([-1.0, -1.0]))
    left = Survivors.all(best.x, Misclassification(torch.zeros(2, dtype=torch.int64)))
    before = left.x
    left.drop_won(best)
    assert left.x is before and len(left) == 2


def test_nobody_is_left_when_all_are_won() -> None:
    best = Best(torch.zeros(2, 1), torch.tensor([1.0, 1.0]))
    left = Survivors.all(best.x, Misclassification(torch.zeros(2, dtype=torch.int64)))
    left.drop_won(best)
    assert len(left) == 0 and left.x.shape == (0, 1)
