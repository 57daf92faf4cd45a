"""Random corruptions: what they keep, how much they do, and that draws belong to items."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import CORRUPTIONS, EVENT_CORRUPTIONS, Domain, corrupt

EVENTS = Domain(kind="events", shape=(8, 2, 3, 3), high=3.0, integer=True)
VALUES = Domain(kind="image", shape=(1, 20, 20))


def events(n: int = 40) -> Tensor:
    """Counts from 0 to 3, half of them 0."""
    draw = torch.rand(n, *EVENTS.shape, generator=torch.Generator().manual_seed(0))
    return (8 * draw - 4).floor().clamp(0, 3)


@pytest.mark.parametrize("level", [0.5, 3.0])
def test_jitter_keeps_the_count_of_every_line_and_fills_no_step_beyond_the_domain(
    level: float,
) -> None:
    x = events()
    moved = corrupt(x, EVENTS, "jitter", level, seeds=seeds(0, n=40))
    assert EVENTS.contains(moved).all()
    assert torch.equal(moved.sum(1), x.sum(1))
    assert (moved != x).flatten(1).any(1).all()


def test_jitter_moves_a_lone_event_by_a_rounded_gaussian() -> None:
    domain = Domain(kind="events", shape=(41, 1), high=1.0, integer=True)
    x = torch.zeros(4000, 41, 1)
    x[:, 20] = 1
    moved = corrupt(x, domain, "jitter", 2.0, seeds=seeds(0, n=4000))
    shift = moved.argmax(1).double().flatten() - 20
    assert abs(float(shift.mean())) < 0.1
    assert float(shift.std()) == pytest.approx(math.sqrt(4 + 1 / 12), rel=0.04)


def test_events_pushed_over_a_full_end_go_back() -> None:
    domain = Domain(kind="events", shape=(3, 1), high=2.0, integer=True)
    x = torch.tensor([[[0.0], [2.0], [2.0]]])
    for seed in range(20):
        moved = corrupt(x, domain, "jitter", 50.0, seeds=seeds(seed, n=1))
        assert moved.sum() == 4
        assert moved.max() <= 2


def test_deletion_loses_that_share_of_events_and_adds_none() -> None:
    x = events(200)
    kept = corrupt(x, EVENTS, "deletion", 0.3, seeds=seeds(0, n=200))
    assert (kept <= x).all()
    assert float(kept.sum() / x.sum()) == pytest.approx(0.7, abs=0.01)
    assert not corrupt(x, EVENTS, "deletion", 1.0, seeds=seeds(0, n=200)).any()


def test_insertion_adds_that_share_of_each_items_own_events() -> None:
    x = events()
    more = corrupt(x, EVENTS, "insertion", 0.25, seeds=seeds(0, n=40))
    assert EVENTS.contains(more).all()
    added = more - x
    assert set(added.unique().tolist()) == {0.0, 1.0}
    expected = (0.25 * x.flatten(1).sum(1)).round()
    assert torch.equal(added.flatten(1).sum(1), expected)
    full = torch.full_like(x, 3.0)
    assert torch.equal(corrupt(full, EVENTS, "insertion", 1.0, seeds=seeds(0, n=40)), full)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("uniform", 0.2 / math.sqrt(3)),
        ("speckle", 0.2 * 0.5),
        ("shot", 0.2 * math.sqrt(0.5)),
        ("impulse", math.sqrt(0.2 * 0.25)),
    ],
)
def test_noise_on_values_has_its_deviation(kind: str, size: float) -> None:
    x = torch.full((60, 1, 20, 20), 0.5)
    noisy = corrupt(x, VALUES, kind, 0.2, seeds=seeds(0, n=60))
    assert float((noisy - x).square().mean().sqrt()) == pytest.approx(size, rel=0.03)


@pytest.mark.parametrize("kind", sorted({**CORRUPTIONS, **EVENT_CORRUPTIONS}))
def test_draws_belong_to_the_item_and_level_0_changes_nothing(kind: str) -> None:
    domain = EVENTS if kind in EVENT_CORRUPTIONS else VALUES
    x = events(6) if domain is EVENTS else torch.rand(6, *VALUES.shape)
    keys, rows = seeds(0, n=6), torch.tensor([5, 1])
    level = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    whole = corrupt(x, domain, kind, level, seeds=keys)
    assert torch.equal(corrupt(x[rows], domain, kind, level[rows], seeds=keys[rows]), whole[rows])
    assert torch.equal(whole[0], x[0])
    assert (whole[1:] != x[1:]).any()
    assert domain.contains(whole).all()


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda x: corrupt(x, VALUES, "blur", 1, seeds=seeds(0, n=2)), SettingError, "Unknown"),
        (lambda x: corrupt(x, VALUES, "jitter", 1, seeds=seeds(0, n=2)), SettingError, "not fit"),
        (lambda x: corrupt(x, VALUES, "shot", -1, seeds=seeds(0, n=2)), SettingError, "at least 0"),
        (
            lambda x: corrupt(x, VALUES, "impulse", 2, seeds=seeds(0, n=2)),
            SettingError,
            "at most 1",
        ),
        (
            lambda x: corrupt(x, VALUES, "shot", math.nan, seeds=seeds(0, n=2)),
            SettingError,
            "at least 0",
        ),
        (lambda x: corrupt(x, VALUES, "shot", 1, seeds=seeds(0, n=3)), InputError, "3 keys for 2"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make(torch.rand(2, *VALUES.shape))
