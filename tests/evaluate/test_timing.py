"""The timing protocol: known accuracies, intervals, items that keep their draws, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.base import InputError, SettingError
from spikeproof.data import Dataset, DataSpec, Domain, Split
from spikeproof.evaluate import timing
from spikeproof.metrics import wilson
from spikeproof.neurons import IF, Spiking

DOMAIN = Domain(kind="events", shape=(9, 1), high=1.0, integer=True)


def made(n: int = 50) -> Dataset:
    """Every item has one event, at step 4; all are of class 1."""
    x = torch.zeros(n, 9, 1)
    x[:, 4] = 1
    split = Split(x, torch.ones(n, dtype=torch.int64), torch.arange(n))
    spec = DataSpec(
        name="toy", version="1", classes=2, modality="events", licence="", source="", sha256=""
    )
    return Dataset(spec=spec, domain=DOMAIN, train=split, validation=split, sealed=split)


class Weighing(nn.Module):
    """Says class 1 where the events, weighed by step, sum to more than a half."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        value = (x[:, :, 0] * self.weights).sum(1)
        return torch.stack([torch.full_like(value, 0.5), value], 1)


def test_accuracy_is_the_chance_that_an_event_stays_where_it_counts() -> None:
    here = torch.zeros(9).index_fill(0, torch.tensor([4]), 1.0)
    still, moved = timing(Weighing(here), made(400), "jitter", (0.0, 1.0), draws=10)
    assert (still.accuracy, still.items, still.draws) == (1.0, 400, 10)
    assert moved.accuracy == pytest.approx(0.3829, abs=0.03), "P(|ξ| < .5)"
    assert (moved.low, moved.high) == pytest.approx(wilson(round(400 * moved.accuracy), 400))
    (gone,) = timing(Weighing(here), made(400), "deletion", (0.25,), draws=10)
    assert gone.accuracy == pytest.approx(0.75, abs=0.03)


def test_a_rate_code_does_not_mind_jitter() -> None:
    levels = timing(Weighing(torch.ones(9)), made(), "jitter", (0.5, 5.0))
    assert [level.accuracy for level in levels] == [1.0, 1.0]
    assert levels[0].low < 1 == levels[0].high


def test_items_keep_their_draws_when_fewer_are_looked_at() -> None:
    here = torch.zeros(9).index_fill(0, torch.tensor([4]), 1.0)
    one, other = (timing(Weighing(here), made(), levels=(1.0,), draws=3) for _ in range(2))
    assert one == other
    assert timing(Weighing(here), made(), levels=(1.0,), draws=3, seed=1) != one


class Rates(nn.Module):
    """A layer that passes its input on, and rates by step."""

    def __init__(self) -> None:
        super().__init__()
        self.spikes = Spiking(IF())

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.spikes(x.transpose(0, 1))[:, :, 0]
        value = spikes[4]
        return torch.stack([torch.full_like(value, 0.5), value], 1)


def test_hidden_spikes_can_be_moved_too() -> None:
    model = Rates()
    still, gone = timing(model, made(400), "deletion", (0.0, 0.25), hidden=True, draws=10)
    assert still.accuracy == 1.0
    assert gone.accuracy == pytest.approx(0.75, abs=0.03)
    assert not model.spikes._forward_hooks, "the model is left as it was"
    data = sp.load("digits")
    image = sp.build("cnn-small", data, width=2)
    (level,) = timing(image, data, "insertion", (0.2,), hidden=True, items=10, draws=1)
    assert level.items == 10


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"kind": "jiter"}, SettingError, "Did you mean 'jitter'"),
        ({"levels": ()}, SettingError, "at least one level and one draw"),
        ({"draws": 0}, SettingError, "at least one level and one draw"),
        ({"kind": "deletion", "levels": (1.5,)}, SettingError, "at most 1 where it is"),
        ({"hidden": True}, InputError, "no spiking layers whose spikes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    settings: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        timing(Weighing(torch.ones(9)), made(), **settings)


def test_images_have_no_timing_at_the_input() -> None:
    data = sp.load("digits")
    with pytest.raises(InputError, match="digits holds image, not event counts"):
        timing(sp.build("cnn-small", data, width=2), data)
