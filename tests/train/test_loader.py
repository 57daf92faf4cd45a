"""What a step meets does not depend on how many batches were made at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from spikeproof.data import Domain, Split
from spikeproof.train import Augmentation, Flip, ShiftImage
from spikeproof.train.loop.loader import Loader


def loader(n: int, augment: Sequence[Augmentation], side: int = 6) -> Loader:
    """A loader of ``n`` random images."""
    x = torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(0))
    items = Split(x, torch.arange(n) % 3, torch.arange(100, 100 + n))
    domain = Domain(kind="image", shape=(1, side, side))
    device = torch.device("cpu")
    return Loader(
        model=torch.nn.Identity(),
        items=items,
        domain=domain,
        augment=augment,
        seed=3,
        epochs=5,
        device=device,
    )


@pytest.mark.parametrize("side", [6, 300], ids=["many at once", "one at a time"])
def test_batches_made_together_are_those_made_alone(side: int) -> None:
    made = loader(41, (ShiftImage(pixels=2), Flip()), side)
    order = list(torch.randperm(41, generator=torch.Generator().manual_seed(1)).tensor_split(20))
    steps = list(made.steps(2, order))
    assert [step.index for step in steps] == list(range(20))
    for step, which in zip(steps, order, strict=True):
        alone = made.step(2, step.index, 20, which)
        assert torch.equal(step.x, alone.x)
        assert torch.equal(step.y, made.items.y[which])
        assert torch.equal(step.items, made.items.items[which])
        assert torch.equal(step.seeds.values, alone.seeds.values)
        assert (step.epoch, step.steps, step.progress) == (2, 20, (20 + step.index) / 100)
        assert step.taken == 20 + step.index
        assert step.last == (step.index == 19)


def test_items_are_changed_anew_in_every_epoch_and_left_alone_without_augmentation() -> None:
    which = torch.arange(10)
    changed = loader(10, (ShiftImage(pixels=2),))
    first, second = (changed.step(epoch, 0, 1, which).x for epoch in (1, 2))
    assert not torch.equal(first, second)
    plain = loader(10, ())
    assert torch.equal(plain.step(1, 0, 1, which).x, plain.items.x)


def test_the_loader_makes_no_more_than_some_batches_at_once() -> None:
    made = loader(64, (), side=300)  # 360 kB an item: the items of one batch fill the chunk
    order = list(torch.arange(64).tensor_split(8))
    first = next(made.steps(1, order)).x
    assert first.untyped_storage().nbytes() == first.nbytes
    small = loader(64, ())
    first = next(small.steps(1, order)).x
    assert first.untyped_storage().nbytes() == small.items.x.nbytes
