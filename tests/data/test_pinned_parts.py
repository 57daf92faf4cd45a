"""Hashes of sets of which only a part is at hand: what is there, what differs, what is another."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from spikeproof.base import InputError
from spikeproof.cli import main
from spikeproof.data import DATASETS, DataDiffers, inventory, load, pin, store, verify
from support import made_sets
from support.published_files import REAL

PART = "six recordings of each part"
FILES = ("shd_train.h5", "shd_test.h5")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A part of SHD, six recordings for training and six for the test, and pinned as that."""
    pytest.importorskip("h5py")
    made_sets.spiking_digits(tmp_path / "shd", FILES)
    monkeypatch.setenv("SPIKEPROOF_DATA", str(tmp_path))
    hashes = store.fingerprint(store._make("shd", 0, store._place("shd", None)))
    pin_as(monkeypatch, {"all": hashes["sha256"], **hashes["arrays"]})
    return tmp_path


def pin_as(monkeypatch: pytest.MonkeyPatch, pinned: dict[str, str]) -> None:
    """Pin a part of SHD."""
    cls = DATASETS["shd"]
    monkeypatch.setattr(cls, "facts", replace(cls.facts, pinned_parts={PART: pinned}))
    store._arrays_of.cache_clear()


def pinned() -> dict[str, str]:
    return dict(DATASETS["shd"].facts.pinned_parts[PART])


def test_a_part_that_is_pinned_is_verified_and_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = verify("shd", folder=folder)
    assert (found.part, found.sha256, found.whole) == (PART, pinned()["all"], False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataDiffers)
        data = load("shd", folder=folder)
    assert data.spec.sha256 == pinned()["all"] and inventory(data).part == PART
    assert main.run(["data", "verify", "shd", "--data-dir", str(folder)]) == 0
    assert f"shd: intact, {PART}, sha256 {found.sha256}" in capsys.readouterr().out
    assert main.run(["data", "check", "shd", "--data-dir", str(folder)]) == 0
    assert f"sha256 {found.sha256}, as pinned for {PART}" in capsys.readouterr().out
    assert pin.main(["shd"]) == 0
    assert "as pinned" in capsys.readouterr().out


def test_the_items_of_a_part_with_other_inputs_warn_and_do_not_verify(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin_as(monkeypatch, {**pinned(), "all": "0" * 64, "x": "0" * 64})
    with pytest.warns(DataDiffers, match=f"pinned for {PART} is {'0' * 64}; differing: x"):
        load("shd", folder=folder)
    with pytest.raises(InputError, match="differing: x"):
        verify("shd", folder=folder)


def test_another_part_loads_in_silence_is_named_as_not_pinned_and_does_not_verify(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_sets.spiking_digits(folder / "more" / "shd", FILES, items=9)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataDiffers)
        data = load("shd", folder=folder / "more")
    assert data.spec.sha256 != pinned()["all"] and inventory(data).part is None
    with pytest.raises(InputError, match=f"which is no pinned hash; pinned is {PART}"):
        verify("shd", folder=folder / "more")
    assert main.run(["data", "check", "shd", "--data-dir", str(folder / "more")]) == 0
    assert "which is not pinned" in capsys.readouterr().out


def test_a_part_that_is_not_pinned_yet_is_printed_for_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    true = pinned()
    pin_as(monkeypatch, {**true, "y": "1" * 64})
    assert pin.main(["shd"]) == 1
    said = capsys.readouterr().out
    assert true["y"] in said and "goes into pinned_parts" in said


def test_the_whole_set_is_named_as_such_and_data_of_ones_own_as_nothing() -> None:
    assert verify("digits").whole and inventory(load("digits")).part == "the whole set"
    data = load("digits")
    assert inventory(replace(data, spec=replace(data.spec, name="mine"))).part is None
    assert inventory(load("digits", seed=3)).part is None  # drawn anew: another set


@pytest.mark.parametrize("name", [n for n in DATASETS if DATASETS[n].facts.pinned_parts])
def test_the_parts_at_hand_are_those_that_are_pinned(name: str) -> None:
    if not all((REAL / one).exists() for one in ("nmnist", "fsdd", "dvs128gesture")):
        pytest.skip(f"no recordings in {REAL}")
    found = verify(name, folder=REAL)
    assert found.part in DATASETS[name].facts.pinned_parts and not found.whole
