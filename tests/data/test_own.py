"""Data sets of arrays that a user brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.base import InputError, SettingError, class_numbers
from spikeproof.data import Dataset, Domain, Split, inventory, layout_of, suggested

RNG = np.random.default_rng(0)
X = RNG.random((200, 3, 8, 8))
Y = np.arange(200) % 4


def made(x: Any = X, y: Any = Y, **told: Any) -> Dataset:
    return Dataset.from_arrays(x, y, **told)


def contents(split: Split) -> set[bytes]:
    """What the items of a split hold."""
    return {x.numpy().tobytes() for x in split.x}


def test_items_are_dealt_by_class_and_every_one_once() -> None:
    data = made()
    parts = (data.train, data.validation, data.sealed)
    assert [len(part) for part in parts] == [120, 32, 48]  # round(.15 * 50) is 8 of each class
    assert sorted(torch.cat([part.items for part in parts]).tolist()) == list(range(200))
    for part in parts:
        assert len(set(torch.bincount(part.y).tolist())) == 1
        np.testing.assert_array_equal(part.x.numpy(), X[part.items].astype(np.float32))
        np.testing.assert_array_equal(part.y.numpy(), Y[part.items])


def test_the_order_of_the_items_changes_no_split() -> None:
    order = RNG.permutation(200)
    one, other = made(), made(X[order], Y[order])
    for name in ("train", "validation", "sealed"):
        first, second = getattr(one, name), getattr(other, name)
        assert torch.equal(first.x, second.x)  # even the order within is by what items hold
        assert np.array_equal(order[second.items], first.items)
    assert contents(made(seed=1).train) != contents(one.train)


def test_more_items_at_the_end_leave_other_classes_where_they_are() -> None:
    more = made(np.concatenate([X, X[:1] / 2]), np.append(Y, 4), classes=5)
    assert contents(made().train) <= contents(more.train)


def test_equal_items_stay_together() -> None:
    x = np.repeat(X[:40], 5, axis=0)
    data = made(x, np.repeat(Y[:40], 5))
    assert not contents(data.train) & contents(data.sealed)
    assert not contents(data.train) & contents(data.validation)
    seen = inventory(data)
    assert seen.equal["train, test"] == 0
    assert seen.equal["train"] == len(data.train) * 4 // 5


def test_the_hash_is_of_items_splits_and_what_is_legal() -> None:
    one = made().spec.sha256
    assert made().spec.sha256 == one
    assert made(torch.from_numpy(X)).spec.sha256 == one
    others = [made(high=2.0), made(seed=1), made(X[::-1].copy(), Y[::-1].copy()), made(classes=5)]
    assert len({one, *(data.spec.sha256 for data in others)}) == 5


@pytest.mark.parametrize(
    "y",
    [
        Y.astype(np.uint8), Y.astype(np.int16), Y.astype(">i4"), Y.astype(np.uint64), Y.tolist(),
        Y[:, None], np.eye(4)[Y], np.eye(4, dtype=bool)[Y], torch.from_numpy(Y).to(torch.int32),
        np.repeat(Y, 2)[::2],
    ],
    ids=str,
)  # fmt: skip
def test_labels_of_every_type_mean_the_same(y: Any) -> None:
    assert made(y=y).spec.sha256 == made().spec.sha256


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (Y + 0.5, "fractions are no classes"),
        (np.full((200, 4), 0.25), r"argmax\(1\)"),
        (Y - 1, "class numbers from 0 on; got -1 at item 0"),
        (Y + 1, "give y - 1 if they count from 1, or classes=5"),
        (Y * 0, "one class leaves nothing to mistake"),
        (Y[:-1], "Got 199 labels for 200 items"),
        (np.array(["a"] * 200), "return_inverse"),
        (Y[:, None, None], "one class number per item"),
        (np.float64(1.0), "shape"),
    ],
)
def test_labels_that_are_none_are_refused(y: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        made(y=y)


def test_two_of_three_columns_are_not_one_hot() -> None:
    with pytest.raises(InputError, match="argmax"):
        class_numbers(torch.tensor([[1, 1, 0], [0, 0, 1]]))


@pytest.mark.parametrize(
    "x",
    [
        X.astype(np.float32), X.astype(">f8"), torch.from_numpy(X), torch.from_numpy(X).float(),
        np.asfortranarray(X), X.transpose(0, 2, 3, 1), X[:, ::-1][:, ::-1],
        torch.from_numpy(X.transpose(0, 2, 3, 1)), X.tolist(), X.astype(np.longdouble),
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_inputs_of_every_type_and_layout_mean_the_same(x: Any) -> None:
    data = made(x)
    assert data.spec.sha256 == made().spec.sha256
    assert data.train.x.dtype == torch.float32 and data.train.x.is_contiguous()


def test_nothing_of_the_users_is_changed_or_shared() -> None:
    x = torch.from_numpy(X.astype(np.float32))
    before = x.clone()
    data = Dataset.from_splits(test=(x, Y), train=(x, Y))
    data.train.x.zero_()
    data.sealed.x.zero_()
    assert torch.equal(x, before)


def test_levels_of_bytes_have_two_readings_and_either_can_be_said() -> None:
    levels = (X * 255).astype(np.uint8)
    with pytest.raises(SettingError, match=r"x / 255 .* or high=255"):
        made(levels)
    data = made(levels, high=255)
    assert data.domain.high == 255 and not data.domain.integer
    assert data.train.x.dtype == torch.float32 and data.train.x.max() > 200
    assert made(levels, high=255, integer=True).domain.integer
    assert data.spec.radii["linf"][1] == pytest.approx(8)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"x": X * 255}, "It looks like 0..255 data"),
        ({"x": X - 1}, "It looks normalised"),
        ({"x": np.where(X > 0.99, np.nan, X)}, "not finite"),
        ({"x": X.astype(complex)}, "real numbers"),
        ({"x": np.array([["a"]] * 200)}, "real numbers"),
        ({"x": X[:, 0, 0, 0]}, "One item alone"),
        ({"x": X[:0], "y": Y[:0]}, "holds no items"),
        ({"x": X[:, 0]}, 'say kind="image" or kind="events"'),
        ({"x": X.reshape(200, -1)}, r"give low= and high=, .* \(here they are"),
        ({"x": X[:5], "y": Y[:5]}, "too few to be dealt"),
        ({"x": X[..., :4, :4].transpose(0, 2, 3, 1)[..., :3]}, "looks like channels last"),
        ({"name": "digits"}, "belongs to a data set of the package"),
        ({"name": "../x"}, "part of a path"),
        ({"kind": "images"}, "Did you mean 'image'"),
        ({"classes": 3}, "Labels must lie in 0..2"),
        ({"classes": 1}, "classes must be a whole number >= 2"),
        ({"radii": {"linf": [0.2, 0.1]}}, "must ascend"),
        ({"colour": 1}, "unknown setting 'colour'"),
        ({"channels": "middle"}, "Unknown channels"),
        ({"low": 1.0}, "low must lie below"),
    ],
)
def test_what_has_no_meaning_is_refused_with_the_mend(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises((InputError, SettingError), match=sentence) as caught:
        made(**told)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "told", "expected"),
    [
        ((28, 28, 1), {}, (1, 28, 28)),
        ((28, 28, 3), {}, (3, 28, 28)),
        ((32, 32, 4), {}, (4, 32, 32)),
        ((28, 20, 3), {}, (3, 28, 20)),
        ((3, 32, 32), {}, (3, 32, 32)),
        ((1, 28, 1), {}, (1, 28, 1)),
        ((3, 8, 3), {}, (3, 8, 3)),
        ((64, 4, 4), {}, (64, 4, 4)),
        ((4, 8, 2), {"channels": "last"}, (2, 4, 8)),
        ((32, 32, 4), {"channels": "first"}, (32, 32, 4)),
        ((10, 34, 34, 2), {}, (10, 2, 34, 34)),
        ((10, 2, 34, 34), {}, (10, 2, 34, 34)),
        ((28, 28), {"kind": "image"}, (1, 28, 28)),
        ((28, 28), {"kind": "events"}, (28, 28)),
        ((7,), {}, (7,)),
    ],
)
def test_channels_are_moved_where_that_is_the_one_meaning(
    shape: tuple[int, ...], told: dict[str, str], expected: tuple[int, ...]
) -> None:
    layout = layout_of(shape, **told)
    x = torch.rand(2, *shape)
    assert layout.shape == tuple(layout(x).shape[1:]) == expected
    assert torch.equal(layout.back(layout(x)), x)


def test_splits_that_were_made_already_stay() -> None:
    data = Dataset.from_splits(train=(X[:100], Y[:100]), test=(X[100:], Y[100:]), name="mine")
    assert torch.equal(data.sealed.items, torch.arange(100, 200))
    assert [len(data.train), len(data.validation)] == [88, 12]  # round(.9 * 25) of each class
    given = Dataset.from_splits(train=(X[:80], Y[:80]), validation=(X[80:90], Y[80:90]),
                                test=(X[90:], Y[90:]))  # fmt: skip
    assert given.validation.items.tolist() == list(range(80, 90))
    only = Dataset.from_splits(test=(X, Y))
    assert [len(only.train), len(only.validation), len(only.sealed)] == [0, 0, 200]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"train": (X, Y), "test": None}, r"give test=\(x, y\)"),
        ({"test": (X, Y), "validation": (X, Y)}, r"give train=\(x, y\)"),
        ({"test": (X, Y), "train": (X[:, :1], Y)}, "one shape; got train .1, 8, 8., test .3, 8, 8"),
    ],
)
def test_splits_that_do_not_fit_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Dataset.from_splits(**given)


def test_counts_of_events_bring_their_grid_and_bound() -> None:
    events = RNG.integers(0, 6, (40, 4, 2, 5, 5))
    data = made(events, Y[:40])
    assert data.domain == Domain(kind="events", shape=(4, 2, 5, 5), high=5.0, integer=True)
    assert data.spec.radii["counts"][1] == round(0.05 * data.train.x.sum().item() / len(data.train))
    rates = made(events / 5, Y[:40])
    assert not rates.domain.integer and rates.domain.high == 1


def test_radii_of_the_literature_come_out_and_the_rule_is_told() -> None:
    none = torch.zeros(1, 1)
    colour = suggested(Domain(kind="image", shape=(3, 32, 32)), none).radii
    assert colour["linf"][1] == pytest.approx(8 / 255, abs=1e-6)
    assert [colour[name][1] for name in ("l2", "l1", "l0")] == pytest.approx(
        [0.5, 12, 15], rel=0.05
    )
    grey = suggested(Domain(kind="image", shape=(1, 28, 28)), none).radii
    assert [grey[name][1] for name in ("linf", "l2", "l1", "l0")] == pytest.approx(
        [0.1, 0.8, 10, 12], rel=0.05
    )
    doubled = suggested(Domain(kind="image", shape=(1, 28, 28), low=-1.0), none).radii
    assert doubled["linf"][1] == 2 * grey["linf"][1] and doubled["l0"] == grey["l0"]
    assert suggested(Domain.unbounded((3,)), none).radii == {}
    assert any("8/255 of the range" in note for note in made().spec.notes)
    assert made(radii={"linf": [0.1]}).spec.radii == {"linf": (0.1,)}


def test_numbers_of_numpy_are_numbers() -> None:
    told = {
        "low": np.float32(0),
        "high": np.float64(1),
        "classes": np.int64(4),
        "integer": np.False_,
    }
    data = made(**told, radii={"linf": np.array([0.1, 0.2]), "l2": 0.5})
    assert data.spec.radii == {"linf": (0.1, 0.2), "l2": (0.5,)}
    assert Dataset.from_splits(test=(X, Y), **told).domain == data.domain
    with pytest.raises(SettingError, match="radii.linf"):
        made(radii={"linf": "0.1"})


def test_bounds_are_those_of_float32() -> None:
    """0.1 is not a float32: items at the bound must be legal, also when measured in float64."""
    x = np.where(X > 0.5, 0.1, 0.0).astype(np.float32)
    assert made(x, high=0.1).domain.high == float(np.float32(0.1))


def test_an_inventory_counts_what_is_there() -> None:
    x = X.copy()
    x[150:155] = x[:5]
    x[160] = x[1]
    y = Y.copy()
    y[150:155] = Y[:5]
    y[160] = 3  # item 1 is of class 1
    splits = {"train": (x[:100], y[:100]), "test": (x[100:], y[100:])}
    data = Dataset.from_splits(**splits, classes=5, name="mine")
    seen = inventory(data)
    assert sum(seen.equal[f"{name}, test"] for name in ("train", "validation")) == 6
    assert seen.contradictions == 3  # twice in test, once before
    assert seen.splits["test"]["n"] == 100 and seen.splits["test"]["by_class"][4] == 0
    text = " ".join(seen.warnings)
    assert "items too: numbers on them say less" in text
    assert "test has no item of class 4" in text
    assert "equal an item of another class" in text


def test_an_inventory_sees_a_range_that_is_hardly_used_and_radii_that_are_too_large() -> None:
    data = made(X, high=20.0, radii={"linf": [0.6]})
    text = " ".join(inventory(data).warnings)
    assert "less than a tenth of the legal range 0 to 20" in text
    assert "within it the right answer may change" in text
    assert not [w for w in inventory(made()).warnings if "range" in w]


def test_the_distance_between_classes_is_the_smallest() -> None:
    x = np.zeros((30, 1, 2, 2))
    x[:15] += np.linspace(0, 0.2, 15)[:, None, None, None]
    x[15:] += np.linspace(0.5, 1, 15)[:, None, None, None]
    data = Dataset.from_splits(test=(x, np.arange(30) // 15))
    assert inventory(data).apart == pytest.approx(0.3)
