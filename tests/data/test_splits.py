"""How items are dealt to splits."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikeproof.base import SettingError
from spikeproof.data import Shares, assign


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(0, 5))
def test_every_item_is_dealt_once_and_each_class_by_its_share(y: list[int], seed: int) -> None:
    dealt = assign(torch.tensor(y), seed=seed, shares=Shares(train=0.5, validation=0.25))
    assert sorted(torch.cat(list(dealt.values())).tolist()) == list(range(len(y)))
    for c in set(y):
        count = {name: sum(y[i] == c for i in items.tolist()) for name, items in dealt.items()}
        assert count["train"] == round(0.5 * y.count(c))
        assert count["validation"] == round(0.25 * y.count(c))


def test_a_new_item_at_the_end_moves_no_other_class() -> None:
    y = torch.arange(100) % 4
    before, after = assign(y), assign(torch.cat([y, torch.tensor([4])]))
    for name, items in before.items():
        assert [i for i in after[name].tolist() if i < 100] == items.tolist()


def test_shares_that_leave_no_test_items_are_refused() -> None:
    with pytest.raises(SettingError, match="test split"):
        Shares(train=0.8, validation=0.2)
