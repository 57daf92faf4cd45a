"""Random draws belong to the item."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikeproof.base import SettingError, seeds


def test_an_item_draws_the_same_in_any_batch_and_order() -> None:
    whole = seeds(7, n=100).normal((3, 4))
    some = torch.tensor([42, 3, 99])
    assert torch.equal(seeds(7, items=some).normal((3, 4)), whole[some])
    assert torch.equal(seeds(7, n=100)[some].normal((3, 4)), whole[some])


def test_the_draws_are_pinned_on_every_machine() -> None:
    # splitmix64 by hand in Python integers, the seed's label being sha256("str:root\x1fint:0")
    import hashlib

    mask = (1 << 64) - 1

    def mix(z: int) -> int:
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    label = int.from_bytes(hashlib.sha256(b"str:root\x1fint:0").digest()[:8], "little")
    for item in (0, 1, 5):
        key = mix((item * golden + label) & mask)
        bits = [mix((mix(key) + k * golden) & mask) for k in (1, 2, 3)]
        drawn = seeds(0, items=torch.tensor([item])).bits((3,))[0].tolist()
        assert [value & mask for value in drawn] == bits


def test_every_use_of_an_item_has_keys_of_its_own() -> None:
    keys, numbers = seeds(7, n=4), torch.tensor([0, 3, 1, 3])
    used = keys.at(numbers)
    assert torch.equal(used[2:3].values, keys[2:3].at(torch.tensor([1])).values)
    each = [keys.at(torch.full((4,), k)).values for k in range(50)]
    assert len(set(torch.cat([keys.values, *each]).tolist())) == 4 + 4 * 50


@given(st.integers(min_value=-(2**70), max_value=2**70))
def test_any_integer_is_a_seed(seed: int) -> None:
    u = seeds(seed, n=2).uniform((2,))
    assert ((u > 0) & (u < 1)).all()


def test_children_and_seeds_are_independent_of_each_other() -> None:
    parent = seeds(0, n=20000)
    draws = torch.stack(
        [
            parent.normal((1,), torch.float64)[:, 0],
            parent.child("a").normal((1,), torch.float64)[:, 0],
            parent.child("a", 1).normal((1,), torch.float64)[:, 0],
            seeds(1, n=20000).normal((1,), torch.float64)[:, 0],
        ]
    )
    off = torch.corrcoef(draws) - torch.eye(4, dtype=torch.float64)
    assert off.abs().max() < 5 / math.sqrt(20000)


def test_labels_do_not_run_into_each_other() -> None:
    parent = seeds(0, n=1)
    assert not torch.equal(parent.child("a", "b").values, parent.child("ab").values)
    assert not torch.equal(parent.child(1).values, parent.child("1").values)


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [("uniform", 0.5, 1 / 12), ("normal", 0.0, 1.0), ("exponential", 1.0, 1.0)],
)
def test_the_draws_have_their_moments(draw: str, mean: float, variance: float) -> None:
    x = getattr(seeds(3, n=400), draw)((500,), torch.float64).flatten()
    error = 5 * math.sqrt(variance / len(x))
    assert abs(float(x.mean()) - mean) < error
    assert abs(float(x.var()) - variance) < 10 * error


def test_uniform_float32_never_reaches_zero_or_one() -> None:
    u = seeds(0, n=1000).uniform((1000,))
    assert u.dtype == torch.float32
    assert 0 < float(u.min()) < 1e-5
    assert 1 - 1e-5 < float(u.max()) < 1


@pytest.mark.parametrize("given_", [{}, {"n": 2, "items": torch.tensor([0])}])
def test_items_must_be_named_exactly_once(given_: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="exactly one of n and items"):
        seeds(0, **given_)  # type: ignore[arg-type]


def test_nothing_is_drawn_for_nobody() -> None:
    assert seeds(0, n=0).uniform((3,)).shape == (0, 3)
