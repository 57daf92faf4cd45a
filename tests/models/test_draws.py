"""Random draws of a network belong to the item, within a scope and from scope to scope."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikeproof.base import InputError, seeds
from spikeproof.models import Poisson
from spikeproof.neurons import draw_normal, draw_uniform, drawing


def test_permuting_and_rebatching_items_permutes_their_spikes(x: Tensor) -> None:
    keys, order = seeds(7, n=3), torch.tensor([2, 0, 1])
    with drawing(keys):
        whole = Poisson()(x, 6)
    with drawing(keys[order]):
        assert torch.equal(Poisson()(x[order], 6), whole[:, order])
    for item in range(3):
        with drawing(keys[item : item + 1]):
            assert torch.equal(Poisson()(x[item : item + 1], 6), whole[:, item : item + 1])


def test_fewer_timesteps_are_the_beginning_of_more(x: Tensor) -> None:
    with drawing(seeds(0, n=3)):
        short = Poisson()(x, 3)
    with drawing(seeds(0, n=3)):
        assert torch.equal(Poisson()(x, 6)[:3], short)


def test_draws_of_one_scope_differ_and_a_new_scope_repeats_them() -> None:
    like = torch.empty(2, 3, 50)
    with drawing(seeds(0, n=3)):
        first, second = draw_uniform(like), draw_uniform(like)
    with drawing(seeds(0, n=3)):
        again = draw_uniform(like)
    assert torch.equal(first, again) and not torch.equal(first, second)


def test_inner_scopes_end_and_none_returns_to_torchs_generator() -> None:
    like = torch.empty(1, 2, 5)
    torch.manual_seed(3)
    expected = torch.rand(1, 2, 5)
    with drawing(seeds(0, n=2)):
        before = draw_uniform(like)
        torch.manual_seed(3)
        with drawing(None):
            assert torch.equal(draw_uniform(like), expected)
        with drawing(seeds(0, n=2)):
            assert torch.equal(draw_uniform(like), before)
        assert not torch.equal(draw_uniform(like), before)


def test_a_scope_leaves_torchs_generator_alone_and_closes_after_an_error() -> None:
    state = torch.get_rng_state()
    said = "seeds for 2 items, but the network draws for 3"
    with pytest.raises(InputError, match=said), drawing(seeds(0, n=2)):
        draw_uniform(torch.empty(1, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    draw_uniform(torch.empty(1, 3, 4))
    assert not torch.equal(torch.get_rng_state(), state)


def test_normal_draws_are_normal_and_belong_to_the_item() -> None:
    like = torch.empty(2, 3, 4000, dtype=torch.float64)
    with drawing(seeds(0, n=3)):
        draws = draw_normal(like)
    assert draws.dtype == torch.float64 and draws.shape == like.shape
    assert abs(draws.mean()) < 0.03 and abs(draws.std() - 1) < 0.03
    with drawing(seeds(0, n=3)[1:2]):
        assert torch.equal(draw_normal(like[:, 1:2]), draws[:, 1:2])
