"""``spikeproof audit module.py:build``: a user's file on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer

from spikeproof.cli.options import parse_settings, parse_threats
from spikeproof.evaluate import Audit
from support.own_networks import write_nets, write_weights
from support.saying import Said

DONE = re.compile(r"(\d+) cells, \1 of them done")  # nothing was computed again
FEW = ["--data", "digits", "--suite", "quick", "--items", 6]


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a network and its weights, in the working folder."""
    write_weights(write_nets(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "nets.py"


def audit(said: Said, *more: object) -> tuple[int, str, str]:
    """A small audit."""
    return said("audit", "nets.py:build", "--weights", "w.pt", *FEW, *more)


@pytest.mark.filterwarnings("ignore:.*printed")
def test_a_network_of_ones_own_is_audited_and_goes_on(said: Said, nets: Path) -> None:
    nets.write_text(f"print('nothing for a program')\n{nets.read_text()}")
    code, out, told = audit(said, "--threat", "linf:8/255,16/255", "--json")
    assert code == 0, told
    found = json.loads(out)  # nothing else on standard output
    assert [row["radius"] for row in found["threats"][0]["rows"]] == [8 / 255, 16 / 255]
    assert found["run"].startswith("runs/audit-nets-build-digits-quick-")
    assert Audit.load(found["run"]).union_accuracy == found["union_accuracy"]
    code, out, told = audit(said, "--threat", "linf:8/255,16/255", "--json")
    assert code == 0 and json.loads(out) == found and DONE.search(told)
    code, out, told = said("verify", found["run"])
    assert code == 0 and out.count("\n") == 1
    (weights,) = Path(found["run"]).glob("cells/*/model.safetensors")
    safe = said("audit", "nets.py:Net", "--weights", weights, *FEW, "--threat", "linf:16/255")
    assert safe[0] == 0 and "linf           16/255" in safe[1]


def test_both_ways_of_writing_radii_are_one_audit(said: Said, nets: Path) -> None:
    short = audit(said, "--threat", "linf:8/255", "--threat", "l0:2", "--folder", "a")
    long = audit(
        said, "--threat", "linf", "--radius", "8/255", "--threat", "l0", "--radius", 2,
        "--folder", "a",
    )  # fmt: skip
    assert short[:2] == long[:2] == (0, short[1])
    assert DONE.search(long[2])


def test_threats_and_settings_are_read_as_they_are_written() -> None:
    assert parse_threats(["linf:2/5, 3/5", "l0"], []) == [("linf", [0.4, 0.6]), ("l0", [])]
    assert parse_threats(["linf", "l2"], ["1", "2"]) == [("linf", [1.0]), ("l2", [2.0])]
    for threats, radii in (["linf:1"], ["1"]), (["linf", "l2"], ["1"]), (["linf:"], []):
        with pytest.raises(typer.BadParameter):
            parse_threats(threats, radii)
    given = ["a=1", "b=x", "c=true", 'd="1"', "e=[1, 2.5]", "f=None", "g=1e999", "h=a=b", "i="]
    assert parse_settings(given, "--build") == {
        "a": 1, "b": "x", "c": True, "d": "1", "e": [1, 2.5], "f": None, "g": "1e999",
        "h": "a=b", "i": "",
    }  # fmt: skip
    for wrong in (["a"], ["=1"], ["a b=1"], ["a=1", "a=2"]):
        with pytest.raises(typer.BadParameter):
            parse_settings(wrong, "--build")


def other(name: str, text: str) -> Callable[[Path], object]:
    """Something that is done to the folder first."""
    return lambda nets: nets.with_name(name).write_text(text)


REFUSED: dict[str, tuple[list[object], int, str, Callable[[Path], object] | None]] = {
    "no such file": (["no.py:build"], 1, "There is no Python file at no.py.", None),
    "no function": (["nets.py"], 1, "write nets.py:NAME with one of Net, build", None),
    "misspelt": (["nets.py:bild"], 1, "Did you mean 'build'?", None),
    "weights alone": (["w.pt"], 1, "is not a whole safetensors model file", None),
    "no weights": (["nets.py:build", "--weights", "v.pt"], 1, "no weights file at v.pt", None),
    "weights of a file": (
        ["m.safetensors", "--weights", "w.pt"], 1, "weights belong to a function", None,
    ),
    "argument": (
        ["nets.py:build", "--build", "widht=3"], 1, "Did you mean 'width'?", None,
    ),
    "no pair": (["nets.py:build", "--build", "width"], 2, "takes key=value", None),
    "shape": (
        ["nets.py:build", "--weights", "w.pt", "--build", "width=4"], 1,
        "'first.weight' has shape (16, 64) in the file and (4, 64) in the network", None,
    ),
    "setting": (["nets.py:build", "--adapt", "step=3"], 1, "Did you mean 'steps'?", None),
    "raises": (
        ["bad.py:build"], 1, "bad.py:build raises ValueError: no while it is imported (bad.py, l",
        other("bad.py", "raise ValueError('no')\nbuild = 0"),
    ),
    "exits": (
        ["bad.py:build"], 1, "bad.py:build exits with code 2 while it is imported (bad.py, line 1",
        other("bad.py", "exit(2)\nbuild = 0"),
    ),
    "both radii": (
        ["nets.py:build", "--threat", "linf:1/255", "--radius", "1"], 2, "not both ways", None,
    ),
    "radius": (["nets.py:build", "--threat", "linf:x"], 2, "'x' is not a radius", None),
    "threat": (["nets.py:build", "--threat", "linff:1"], 1, "Did you mean 'linf'?", None),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED))
def test_bad_input_is_one_sentence_and_nothing_is_begun(what: str, said: Said, nets: Path) -> None:
    words, code, sentence, first = REFUSED[what]
    if first is not None:
        first(nets)
    found, out, told = said("audit", *words, *FEW)
    assert (found, out) == (code, "") and sentence in told, told
    assert len(told.strip().splitlines()) == 1
    assert not nets.with_name("runs").exists()


def test_a_file_that_holds_objects_runs_nothing(said: Said, nets: Path) -> None:
    torch.save({"model": torch.nn.Linear(1, 1)}, "w.pt")
    code, out, told = audit(said)
    assert (code, out) == (1, "") and "pickled objects are never opened" in told
