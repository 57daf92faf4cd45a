"""What the user sees: help, suggestions, refusals, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from spikeproof.cli.main import run
from spikeproof.cli.options import parse_radius
from spikeproof.names import printable
from support.saying import Said

COMMANDS = [
    ("demo",),
    ("train",),
    ("audit",),
    ("certify",),
    ("study", "extract"),
    ("study", "run"),
    ("study", "status"),
    ("report",),
    ("compare",),
    ("list",),
    ("data", "list"),
    ("data", "verify"),
    ("cite",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(said: Said, command: tuple[str]) -> None:
    code, out, err = said(*command, "--help")
    assert (code, err) == (0, "")
    assert f"Example:\n    spikeproof {' '.join(command)}" in out
    assert "--json" in out


@pytest.mark.parametrize("command", ["demo", "train", "audit", "study run"])
def test_what_draws_at_random_takes_a_seed(said: Said, command: str) -> None:
    assert "--seed" in said(*command.split(), "--help")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("adit", "No such command 'adit'. Did you mean 'audit'?"),
        ("study rum", "No such command 'rum'. Did you mean 'run'?"),
        ("demo --quik", "No such option '--quik'. Did you mean '--quick'?"),
        ("demo --workers 0", "Invalid value for '--workers'"),
        ("demo --seed many", "Invalid value for '--seed'"),
        ("audit", "Missing argument 'model'"),
        ("train --recipe SR --objective SR", "--recipe and --objective both name the training"),
        ("train --recipe multinor", "Did you mean 'multinorm'?"),
        ("audit m --data digits --radius x", "'x' is not a radius; write a number such as 0.1"),
        ("audit m --data digits --radius 1/0", "'1/0' is not a radius"),
        ("audit m --data digits --radius=-1", "A radius must be above zero; got '-1'."),
        ("audit m --data digits --radius 1", "one --radius for each --threat; got 0 threats and 1"),
        ("audit m --data digits --radius 1e309", "'1e309' is not a radius"),
        ("audit m --data digits --radius 1e999", "'1e999' is not a radius"),
        ("audit m --data digits --radius 1e999999999", "'1e999999999' is not a radius"),
        ("audit m --data digits --radius 1/1e-400", "'1/1e-400' is not a radius"),
        ("audit m --data digits --radius nan", "'nan' is not a radius"),
        (
            f"audit m --data digits --radius {'7' * 5000}",
            "7...7777777777777777777' is not a radius",
        ),
        (f"audit m --data digits --seed {'9' * 26}", "A seed is a whole number of 64 bits; got 9"),
        (f"train --seed -{'9' * 26}", "A seed is a whole number of 64 bits; got -9"),
        (f"train --seed {'9' * 5000}", "Invalid value for '--seed'"),
        (f"study run quick --workers {'9' * 26}", "Invalid value for '--workers'"),
        ("train --folder=", "An argument is empty: --folder=; give it a value or leave it out."),
        ("train --augment shift-image:", "--augment takes NAME or NAME:KEY=VALUE"),
        ("list \x1b[31m", "Unknown kind '\\x1b[31m'. Known: attacks,"),
        ("list threat", "Unknown kind 'threat'. Did you mean 'threats'?"),
        ("train --data digit", "Unknown data set 'digit'. Did you mean 'digits'?"),
        ("train --data digits --objective sr", "Unknown training 'sr'. Did you mean 'SR'?"),
        ("train --data digits --radius 0.1", "training under one threat; 'plain' is none"),
        ("train --data digits --objective MAX --radius 0.1", "under one threat; 'MAX' is none"),
        ("train --data digits --objective AT --threat l3", "Unknown threat for digits 'l3'."),
    ],
)
def test_a_command_line_that_makes_no_sense_is_answered(
    said: Said, arguments: str, sentence: str
) -> None:
    code, out, err = said(*arguments.split())
    assert code == 2
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("data verify digit", "Unknown data set 'digit'. Did you mean 'digits'?"),
        ("cite madri2018", "Unknown citation key 'madri2018'. Did you mean 'madry2018'?"),
        ("audit no.safetensors --data digits", "There is no model file at no.safetensors."),
        ("report no-such-run", "There is no run folder at no-such-run."),
        ("study status no-such-run", "There is no run at no-such-run"),
        ("study run no-such-plan", "There is no plan at no-such-plan."),
        ("compare a b", "a is neither a run (plan.json) nor an audit (audit.json)."),
        (
            "train --data digits --objective AT --radius 8 --folder x",
            "radius",
        ),
    ],
)
def test_what_is_refused_is_one_sentence_and_exit_code_one(
    said: Said,
    arguments: str,
    sentence: str,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(str(tmp_path))
    code, out, err = said(*arguments.split())
    assert code == 1
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err
    sentences = [line for line in err.splitlines() if not line.startswith("Preparing")]
    assert len(sentences) == 1


@pytest.mark.parametrize("words", [["report", ""], ["study", "run", "quick", "--folder", ""]])
def test_an_empty_argument_does_not_stand_for_this_folder(said: Said, words: list[str]) -> None:
    assert said(*words) == (2, "", "An argument is empty: ''; give it a value or leave it out.\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--width", "100000000"], "ModelSpec.width must be a whole number <= 65536"),
        (["--timesteps", "9" * 26], "ModelSpec.timesteps must be a whole number <= 65536"),
        (["--augment", "shift-image:pixels=1000000"], "ShiftImage.pixels must be at most 8"),
        (
            ["--set", "learning_rate=nan"],
            "--set: TrainingSettings.learning_rate must be positive and finite; got nan.",
        ),
        (["--set", f"batch_size={'9' * 5000}"], "--set: batch_size"),
    ],
)
def test_a_number_of_any_size_is_answered_in_a_sentence(
    said: Said, changes: list[str], sentence: str, tmp_path: Path
) -> None:
    code, out, err = said("train", *changes, "--folder", tmp_path / "t")
    assert (code, out) == (1, "")
    assert sentence in err and len(err) < 500
    assert err.count("\n") == 1
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("name", ["../x", "..", "/x", "a/b", "", "\\u001b[31m", "a\\u0000"])
def test_a_plan_cannot_be_called_by_a_path(said: Said, name: str, tmp_path: Path) -> None:
    plan = tmp_path / "odd.toml"
    text = load_text("quick").replace('name = "quick"', f'name = "{name}"', 1)
    plan.write_text(text, encoding="utf-8")
    code, out, err = said("study", "run", plan)
    assert (code, out) == (1, "")
    assert "must be a name that can be part of a path" in err
    assert err == printable(err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd.toml"]


def load_text(plan: str) -> str:
    """The text of a plan that comes with the package."""
    from importlib import resources

    folder = resources.files("spikeproof.study") / "plans"
    return (folder / f"{plan}.toml").read_text(encoding="utf-8")


def test_a_plan_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    from spikeproof.study import load_plan

    (tmp_path / "plan.toml").write_bytes(b"\xef\xbb\xbf" + load_text("quick").encode())
    assert load_plan(tmp_path / "plan.toml") == load_plan("quick")


def test_whatever_is_printed_goes_through_one_place() -> None:
    import spikeproof.cli

    folder = Path(spikeproof.cli.__file__).parent
    found = [
        path.name
        for path in folder.glob("*.py")
        if path.name != "show.py"
        and re.search(r"typer\.echo|(?<!\.)\bprint\(", path.read_text("utf-8"))
    ]
    assert found == []


def test_the_traceback_is_there_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    from spikeproof import SpikeproofError

    monkeypatch.setenv("SPIKEPROOF_DEBUG", "1")
    with pytest.raises(SpikeproofError):
        run(["cite", "madri2018"])


@pytest.mark.parametrize(
    ("problem", "sentence", "code"),
    [
        (KeyboardInterrupt(), "Stopped; nothing finished is lost", 130),
        (OSError(28, "No space left on device", "x.npz"), "x.npz: No space left on device.", 1),
        (MemoryError(), "Out of memory; use fewer --workers", 1),
    ],
)
def test_what_the_machine_does_is_said_in_a_sentence(
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
    problem: BaseException,
    sentence: str,
    code: int,
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr("spikeproof.base.bibtex", fail)
    got, _, err = said("cite")
    assert got == code
    assert sentence in err


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("spikeproof.base.bibtex", fail)
    with pytest.raises(ZeroDivisionError):
        run(["cite"])


def test_the_version_is_told(said: Said) -> None:
    import spikeproof

    assert said("--version") == (0, f"spikeproof {spikeproof.__version__}\n", "")


def test_without_a_command_the_help_is_shown(said: Said) -> None:
    code, out, err = said()
    assert code == 2
    assert "spikeproof demo --quick" in out + err


def test_a_radius_is_a_number_or_a_fraction() -> None:
    assert parse_radius("8/255") == 8 / 255
    assert parse_radius(" 0.1 ") == 0.1
    assert parse_radius("1e-3") == 0.001
    with pytest.raises(typer.BadParameter):
        parse_radius("0")


@pytest.mark.parametrize(("old", "new"), [("rules", "hooks"), ("paths", "gradients")])
def test_the_old_name_of_a_list_is_read_with_a_notice(
    said: Said, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    code, out, err = said("list", old)
    assert code == 0 and out == said("list", new)[1]
    assert err == f"spikeproof list: {old} is now written {new}; the old spelling is still read.\n"


def test_the_lists_name_everything(said: Said) -> None:
    code, out, _ = said("list", "--json")
    assert code == 0
    listed = json.loads(out)
    digits = {"digits", "digits-audio", "digits-av", "digits-events"}
    assert {*digits, "cifar10", "fashion-mnist", "n-mnist", "nmnist-fsdd"} <= set(listed["data"])
    assert {"linf", "l2", "l1", "l0", "counts", "joint"} <= set(listed["threats"])
    assert {"pgd", "random", "restarts"} <= set(listed["attacks"])
    assert {"plain", "SR", "AT", "SR+AT", "multinorm", "TRADES", "E-AT", "SSDP"} <= set(
        listed["trainings"]
    )
    assert {"adversarial", "max", "gaussian"} <= set(listed["inputs"])
    assert {"retraction", "ssdp"} <= set(listed["hooks"])
    assert {"if", "lif", "noisy-lif", "plif", "psn"} == set(listed["neurons"])
    assert {"direct", "latency", "phase", "poisson", "sqe", "temporal"} == set(listed["encoders"])
    assert {"quick", "core", "standard", "full"} == set(listed["suites"])
    assert {"demo", "quick"} <= set(listed["plans"])
    assert all(said for rows in listed.values() for said in rows.values())


def test_the_list_of_suites_names_every_member_in_its_order_and_what_it_attacks(said: Said) -> None:
    from spikeproof.attacks import SUITES

    rows = json.loads(said("list", "suites", "--json")[1])["suites"]
    for name, found in SUITES.items():
        count, _, members = rows[name].partition(" attacks: ")
        parts = members.split("; ")
        assert int(count) == len(parts)
        assert [part.split(" (")[0] for part in parts] == [m.name for m in found.members]
        limits = ("not far", "close or blind", "(blind)", "(misled)")
        assert [any(limit in part for limit in limits) for part in parts] == [
            "far" not in m.on for m in found.members
        ]


def test_one_list_is_a_table(said: Said) -> None:
    code, out, _ = said("list", "surrogates")
    assert code == 0
    assert all(shape in out for shape in ("triangle", "sigmoid", "arctan", "rectangle"))


def test_citations_come_as_bibtex_and_as_json(said: Said) -> None:
    code, out, _ = said("cite", "liu2024sparse", "--json")
    assert code == 0
    assert json.loads(out)["liu2024sparse"].startswith("@inproceedings{liu2024sparse,")
    assert said("cite")[1].count("\n@") > 10


def test_data_sets_are_listed_and_verified(said: Said) -> None:
    code, out, _ = said("data", "list", "--json")
    assert code == 0
    hashes = {spec["name"]: spec["sha256"] for spec in json.loads(out)}
    code, out, err = said("data", "verify", "digits")
    assert code == 0
    assert hashes["digits"] in out
    assert "making it anew" in err
