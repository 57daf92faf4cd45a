"""What a step meets does not depend on how many batches were made at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from spikeproof.data import Domain, Split
from spikeproof.train import Augmentation, Flip, ShiftImage
from spikeproof.train.loop.loader import Feed


def feed(n: int, augment: Sequence[Augmentation], side: int = 6) -> Feed:
    """A feed of ``n`` random images."""
    x = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    items = Split(x, torch.arange(n) % 3, torch.arange(100, 100 + n))
    domain = Domain(kind="image", shape=(1, side, side))
    device = torch.device("cpu")
    return Feed(items=items, domain=domain, augment=augment, seed=3, epochs=5, device=device)


@pytest.mark.parametrize("side", [6, 300], ids=["many at once", "one at a time"])
def test_batches_made_together_are_those_made_alone(side: int) -> None:
    made = feed(41, (ShiftImage(pixels=2), Flip()), side)
    order = list(torch.randperm(41, generator=torch.Generator().manual_seed(1)).tensor_split(20))
    places = list(made.places(2, order))
    assert [place.step for place in places] == list(range(20))
    for place, which in zip(places, order, strict=True):
        alone = made.place(2, place.step, 20, which)
        assert torch.equal(place.batch.x, alone.batch.x)
        assert torch.equal(place.batch.y, made.items.y[which])
        assert torch.equal(place.batch.items, made.items.items[which])
        assert torch.equal(place.seeds.values, alone.seeds.values)
        assert (place.epoch, place.steps, place.progress) == (2, 20, (20 + place.step) / 100)
        assert place.taken == 20 + place.step


def test_items_are_changed_anew_in_every_epoch_and_left_alone_without_augmentation() -> None:
    which = torch.arange(10)
    changed = feed(10, (ShiftImage(pixels=2),))
    first, second = (changed.place(epoch, 0, 1, which).batch.x for epoch in (1, 2))
    assert not torch.equal(first, second)
    plain = feed(10, ())
    assert torch.equal(plain.place(1, 0, 1, which).batch.x, plain.items.x)


def test_the_feed_makes_no_more_than_some_batches_at_once() -> None:
    made = feed(64, (), side=300)  # 360 kB an item: the items of one batch fill the chunk
    order = list(torch.arange(64).tensor_split(8))
    first = next(made.places(1, order)).batch.x
    assert first.untyped_storage().nbytes() == first.nbytes
    small = feed(64, ())
    first = next(small.places(1, order)).batch.x
    assert first.untyped_storage().nbytes() == small.items.x.nbytes
