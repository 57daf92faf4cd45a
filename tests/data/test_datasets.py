"""Every data set keeps the same contract."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from spikeproof.base import InputError, SettingError
from spikeproof.data import (
    DATASETS,
    DataDiffers,
    Dataset,
    Views,
    datasets,
    describe,
    embedded,
    labels,
    load,
    pin,
    verify,
)

NAMES = embedded()
# Of these no file was ever at hand, or only a part of them, which is pinned as a part.
_DIGITS = "recordings of the first 1,000 training and 100 test digits"
PARTS = {
    "dvs128-gesture": {"ten packed clips, one of each class but the last"},
    "n-mnist": {_DIGITS},
    "n-mnist-binary": {_DIGITS},
    "nmnist-fsdd": {f"pairs with {_DIGITS}"},
}
UNPINNED = {
    "audiomnist", "cifar10-dvs", "cifar100", "crema-d", "dvs128-gesture", "mnist", "mnist-fsdd",
    "n-caltech101", "n-tidigits", "n-mnist", "n-mnist-binary", "nmnist-fsdd", "shd",
    "speech-commands", "ssc",
}  # fmt: skip
SHAPES = {
    "digits": (1, 8, 8),
    "digits-events": (10, 2, 16, 16),
    "digits-audio": (1200,),
    "digits-av": (1264,),
}


def parts(data: Dataset) -> dict[str, torch.Tensor]:
    """Item numbers of each split."""
    return {
        "train": data.train.items,
        "validation": data.validation.items,
        "test": data.sealed.items,
    }


@pytest.fixture(params=NAMES)
def data(request: pytest.FixtureRequest) -> Dataset:
    return load(request.param)


def test_the_four_sets_that_need_no_files_exist() -> None:
    assert set(NAMES) == set(SHAPES)
    assert set(datasets()) - set(SHAPES) == {name for name in datasets() if name not in embedded()}
    assert {"cifar10", "fashion-mnist", "n-mnist", "fsdd", "nmnist-fsdd"} <= set(datasets())


def test_items_have_the_stated_shape_and_are_legal(data: Dataset) -> None:
    shape = SHAPES[data.spec.name]
    assert data.domain.shape == shape
    for split in (data.train, data.validation, data.sealed):
        assert split.x.shape == (len(split), *shape)
        assert split.x.dtype == torch.float32
        data.domain.check(split.x)


def test_labels_are_class_numbers_and_all_occur(data: Dataset) -> None:
    for split in (data.train, data.validation, data.sealed):
        assert split.y.dtype == torch.int64
        assert split.y.unique().tolist() == list(range(data.spec.classes))
        assert torch.equal(split.y, labels(split.items))


def test_splits_are_disjoint_and_cover_all_items(data: Dataset) -> None:
    every = torch.cat(list(parts(data).values()))
    assert sorted(every.tolist()) == list(range(1797))


def test_splits_have_the_stated_sizes_and_are_stratified(data: Dataset) -> None:
    sizes = {name: len(items) for name, items in parts(data).items()}
    assert sizes == {"train": 1078, "validation": 269, "test": 450}
    total = torch.bincount(labels(torch.arange(1797)))
    shares = {"train": 0.60, "validation": 0.15, "test": 0.25}
    for name, items in parts(data).items():
        count = torch.bincount(labels(items), minlength=10)
        assert (count - shares[name] * total).abs().max() <= 1.0


def test_all_sets_share_one_split() -> None:
    first = parts(load("digits"))
    for name in NAMES:
        for split, items in parts(load(name)).items():
            assert torch.equal(items, first[split])


def test_the_beginning_of_a_split_is_a_mixed_sample(data: Dataset) -> None:
    assert len(data.train.y[:100].unique()) == 10
    items = data.train.items[:100].double()
    assert 600 < items.mean() < 1200  # scans are ordered by writer; the split is not


@pytest.mark.parametrize("name", NAMES)
def test_the_pinned_hash_is_that_of_the_arrays_made_afresh(name: str) -> None:
    verify(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(name).spec.sha256 == describe(name).sha256


@pytest.mark.parametrize("name", NAMES)
def test_an_item_is_the_same_whatever_batch_it_is_made_in(name: str) -> None:
    make = DATASETS[name]()
    some = torch.tensor([1500, 3, 77])
    batch = make(torch.arange(0, 1797, 11), seed=4)
    assert torch.equal(make(some, seed=4)[2:], batch[7:8])
    assert torch.equal(
        make(some, seed=4), torch.cat([make(some[i : i + 1], seed=4) for i in range(3)])
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_maker_prints_as_what_makes_it_again(name: str) -> None:
    from spikeproof.data import DigitsAudio, DigitsAV, DigitsEvents, DigitsImages, EventCamera

    known = (DigitsAudio, DigitsAV, DigitsEvents, DigitsImages, EventCamera)
    make = DATASETS[name]()
    assert eval(repr(make), {cls.__name__: cls for cls in known}) == make


def test_another_seed_draws_other_splits_and_other_noise() -> None:
    for name in ("digits", "digits-audio"):
        plain, other = load(name), load(name, seed=1)
        assert other.spec.version == "1+seed1"
        assert other.spec.sha256 != plain.spec.sha256
        assert not torch.equal(other.train.items, plain.train.items)
    both = {int(i): x for i, x in zip(plain.train.items, plain.train.x, strict=True)}
    first = int(other.train.items[0])
    again = torch.cat([plain.train.x, plain.validation.x, plain.sealed.x])
    assert not (again == other.train.x[0]).all(1).any(), (first, len(both))


def test_loaded_tensors_are_the_callers_own() -> None:
    load("digits").train.x.zero_()
    assert load("digits").train.x.sum() > 0


def test_seed_zero_is_the_pinned_set() -> None:
    assert load("digits", seed=0).spec == describe("digits")


@pytest.mark.parametrize("seed", [1.5, "1", True])
def test_a_seed_that_is_no_whole_number_is_refused(seed: object) -> None:
    with pytest.raises(SettingError, match="whole number"):
        load("digits", seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [load, describe, verify])
def test_an_unknown_name_is_answered_with_the_nearest(call: object) -> None:
    with pytest.raises(SettingError, match=r"'digit-event'\. Did you mean 'digits-events'\?"):
        call("digit-event")  # type: ignore[operator]


def pins(monkeypatch: pytest.MonkeyPatch, pinned: dict[str, str]) -> None:
    """Other pinned hashes of `digits`."""
    cls = DATASETS["digits"]
    monkeypatch.setattr(cls, "facts", replace(cls.facts, pinned=pinned))


def test_arrays_that_differ_load_with_a_warning_and_do_not_verify(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true = describe("digits").sha256
    pins(monkeypatch, {**DATASETS["digits"].facts.pinned, "all": "0" * 64, "x": "0" * 64})
    with pytest.warns(DataDiffers, match=f"{true}, pinned is {'0' * 64}; differing: x"):
        data = load("digits")
    assert data.spec.sha256 == true
    with pytest.raises(InputError, match="differing: x"):
        verify("digits")


def test_a_set_without_pinned_hashes_has_the_hash_of_what_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true = describe("digits").sha256
    pins(monkeypatch, {})
    assert describe("digits").sha256 == "not pinned"
    assert load("digits").spec.sha256 == true
    with pytest.raises(InputError, match=r"no pinned hash.*spikeproof\.data\.pin digits"):
        verify("digits")


def test_pinning_prints_what_is_to_be_pasted_into_the_facts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pin.main(["digits"]) == 0
    assert "as pinned" in capsys.readouterr().out
    true = dict(DATASETS["digits"].facts.pinned)
    pins(monkeypatch, {**true, "y": "0" * 64})
    assert pin.main(["digits"]) == 1
    _, block = capsys.readouterr().out.split("pinned=")
    assert ast.literal_eval(block.strip().rstrip(",")) == true


def test_describing_makes_nothing() -> None:
    code = (
        "import sys; from spikeproof.data import datasets, describe; "
        "[describe(name) for name in datasets()]; assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", datasets())
def test_the_pinned_hashes_are_whole_and_of_every_array(name: str) -> None:
    pinned, parts = DATASETS[name].facts.pinned, DATASETS[name].facts.pinned_parts
    assert set(parts) == PARTS.get(name, set())
    if name in UNPINNED:
        assert not pinned and describe(name).sha256 == "not pinned"
    every = [*parts.values(), *([pinned] if pinned else [])]
    for one in every:
        well_pinned(one)
    assert len({one["all"] for one in every}) == len(every)


def well_pinned(pinned: Mapping[str, str]) -> None:
    """Fail unless these are hashes of everything."""
    assert set(pinned) == {"all", "x", "y", "train", "validation", "test"}
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in pinned.values())
    assert len(set(pinned.values())) == len(pinned)


@pytest.mark.parametrize("name", NAMES)
def test_the_description_says_where_the_data_come_from(name: str) -> None:
    spec = describe(name)
    assert spec.name == name
    assert spec.classes == 10
    assert "CC BY 4.0" in spec.licence
    assert "alpaydin1998optdigits" in spec.source
    assert len(spec.sha256) == 64


@pytest.mark.parametrize("name", datasets())
def test_every_threat_has_three_ascending_radii(name: str) -> None:
    spec = describe(name)
    assert {"linf", "l2", "l1", "l0"} <= set(spec.radii)
    for radii in spec.radii.values():
        assert len(radii) == 3
        assert 0 < radii[0] < radii[1] < radii[2]
    views = isinstance(DATASETS[name]().domain, Views)
    assert ("counts" in spec.radii) == (spec.modality == "events" and not views)
    assert ("joint" in spec.radii) == views == bool(spec.joint)


def test_the_views_of_a_pair_are_the_items_of_the_single_sets_and_pack_again() -> None:
    pairs, scans, sounds = load("digits-av"), load("digits"), load("digits-audio")
    assert isinstance(pairs.domain, Views)
    views = pairs.domain.unpack(pairs.validation.x)
    assert torch.equal(views["image"], scans.validation.x)
    assert torch.equal(views["audio"], sounds.validation.x)
    assert torch.equal(pairs.domain.pack(views), pairs.validation.x)
    assert list(describe("digits-av").joint) == list(views)


def test_no_views_of_no_items_unpack_to_no_items() -> None:
    domain = load("digits-av").domain
    assert isinstance(domain, Views)
    assert domain.unpack(torch.zeros(0, 1264))["image"].shape == (0, 1, 8, 8)
