"""Plans that hold whole recipes, take fewer items, or search on validation items only."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from spikeproof.analysis import results
from spikeproof.base import InputError, SettingError, read_json
from spikeproof.cli.main import run as command
from spikeproof.data import Dataset, choose, load
from spikeproof.evaluate import open_test, open_validation
from spikeproof.study import Plan, cells_of, load_plan, run, status, training_items
from spikeproof.study.compute import attempt
from spikeproof.train import TrainingSettings
from support.resealed import write_plan

SHIFT = {"kind": "shift-image", "pixels": 1}


def only(plan: Plan, **changes: object) -> Plan:
    """The plan with its first training alone, changed."""
    training = dataclasses.replace(plan.training[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(plan, training=(training,))


def trained(plan: Plan) -> dict[str, Any]:
    """The plan's first train cell."""
    return dict(cells_of(plan)[0].cell)


def on(plan: Plan, **changes: object) -> Plan:
    """The plan with its data set's table changed."""
    return dataclasses.replace(plan, data=(dataclasses.replace(plan.data[0], **changes),))  # type: ignore[arg-type]


def test_the_settings_of_a_training_win_over_those_of_the_data_set(tiny: Plan) -> None:
    assert trained(tiny)["settings"] == dataclasses.asdict(
        TrainingSettings(batch_size=256, learning_rate=0.01)
    )
    first = on(tiny, settings={"weight_decay": 0.01, "optimizer": "adamw"})
    assert trained(first)["settings"]["weight_decay"] == 0.01
    both = only(first, settings={"weight_decay": 0.02, "batch_size": 128}, augment=(SHIFT,))
    cell = trained(both)
    kept = {name: cell["settings"][name] for name in ("weight_decay", "optimizer", "batch_size")}
    assert kept == {"weight_decay": 0.02, "optimizer": "adamw", "batch_size": 128}
    assert cell["augment"] == [SHIFT]
    assert Plan.from_record(both.record()) == both
    assert trained(both) != trained(first)


def test_settings_augmentation_and_items_reach_the_training(tiny: Plan, tmp_path: Path) -> None:
    def weights(plan: Plan) -> str:
        cell = cells_of(on(plan, epochs=1, timesteps=1))[0]
        assert attempt(tmp_path, cell).error is None
        record = read_json(tmp_path / cell.id / "record.json", "record")
        return str(record["inputs"]["model_sha256"])

    made = [
        weights(only(tiny)),
        weights(only(tiny, augment=(SHIFT,))),
        weights(only(tiny, settings={"average": 0.5})),
        weights(on(only(tiny), train_items=300)),
    ]
    assert len(set(made)) == 4


