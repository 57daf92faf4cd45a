"""Augmentation: legal, per item, anew every epoch, and each change is the one it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from spikeproof.base import SettingError, seeds
from spikeproof.data import Dataset, Domain, Views
from spikeproof.models import model_digest
from spikeproof.train import (
    AUGMENTATIONS,
    CrossEntropy,
    Cutout,
    DropEvents,
    Flip,
    Gain,
    JitterTime,
    Noise,
    Objective,
    ShiftAudio,
    ShiftEvents,
    ShiftImage,
    TrainingSettings,
    fit,
)
from spikeproof.train.augment.registry import augmented

DOMAINS = {
    "image": Domain(kind="image", shape=(3, 9, 7)),
    "events": Domain(kind="events", shape=(5, 2, 6, 6), high=8.0, integer=True),
    "audio": Domain(kind="audio", shape=(200,), low=-1.0),
}
MEMBERS = [AUGMENTATIONS.build(kind) for kind in AUGMENTATIONS]


def items(kind: str, n: int = 12) -> Tensor:
    """Legal items of a kind."""
    u = torch.rand(n, *DOMAINS[kind].shape, generator=torch.Generator().manual_seed(3))
    return {"image": u, "events": (4 * u * u).floor(), "audio": 2 * u - 1}[kind]


@pytest.mark.parametrize("change", MEMBERS, ids=lambda change: type(change).__name__)
class TestEvery:
    def test_is_legal_and_changes_something_and_leaves_its_input(self, change: Any) -> None:
        x = items(change.kind)
        before = x.clone()
        out = change(x, DOMAINS[change.kind], seeds=seeds(0, n=len(x)))
        DOMAINS[change.kind].check(out)
        assert out.shape == x.shape and out.dtype == x.dtype
        assert not torch.equal(out, x)
        assert torch.equal(x, before)

    def test_belongs_to_the_item_whatever_the_batch(self, change: Any) -> None:
        x, keys, domain = items(change.kind), seeds(0, n=12), DOMAINS[change.kind]
        whole = change(x, domain, seeds=keys)
        turned = torch.arange(12).flip(0)
        assert torch.equal(change(x[turned], domain, seeds=keys[turned]), whole[turned])
        alone = [change(x[i : i + 1], domain, seeds=keys[i : i + 1]) for i in range(12)]
        assert torch.equal(torch.cat(alone), whole)

    def test_other_keys_give_other_draws(self, change: Any) -> None:
        x, domain = items(change.kind), DOMAINS[change.kind]
        first, second = (change(x, domain, seeds=seeds(s, n=12)) for s in (0, 1))
        assert not torch.equal(first, second)

    def test_has_a_record_and_a_repr_that_rebuild_it(self, change: Any) -> None:
        assert AUGMENTATIONS.build(AUGMENTATIONS.record(change)) == change
        assert eval(repr(change), {type(change).__name__: type(change)}) == change


def test_a_shifted_image_is_one_of_the_crops_of_the_padded_one() -> None:
    x = items("image", 40)
    out = ShiftImage(pixels=2)(x, DOMAINS["image"], seeds=seeds(0, n=40))
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    seen = set()
    for i in range(40):
        crops = {(a, b): padded[i, :, a : a + 9, b : b + 7] for a in range(5) for b in range(5)}
        found = [place for place, crop in crops.items() if torch.equal(crop, out[i])]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) > 12, "all shifts occur"


def test_flip_mirrors_about_half_the_items_left_to_right() -> None:
    x = items("image", 100)
    out = Flip()(x, DOMAINS["image"], seeds=seeds(0, n=100))
    flipped = (out == x.flip(-1)).flatten(1).all(1)
    kept = (out == x).flatten(1).all(1)
    assert bool((flipped | kept).all())
    assert 35 <= int(flipped.sum()) <= 65
    assert torch.equal(Flip(share=1.0)(x, DOMAINS["image"], seeds=seeds(0, n=100)), x.flip(-1))


def test_cutout_sets_a_square_of_at_most_its_size_to_grey_in_all_channels() -> None:
    x = items("image", 60) * 0.4
    out = Cutout(size=3)(x, DOMAINS["image"], seeds=seeds(0, n=60))
    hole = out == 0.5
    assert torch.equal(hole.all(1), hole.any(1))
    assert torch.equal(out[~hole], x[~hole])
    areas = hole[:, 0].sum((1, 2)).tolist()
    assert max(areas) == 9 and min(areas) >= 4
    rows, columns = hole[:, 0].any(2).sum(1), hole[:, 0].any(1).sum(1)
    assert (rows * columns).tolist() == areas, "it is a rectangle"


def test_events_move_together_and_are_lost_at_the_edge() -> None:
    x = torch.zeros(30, 5, 2, 6, 6)
    x[:, 2, 1, 3, 3] = 4
    out = ShiftEvents(pixels=2)(x, DOMAINS["events"], seeds=seeds(0, n=30))
    assert (out.sum((1, 2, 3, 4)) == 4).all()
    places = {tuple(place[3:]) for place in out.nonzero().tolist()}
    assert places <= {(a, b) for a in range(1, 6) for b in range(1, 6)} and len(places) > 8
    x = torch.zeros(30, 5, 2, 6, 6)
    x[:, 0, 0, 0, 0] = 1
    left = ShiftEvents(pixels=2)(x, DOMAINS["events"], seeds=seeds(0, n=30)).sum((1, 2, 3, 4))
    assert 0 < left.sum() < 30


def test_jitter_moves_bins_by_one_and_keeps_every_event() -> None:
    x = torch.zeros(200, 5, 2, 6, 6)
    x[:, 2, 0, 1, 1] = 3
    out = JitterTime(share=0.5)(x, DOMAINS["events"], seeds=seeds(0, n=200))
    assert (out.sum((1, 2, 3, 4)) == 3).all()
    bins = out[:, :, 0, 1, 1].argmax(1)
    counts = torch.bincount(bins, minlength=5)
    assert counts[0] == counts[4] == 0
    assert 30 <= counts[1] <= 70 and 30 <= counts[3] <= 70


def test_events_are_dropped_one_by_one() -> None:
    x = torch.full((20, 5, 2, 6, 6), 4.0)
    out = DropEvents(share=0.25)(x, DOMAINS["events"], seeds=seeds(0, n=20))
    assert float(out.mean()) == pytest.approx(3.0, abs=0.05)
    assert float(out.var()) == pytest.approx(4 * 0.25 * 0.75, abs=0.05), "binomial"
    assert torch.equal(DropEvents(share=0.0)(x, DOMAINS["events"], seeds=seeds(0, n=20)), x)


def test_a_waveform_is_shifted_scaled_and_noisy_as_said() -> None:
    domain, keys = DOMAINS["audio"], seeds(0, n=300)
    x = torch.zeros(300, 200)
    x[:, 100] = 0.1
    places = ShiftAudio(samples=7)(x, domain, seeds=keys).argmax(1)
    assert set(places.tolist()) == set(range(93, 108))
    factors = Gain(db=6.0)(x, domain, seeds=keys)[:, 100] / 0.1
    assert float(factors.min()) >= 10 ** (-6 / 20) and float(factors.max()) <= 10 ** (6 / 20)
    assert float(factors.log10().mul(20).mean()) == pytest.approx(0.0, abs=0.6)
    noise = Noise(deviation=0.05)(x, domain, seeds=keys) - x
    assert float(noise.std()) == pytest.approx(0.05, rel=0.02)


def test_packed_items_are_changed_in_the_views_of_their_kind_only() -> None:
    views = Views((("image", DOMAINS["image"]), ("audio", DOMAINS["audio"])))
    x = views.pack({"image": items("image"), "audio": items("audio")})
    out = views.unpack(augmented(x, views, (Gain(),), seeds=seeds(0, n=12)))
    assert torch.equal(out["image"], items("image"))
    assert not torch.equal(out["audio"], items("audio"))


def test_training_draws_anew_every_epoch_for_every_item_and_not_in_validation(
    model: Callable[..., Any], data: Dataset
) -> None:
    seen: list[tuple[bool, Tensor]] = []

    class Watching(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = model()

        def forward(self, x: Tensor) -> Tensor:
            seen.append((self.training, x.detach().clone()))
            logits: Tensor = self.body(x)
            return logits

    objective = Objective({"error": (1.0, CrossEntropy())})
    change = (Gain(db=1.0),)
    for size in (100, 7):
        seen.clear()
        fit(
            Watching(),
            data,
            objective,
            epochs=2,
            augment=change,
            settings=TrainingSettings(batch_size=size),
        )
        train = torch.cat([x for training, x in seen if training])
        first, second = (part.sort(0).values for part in train.split(len(data.train)))
        assert not torch.equal(first, second)
        if size == 100:
            one_batch = first
            judged = [x for training, x in seen if not training]
            assert all(torch.equal(x, data.validation.x) for x in judged)
    assert torch.equal(first, one_batch), "the draw belongs to the item, not to the batch"


def test_a_change_that_fits_no_item_is_refused(model: Callable[..., Any], data: Dataset) -> None:
    objective = Objective({"error": (1.0, CrossEntropy())})
    with pytest.raises(SettingError, match="Flip changes image, and the items are audio"):
        fit(model(), data, objective, epochs=1, augment=(Flip(),))
    nets = [model(), model()]
    for net, change in zip(nets, ((), (Gain(),)), strict=True):
        fit(net, data, objective, epochs=1, augment=change)
    assert model_digest(nets[0]) != model_digest(nets[1])
