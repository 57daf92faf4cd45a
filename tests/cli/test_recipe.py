"""``spikeproof train --recipe``, and what a user meets where something does not fit."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from spikeproof.data import Dataset, load
from spikeproof.models import read_tensors, write_tensors
from support.saying import Said

SMALL = ["--width", "2", "--timesteps", "1", "--epochs", "1"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Digits with 16 training items, wherever the command loads them."""
    data = load("digits")
    data = dataclasses.replace(data, train=data.train[:16], validation=data.validation[:8])
    monkeypatch.setattr("spikeproof.data.load", lambda name: data)
    return data


def made(folder: Path) -> dict[str, object]:
    """What the card of a trained model says of its training."""
    return dict(json.loads((folder / "model.card.json").read_text())["training"])


@pytest.mark.usefixtures("few")
def test_a_recipe_is_taken_whole_with_no_other_option(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = said("train", "--recipe", "multinorm", *SMALL, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["model"] == "runs/digits-multinorm-seed0/model.safetensors"
    assert told["data"] == "digits"
    terms, inputs = told["objective"]["terms"], told["objective"]["inputs"]
    # What the demo says of sparse terms on digits is not for it: its own weight is 0.
    assert list(terms) == ["error"]
    assert inputs["kind"] == "eat"
    radii = {one["threat"]["name"]: one["threat"]["radius"] for one in inputs["members"]}
    assert radii == {"linf": pytest.approx(0.13), "l1": 3.0}
    card = made(tmp_path / "runs" / "digits-multinorm-seed0")
    assert card["settings"]["average"] == 0.98  # type: ignore[index]
    assert card["settings"]["learning_rate"] == 0.01  # type: ignore[index]
    assert told["epochs"] == 1  # as the option says, though the recipe takes more than the plan's


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("options", "said_last"),
    [
        ("--recipe multinorm", "% clean."),
        ("--objective AT", "% on the inputs it was trained on."),
        ("--validate-under linf --set select=union", "% under all threats of its validation."),
        (
            "--validate-under linf --set select=robust",
            "% robust under the threats of its validation.",
        ),
    ],
)
def test_what_selection_looked_at_is_said(
    said: Said, tmp_path: Path, options: str, said_last: str
) -> None:
    _, out, _ = said("train", *options.split(), *SMALL, "--folder", tmp_path / "x")
    assert out.rstrip().endswith(said_last)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("option", ["--recipe", "--objective"])
def test_the_old_name_of_a_recipe_is_read_with_a_notice(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    code, out, err = said("train", option, "multinorm-sparse", *SMALL, "--json")
    assert code == 0
    assert json.loads(out)["model"] == "runs/digits-multinorm-seed0/model.safetensors"
    assert err.splitlines()[0] == (
        "spikeproof train: multinorm-sparse is now written multinorm; the old spelling is still "
        "read."
    )


@pytest.mark.usefixtures("few")
def test_objective_is_another_word_for_recipe_and_options_win(said: Said, tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in "abc")
    assert said("train", "--recipe", "multinorm", *SMALL, "--folder", one)[0] == 0
    assert said("train", "--objective", "multinorm", *SMALL, "--folder", two)[0] == 0
    assert (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
    command = ["train", "--recipe", "multinorm", *SMALL, "--folder", three]
    assert said(*command, "--set", "average=0.5", "--augment", "flip")[0] == 0
    card = made(three)
    assert card["settings"]["average"] == 0.5  # type: ignore[index]
    assert card["augment"] == [{"kind": "flip", "share": 0.5}]


@pytest.mark.usefixtures("few")
def test_weights_are_those_of_the_plan_that_the_recipe_is_in(said: Said, tmp_path: Path) -> None:
    def weight(name: str) -> float:
        folder = tmp_path / name
        out = said("train", "--recipe", name, *SMALL, "--folder", folder, "--json")[1]
        return float(json.loads(out)["objective"]["terms"]["sparse"]["weight"])

    assert weight("SR") == 0.05
    assert weight("SR-l1") == 1.0


def refused(answer: tuple[int, str, str], *parts: str) -> None:
    """The command ended with one sentence that holds these parts."""
    code, out, err = answer
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    (sentence,) = [s for s in err.splitlines() if not s.startswith(("Preparing", "Estimate", "["))]
    for part in parts:
        assert part in sentence


def test_a_recipe_on_the_wrong_modality_is_one_sentence(said: Said, tmp_path: Path) -> None:
    command = ["train", "--data", "digits-audio", "--augment", "shift-image:pixels=1"]
    refused(said(*command, "--folder", tmp_path / "x"), "ShiftImage changes image, and the")
    late = said("train", "--data", "digits-audio", "--recipe", "latency", "--folder", tmp_path)
    refused(late, "'latency' on digits-audio: ")
    assert not list(tmp_path.iterdir())


def test_a_missing_validation_split_is_one_sentence(
    said: Said, few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = dataclasses.replace(few, validation=few.validation[:0])
    monkeypatch.setattr("spikeproof.data.open_data", lambda name: blind)
    command = ["train", *SMALL, "--folder", tmp_path]
    refused(said(*command), "'plain' on digits: ", "needs validation items and there are none")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ("--objective AT --threat linf --radius 8", "radius"),
        ("--validate-under linf=8", "radius"),
    ],
)
def test_a_threat_that_leaves_the_domain_is_one_sentence(
    said: Said, tmp_path: Path, options: str, part: str
) -> None:
    refused(said("train", *SMALL, "--folder", tmp_path, *options.split()), part)


@pytest.fixture
def model(said: Said, few: Dataset, tmp_path: Path) -> Path:
    """A trained network's file."""
    assert said("train", *SMALL, "--folder", tmp_path / "mine")[0] == 0
    return tmp_path / "mine" / "model.safetensors"


def test_checkpoints_of_another_architecture_or_version_are_one_sentence(
    said: Said, model: Path, tmp_path: Path
) -> None:
    wide = ["train", "--width", "3", "--timesteps", "1", "--epochs", "1", "--folder", model.parent]
    refused(said(*wide), "belongs to another training run", "architecture")

    tensors, header = read_tensors(model)
    spec = dict(header["model"])  # type: ignore[call-overload]
    audit = "audit", tmp_path / "other.safetensors", "--data", "digits", "--items", "4"

    def written(**changes: object) -> None:
        write_tensors(tmp_path / "other.safetensors", tensors, {**header, **changes})

    written(schema=2)
    refused(said(*audit), "other.safetensors has schema 2; this version of spikeproof reads 1")
    written(model={**spec, "name": "cnn-smal"})
    refused(said(*audit), "Did you mean 'cnn-small'?")
    written(model={**spec, "width": 3})
    refused(said(*audit), "other.safetensors: tensor", "the architecture needs")
    name = next(key for key, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    written()
    refused(said(*audit), f"tensor {name!r} holds values that are not finite")