PLAN = """
name = "mine"
items = 20

[[data]]
name = "digits"
model = "cnn-small"
threats = ["linf"]

[[training]]
name = "it"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("terms", "settings = { averag = 0.9 }\nterms", r"\[\[training\]\] 'it': unknown setting "
         r"'averag'\. Did you mean 'average'"),
        ("terms", "settings = { average = 2 }\nterms", r"'it': .*must lie in \(0, 1\)"),
        ("terms", 'settings = { optimizer = "adm" }\nterms', r"'it': .*Did you mean 'adam'"),
        ("model", "settings = { averag = 0.9 }\nmodel", r"\[\[data\]\] 'digits': unknown setting "
         r"'averag'\. Did you mean 'average'"),
        ("model", "settings = { batch_size = 9 }\nmodel", "batch_size stands beside settings"),
        ("terms", 'augment = [{ kind = "shift" }]\nterms', r"'it': Unknown augmentation 'shift'"),
        ("terms", 'augment = [{ kind = "flip", shar = 1 }]\nterms', "'it': .*Did you mean 'share'"),
        ("terms", "augment = [{ pixels = 1 }]\nterms", "Every augmentation needs a 'kind'"),
        ("model", "train_items = 0\nmodel", "train_items must be a whole number >= 1"),
        ("items = 20", 'split = "train"', "split: .*'test' or 'validation'"),
        ("weight = 1.0", "weight = -1.0", r"'it': .*must be a finite number >= 0; got -1\.0"),
        ("weight = 1.0", "weight = nan", r"'it': .*must be a finite number >= 0; got nan"),
        ("model", "weights = { error = -1 }\nmodel", r"'digits': .*'error' must be a finite"),
        ("model", "weights = { error = nan }\nmodel", r"'digits': .*'error' must be a finite"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_recipe_is_named_with_its_place_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, sentence: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN.replace(old, new, 1))
    with pytest.raises(SettingError, match=sentence) as caught:
        load_plan(path)
    assert "plan.toml" in str(caught.value)
    assert command(["study", "run", str(path), "--folder", str(tmp_path / "run")]) == 1
    assert capsys.readouterr().err.splitlines()[1:] == [str(caught.value)]
    assert not (tmp_path / "run" / "plan.json").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"augment": ({"kind": "gain"},)}, "'plain' on digits: Gain changes audio, and the items"),
        ({"settings": {"select": "union"}}, "'plain' on digits: .*needs robust validation"),
        ({"settings": {"precision": "bfloat16"}}, "'plain' on digits: .*on CUDA"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_at_planning_time(
    tiny: Plan, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        cells_of(only(tiny, **changes))


def test_fewer_items_are_part_of_more_and_part_of_the_split() -> None:
    data = load("digits")
    few, more = training_items(data, 100, 20), training_items(data, 300, 50)
    for name, size in (("train", 100), ("validation", 20)):
        small, large, whole = (getattr(one, name) for one in (few, more, data))
        assert len(small) == size
        assert set(small.items.tolist()) < set(large.items.tolist()) < set(whole.items.tolist())
        row = {int(item): number for number, item in enumerate(whole.items)}
        at = torch.tensor([row[int(item)] for item in small.items])
        assert torch.equal(small.x, whole.x[at])
        assert torch.equal(at, at.sort().values)
    assert torch.equal(
        open_test(data, 9).items,
        choose(data.sealed, 9, name="test", to="evaluate", data="digits").items,
    )
    assert torch.equal(open_validation(data, 20).items, few.validation.items)
    assert training_items(data, None, None) == data


def test_skipped_items_are_left_out_and_the_next_ones_taken() -> None:
    data = load("digits")
    first, both = open_test(data, 30).items.tolist(), open_test(data, 50).items.tolist()
    then = open_test(data, 20, skip=30).items.tolist()
    assert sorted([*first, *then]) == sorted(both)
    rest = open_test(data, skip=30).items.tolist()
    assert sorted([*first, *rest]) == sorted(data.sealed.items.tolist())
    few, later = open_validation(data, 5), open_validation(data, 5, skip=5)
    assert set(few.items.tolist()).isdisjoint(later.items.tolist())


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_study_attacks_the_items_that_follow(
    tiny: Plan, tmp_path: Path, split: Literal["test", "validation"]
) -> None:
    small = {"epochs": 1, "timesteps": 1, "threats": ("linf",), "items": 6, "skip": 10}
    plan = dataclasses.replace(on(only(tiny), **small), split=split)
    assert run(plan, tmp_path, workers=1).complete
    table = results(tmp_path).table("digits", "plain", "linf")
    opened = {"test": open_test, "validation": open_validation}[split]
    assert table is not None
    assert sorted(table.items) == sorted(opened(load("digits"), 6, skip=10).items.tolist())
    met = {cell.id for cell in cells_of(on(plan, skip=0))}
    assert {cell.id for cell in cells_of(plan) if cell.kind != "train"}.isdisjoint(met)
    assert {cell.id for cell in cells_of(plan) if cell.kind == "train"} < met


def test_more_items_than_there_are_is_one_sentence(tiny: Plan) -> None:
    for changes, sentence in (
        ({"train_items": 9999}, "Cannot train on 9999 training items; digits has"),
        ({"validation_items": 9999}, "Cannot look at 9999 validation items; digits has"),
    ):
        with pytest.raises(InputError, match=sentence):
            cells_of(on(tiny, **changes))
    for items, skip in ((351, 100), (1, 9999)):
        sentence = f"Cannot evaluate {items} test items after the first {skip}; digits has 450"
        with pytest.raises(InputError, match=sentence):
            cells_of(on(tiny, items=items, skip=skip))
    with pytest.raises(SettingError, match="skip must be a whole number >= 0; got -1"):
        on(tiny, skip=-1)
    with pytest.raises(InputError, match="Cannot evaluate 9999 validation items; digits has"):
        cells_of(dataclasses.replace(tiny, split="validation", items=9999))


class Sealed:
    """Test items that nobody may touch."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"The test items were opened: {name}.")

    def __len__(self) -> int:
        raise AssertionError("The test items were counted.")

    def __getitem__(self, which: object) -> object:
        raise AssertionError("The test items were opened.")


@pytest.fixture
def untouchable(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Digits, whose test items raise when touched, wherever a study loads them."""
    data = dataclasses.replace(load("digits"), sealed=Sealed())  # type: ignore[arg-type]
    monkeypatch.setattr("spikeproof.study.datasets.dataset", lambda name, source=None: data)
    return data


def test_the_guard_notices_a_study_of_test_items(tiny: Plan, untouchable: Dataset) -> None:
    with pytest.raises(AssertionError, match="test items were"):
        cells_of(tiny)


def test_a_search_on_validation_items_never_opens_the_test_items(
    tiny: Plan, untouchable: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"epochs": 1, "timesteps": 1, "threats": ("linf",)}
    plan = on(only(tiny), train_items=400, validation_items=40, **small)
    plan = dataclasses.replace(plan, split="validation", items=45)
    done = run(plan, tmp_path, workers=1)
    assert (done.complete, done.split) == (True, "validation")
    found = results(tmp_path)
    table = found.table("digits", "plain", "linf")
    assert table is not None
    # Taken from the whole validation split, not from the 40 that training looked at.
    expected = open_validation(untouchable, 45).items
    assert sorted(table.items) == sorted(expected.tolist())
    assert found.split == found.provenance()["split"] == found.to_dict()["split"] == "validation"
    assert command(["study", "status", str(tmp_path)]) == 0
    assert "look at validation items: these are no test results" in capsys.readouterr().out
    assert command(["compare", str(tmp_path), str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("looks at validation items: its numbers are no test results") == 2
    assert command(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "Every number here was measured on validation items" in page
    assert "45 validation items per network" in page
    titles = {cell.title for cell in cells_of(plan) if cell.kind != "train"}
    assert all(title.endswith("on validation items") for title in titles)


def test_the_split_is_part_of_what_looks_and_not_of_what_is_trained(tiny: Plan) -> None:
    test, other = cells_of(tiny), cells_of(dataclasses.replace(tiny, split="validation"))
    for one, two in zip(test, other, strict=True):
        assert (one.id == two.id) == (one.kind == "train")


def test_a_run_of_a_study_of_test_items_says_so(whole: Path) -> None:
    assert status(whole).split == results(whole).split == "test"


def test_a_plan_that_was_written_with_fewer_settings_was_not_changed_by_hand(
    whole: Path, tmp_path: Path
) -> None:
    content = read_json(whole / "plan.json", "plan")
    del content["plan"]["split"]
    write_plan(tmp_path, content)
    assert status(tmp_path).pending == len(content["cells"])
