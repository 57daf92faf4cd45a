"""Model cards: what they say, that they load, and that nothing in them can be edited."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.analysis import results
from spikeproof.base import FileProblem, InputError, SettingError, read_arrays, write_arrays
from spikeproof.cards import (
    CARD_FILES,
    hub_network,
    load_card_network,
    read_card,
    verify_card,
    write_cards,
)
from spikeproof.cards.fingerprint import fingerprint_inputs
from spikeproof.cards.front_matter import front_matter
from spikeproof.cards.page import NOTES
from spikeproof.data import load
from spikeproof.evaluate import audit, open_test, plain_logits
from spikeproof.metrics import wilson
from spikeproof.models import build, load_model, save_model
from spikeproof.threats import Linf, Threat
from support.made_cards import edited, rearranged, reseal_card
from support.saying import Said

Array = np.ndarray[Any, Any]


def problem_of(folder: Path) -> str:
    """Why a card does not hold, which is one sentence."""
    found = verify_card(folder)
    assert not found.holds
    assert found.problem and "\n" not in found.problem and len(found.problem) <= 600
    return found.problem


def test_a_card_holds_and_says_what_the_run_found(whole: Path, kept: Path, said: Said) -> None:
    assert sorted(path.name for path in whole.iterdir()) == sorted(CARD_FILES)
    code, out, err = said("verify", whole)
    assert (code, err) == (0, "")
    assert "holds" in out and "a forward pass of its own" in out and out.count("\n") == 1
    code, out, _ = said("verify", whole, "--json")
    told = json.loads(out)
    assert (code, told["kind"], told["sound"], told["problem"]) == (0, "card", True, None)
    frame = results(kept).frame()
    rows = list(zip(frame["threat"], frame["radius"], frame["accuracy"], strict=True))
    content = read_card(whole)
    computed, stated = content["computed"], content["stated"]
    assert computed["clean"]["accuracy"] == next(a for t, _, a in rows if t == "clean")
    for asked, found in zip(stated["threats"], computed["threats"], strict=True):
        name = asked["threat"]["name"]
        wanted = [(r, a) for t, r, a in rows if t == name]
        assert [(row["radius"], row["accuracy"]) for row in found] == wanted
    assert told["inputs"] == len(read_arrays(whole / "evidence.npz")["0.kept_items"]) + len(
        read_arrays(whole / "evidence.npz")["1.kept_items"]
    )
    assert told["inputs"] > 10


def test_numbers_are_those_counted_by_hand(whole: Path) -> None:
    computed = read_card(whole)["computed"]
    data = load("digits")
    split = open_test(data, 16)
    answers = plain_logits(load_model(whole / "model.safetensors"), split.x).argmax(1)
    right = (answers == split.y).numpy()
    assert computed["clean"]["accuracy"] == right.sum() / 16
    arrays = read_arrays(whole / "evidence.npz")
    alive = right.copy()
    for k in (0, 1):
        broken = np.zeros(16, bool)
        for item, level in zip(arrays[f"{k}.kept_items"], arrays[f"{k}.kept_level"], strict=True):
            broken |= (split.items.numpy() == item) & (level <= 1)
        assert computed["threats"][k][1]["accuracy"] == (right & ~broken).sum() / 16
        alive &= ~broken
    union = computed["union"]
    assert union["accuracy"] == alive.sum() / 16
    # Wilson's interval with the variance of what was seen: near it, never inside by much.
    low, high = wilson(int(alive.sum()), 16)
    assert abs(union["low"] - low) < 0.05 and abs(union["high"] - high) < 0.05


def test_the_same_run_gives_the_same_bytes(whole: Path, kept: Path, tmp_path: Path) -> None:
    for name in ("once", "again"):
        write_cards(kept, tmp_path / name, licence="apache-2.0")
    for name in CARD_FILES:
        once = (tmp_path / "once" / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == once, name
        # The stored card's intervals have the quantiles of SciPy, which differ in the last digit.
        if name not in ("card.json", "README.md"):
            assert (whole / name).read_bytes() == once, name
    stored, made = (
        json.loads((folder / "card.json").read_text("utf-8"))["computed"]
        for folder in (whole, tmp_path / "once")
    )
    # Another processor's logits differ in their last bits, now and then in the last digit kept.
    there, here = (np.array(computed.pop("fingerprint")["logits"]) for computed in (stored, made))
    assert np.abs(there - here).max() < 1e-4
    assert _rounded(made) == _rounded(stored)
    write_cards(kept, tmp_path / "again", licence="apache-2.0")  # over a card


def _rounded(content: Any) -> Any:
    """Plain data with every fraction to twelve digits."""
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return float(f"{content:.12g}") if isinstance(content, float) else content


def test_the_readme_is_read_as_the_hub_reads_it(whole: Path) -> None:
    yaml = pytest.importorskip("yaml")
    text = (whole / "README.md").read_text("utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    computed, stated = (read_card(whole)[part] for part in ("computed", "stated"))
    (index,) = head["model-index"]
    (result,) = index["results"]
    clean, *others = result["metrics"]
    assert (head["license"], head["library_name"]) == ("apache-2.0", "spikeproof")
    assert clean["value"] == computed["clean"]["accuracy"]
    wanted = [
        (asked["threat"]["name"], row["radius"], row["accuracy"], row["low"], row["high"])
        for asked, rows in zip(stated["threats"], computed["threats"], strict=True)
        for row in rows
    ]
    told = [
        (m["args"]["threat"], m["args"]["radius"], m["value"], m["args"]["low"], m["args"]["high"])
        for m in others
    ]
    assert told == wanted
    assert all(m["args"]["verdict"] == "not diagnosed" for m in others)
    assert {m["args"]["items"] for m in others} == {16}
    # No robust accuracy without its verdict: every row and the first paragraph have one.
    assert "Verdict: " in text.split("## ")[0]
    assert text.count("not diagnosed |") == len(others) + 1
    hub = pytest.importorskip("huggingface_hub")
    parsed = hub.ModelCard.load(whole / "README.md")
    assert len(parsed.data.eval_results) == 1 + len(others)
    assert parsed.data.model_name == "digits-net-seed0"


def test_a_card_loads_by_us_and_by_the_mixin_of_the_hub(whole: Path, tmp_path: Path) -> None:
    x = load("digits").validation.x[:6]
    wanted = plain_logits(load_model(whole / "model.safetensors"), x)
    assert torch.equal(plain_logits(load_card_network(whole), x), wanted)
    pytest.importorskip("huggingface_hub")
    kind = hub_network()
    network = kind.from_pretrained(str(whole))
    assert not network.training
    assert torch.equal(plain_logits(network, x), wanted)
    network.save_pretrained(tmp_path / "saved")
    assert torch.equal(
        plain_logits(load_model(tmp_path / "saved" / "model.safetensors"), x), wanted
    )
    again = kind.from_pretrained(str(tmp_path / "saved"))
    assert torch.equal(plain_logits(again, x), wanted)


def test_a_class_of_a_user_s_own_loads_it_by_the_mixin(whole: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    from spikeproof.models import ModelSpec, Network

    class Mine(Network, hub.PyTorchModelHubMixin):  # type: ignore[misc, name-defined]
        def __init__(self, spec: dict[str, Any]) -> None:
            built = build(ModelSpec.from_record(spec))
            super().__init__(built.spec, built.body)

    x = load("digits").validation.x[:4]
    wanted = plain_logits(load_model(whole / "model.safetensors"), x)
    assert torch.equal(plain_logits(Mine.from_pretrained(str(whole)), x), wanted)


def test_weights_of_the_hub_are_not_unpickled() -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    with pytest.raises(FileProblem, match="pickle, which is never opened"):
        hub_network()._load_as_pickle(None, "pytorch_model.bin", "cpu", True)


def test_no_link_is_followed(card: Path, tmp_path: Path) -> None:
    for name in CARD_FILES:
        moved = tmp_path / f"moved-{name}"
        (card / name).rename(moved)
        (card / name).symlink_to(moved)
        assert "link" in problem_of(card)
        (card / name).unlink()
        moved.rename(card / name)
    assert verify_card(card).holds
    (tmp_path / "named").symlink_to(card)
    assert "link" in problem_of(tmp_path / "named")


@pytest.mark.parametrize("name", CARD_FILES)
def test_a_missing_an_empty_and_a_huge_file_are_named(card: Path, name: str) -> None:
    path = card / name
    content = path.read_bytes()
    path.unlink()
    assert name in problem_of(card)
    path.write_bytes(b"")
    assert name in problem_of(card)
    with path.open("r+b") as stream:  # sparse: nothing is on the disk
        stream.truncate(1 << 33)
    assert name in problem_of(card) if name not in ("model.safetensors", "evidence.npz") else True
    path.unlink()
    os.mkfifo(path)
    if name not in ("model.safetensors", "evidence.npz"):
        assert "no ordinary file" in problem_of(card)
    path.unlink()
    path.write_bytes(content)
    assert verify_card(card).holds


def test_a_text_of_the_authors_is_free_below_the_last_comment(card: Path) -> None:
    path = card / "README.md"
    text = path.read_text("utf-8")
    assert text.endswith(NOTES)
    path.write_text(text + "\nTrained at home.\n", "utf-8")
    assert verify_card(card).holds
    path.write_text(text.replace("at most", "at least"), "utf-8")
    assert "README.md is not what its record says, from line" in problem_of(card)


NUMBERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "clean.accuracy": lambda c: c["clean"].update(accuracy=1.0),
    "clean.low": lambda c: c["clean"].update(low=c["clean"]["low"] + 1e-6),
    "threats[0][1].accuracy": lambda c: c["threats"][0][1].update(accuracy=0.99),
    "threats[1][2].high": lambda c: c["threats"][1][2].update(high=1.0),
    "threats[0][0].radius": lambda c: c["threats"][0][0].update(radius=0.5),
    "union.accuracy": lambda c: c["union"].update(accuracy=1.0),
    "union": lambda c: c.update(union=None),
    "network.parameters": lambda c: c["network"].update(parameters=1),
    "network.sha256": lambda c: c["network"].update(sha256="0" * 64),
    "network.architecture.neuron.leak": lambda c: c["network"]["architecture"]["neuron"].update(
        leak=0.25
    ),
    "data.items": lambda c: c["data"].update(items=10_000),
    "data.licence": lambda c: c["data"].update(licence="none"),
    "verdicts[0][1]": lambda c: c["verdicts"][0].__setitem__(1, "sound"),
    "data.more": lambda c: c["data"].update(more=None),
    "fingerprint": lambda c: c["fingerprint"]["logits"][3].__setitem__(2, 7.0),
}


@pytest.mark.parametrize("place", NUMBERS)
def test_an_edited_number_is_named_though_every_hash_fits(card: Path, place: str) -> None:
    edited(card, lambda content: NUMBERS[place](content["computed"]))
    assert place in problem_of(card)


def test_an_edited_number_is_found_by_the_seal_alone(card: Path) -> None:
    text = (card / "card.json").read_text("utf-8")
    (card / "card.json").write_text(text.replace('"accuracy":', '"accuracy": ', 1), "utf-8")
    assert verify_card(card).holds  # no number was changed
    content = json.loads(text)
    content["computed"]["clean"]["accuracy"] += 0.01
    (card / "card.json").write_text(json.dumps(content), "utf-8")
    assert "changed after it was written" in problem_of(card)


ARRAYS: dict[str, tuple[Callable[[dict[str, Array]], object], str]] = {
    "an input replaced by the clean one": (
        lambda a: a["0.kept_x_adv"].__setitem__(0, 0.0),
        "does not hold",
    ),
    "inputs moved too far": (
        lambda a: a.update({"0.kept_x_adv": np.clip(a["0.kept_x_adv"] + 0.4, 0, 1)}),
        "moved",
    ),
    "inputs left out": (
        lambda a: a.update(
            {f"0.{n}": a[f"0.{n}"][1:] for n in ("kept_items", "kept_level", "kept_x_adv")}
        ),
        "the kept inputs say otherwise",
    ),
    "broken items called standing": (
        lambda a: a.update({"1.broken": np.zeros_like(a["1.broken"])}),
        "does not hold",
    ),
    "wrong items called right": (
        lambda a: a.update(correct=np.ones_like(a["correct"])),
        "is wrong when clean",
    ),
    "other items": (lambda a: a.update(items=a["items"] + 1), "other items"),
    "a level that is not there": (
        lambda a: a.update({"0.kept_level": a["0.kept_level"] + np.int16(9)}),
        "radius that is not there",
    ),
    "another type": (
        lambda a: a.update({"0.kept_x_adv": a["0.kept_x_adv"].astype(np.float64)}),
        "'0.kept_x_adv' is float64",
    ),
    "another shape": (
        lambda a: a.update({"0.kept_x_adv": a["0.kept_x_adv"][..., :4]}),
        "'0.kept_x_adv' is float32",
    ),
    "one array more": (lambda a: a.update(more=np.ones(1)), "'more'"),
    "values that are none": (
        lambda a: a["0.kept_x_adv"].__setitem__(0, np.nan),
        "not finite",
    ),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_altered_arrays_are_refused_though_every_hash_fits(card: Path, what: str) -> None:
    change, sentence = ARRAYS[what]
    rearranged(card, change)
    assert sentence in problem_of(card)


def test_arrays_and_weights_of_another_hash_are_named(card: Path) -> None:
    for name in ("evidence.npz", "model.safetensors"):
        content = (card / name).read_bytes()
        (card / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert f"{name} is not the file that" in problem_of(card)
        (card / name).write_bytes(content)


def test_swapped_weights_are_found_though_every_hash_fits(card: Path) -> None:
    network = load_model(card / "model.safetensors")
    other = build(network.spec, seed=5).eval()
    save_model(other, card / "model.safetensors")
    reseal_card(card)
    assert "does not hold for" in problem_of(card)
    # A weight so small that no answer turns: the hash over the weights tells.
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] += 1e-7
    save_model(network, card / "model.safetensors")
    reseal_card(card)
    assert "network.sha256" in problem_of(card)


def test_a_forger_who_leaves_inputs_out_everywhere_only_claims_less_was_broken(card: Path) -> None:
    """What a second look cannot know: that more was broken. The page says so."""

    def forge(a: dict[str, Array]) -> None:
        for name in ("kept_items", "kept_level", "kept_x_adv"):
            a[f"0.{name}"] = a[f"0.{name}"][:0]
        a["0.broken"][:] = ~a["correct"]

    rearranged(card, forge)
    assert "threats[0]" in problem_of(card)  # the numbers of the record still say otherwise
    assert "no check can show that nothing else would" in " ".join(
        (card / "README.md").read_text("utf-8").split()
    )


def test_threats_and_settings_that_make_no_sense_are_refused(card: Path) -> None:
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda s: s["threats"][0]["threat"].update(radii=[0.3, 0.2, 0.1]),
        lambda s: s["threats"][0]["threat"].update(radii=[]),
        lambda s: s["threats"][0]["threat"].update(more=1),
        lambda s: s["threats"].pop(),
        lambda s: s.update(items=10**9),
        lambda s: s.update(split="train"),
        lambda s: s.update(data="no-such-data"),
        lambda s: s.update(threats=None),
        lambda s: s.pop("versions"),
    ]
    whole = (card / "card.json").read_bytes()
    for change in changes:
        (card / "card.json").write_bytes(whole)
        edited(card, lambda content, do=change: do(content["stated"]), pages=False)  # type: ignore[misc]
        problem_of(card)


def test_a_configuration_of_another_network_is_refused(card: Path) -> None:
    path = card / "config.json"
    config = json.loads(path.read_text("utf-8"))
    config["spec"]["timesteps"] = 9
    path.write_text(json.dumps(config), "utf-8")
    assert "config.json says spec.timesteps is 9" in problem_of(card)
    with pytest.raises(FileProblem, match="about another network"):
        load_card_network(card)
    path.write_text("{", "utf-8")
    with pytest.raises(FileProblem, match="not whole JSON"):
        load_card_network(card)


def test_no_card_is_written_where_nothing_could_be_checked(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="holds no complete network that fits; it has net"):
        write_cards(kept, tmp_path / "a", network="other")
    with pytest.raises(SettingError, match="no identifier"):
        write_cards(kept, tmp_path / "a", licence="All rights: reserved")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    with pytest.raises(FileProblem, match="holds something that is no card"):
        write_cards(kept, tmp_path / "full")
    copy = Path(shutil.copytree(kept, tmp_path / "run"))
    path = next(copy.glob("cells/*/adversarials.npz"))
    arrays = read_arrays(path)
    write_arrays(path, {**arrays, "level": arrays["level"] + np.int16(1)})
    with pytest.raises(FileProblem, match="changed after it was written"):
        write_cards(copy, tmp_path / "b")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_a_run_that_kept_nothing_is_told_how_to(kept: Path, tmp_path: Path) -> None:
    from support.resealed import reseal

    copy = Path(shutil.copytree(kept, tmp_path / "run"))
    for path in copy.glob("cells/*/adversarials.npz"):
        path.unlink()
    reseal(copy)
    with pytest.raises(InputError, match="--keep-adversarials"):
        write_cards(copy, tmp_path / "card")


def test_the_command_writes_and_refuses_in_one_line(kept: Path, tmp_path: Path, said: Said) -> None:
    code, out, err = said("card", kept, "--to", tmp_path / "card")
    assert (code, err) == (0, "")
    assert out == f"digits-net-seed0: {tmp_path / 'card'}\n"
    code, out, err = said("card", tmp_path / "none", "--to", tmp_path / "card")
    assert (code, out, err.count("\n")) == (1, "", 1)
    (tmp_path / "card" / "evidence.npz").unlink()
    code, out, err = said("verify", tmp_path / "card")
    assert code == 1 and "does NOT hold" in out and out.count("\n") == 1


def test_inputs_of_the_fingerprint_are_a_formula() -> None:
    x = fingerprint_inputs({"kind": "image", "shape": [1, 2, 2], "low": -1.0, "high": 1.0})
    golden = (5**0.5 - 1) / 2
    assert x.shape == (8, 1, 2, 2)
    assert np.allclose(x.ravel(), [2 * ((k * golden) % 1) - 1 for k in range(1, 33)], atol=1e-6)
    counts = fingerprint_inputs(
        {"kind": "events", "shape": [2, 3], "low": 0.0, "high": 4.0, "integer": True}
    )
    assert set(np.unique(counts)) <= {0.0, 1.0, 2.0, 3.0, 4.0} and counts.max() == 4.0
    views = {"views": [["a", {"shape": [2], "low": 0.0, "high": 1.0}],
                       ["b", {"shape": [3], "low": -9.0, "high": -8.0}]]}  # fmt: skip
    both = fingerprint_inputs(views)
    assert both.shape == (8, 5) and both[:, 2:].max() < 0 <= both[:, :2].min()


def test_front_matter_survives_any_text() -> None:
    yaml = pytest.importorskip("yaml")
    odd = ['a: "b" # c', "- x", "\\", "no", "null", "~", "!!python/object:os.system", "é ✓", "{[,"]
    content = {
        "text": odd,
        "number": 1e-05,
        "big": 1e22,
        "flag": True,
        "inner": {"a-b": [{"k": 1}]},
    }
    text = front_matter(content)
    assert yaml.safe_load(text.strip("-\n")) == content
    assert (
        yaml.safe_load(front_matter({"t": "a\x00b\u2028c"}).strip("-\n"))["t"] == "a\\x00b\\u2028c"
    )
    for key in ("Upper", "no", "a: b"):
        with pytest.raises(SettingError):
            front_matter({key: 1})
    with pytest.raises(SettingError):
        front_matter({"a": object()})


def test_what_no_card_can_carry_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """An audit that was saved from Python holds no network; code of a user's is not carried."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    data = load("digits")
    threat = Threat(Linf(), 0.1, data.domain)
    audit(network, data, threat, suite="quick", items=8, draws=2).save(tmp_path / "saved")
    with pytest.raises((FileProblem, InputError, SettingError)) as problem:
        write_cards(tmp_path / "saved", tmp_path / "card")
    assert "\n" not in str(problem.value)
    assert "spikeproof audit" in str(problem.value)
    assert not (tmp_path / "card").exists()
