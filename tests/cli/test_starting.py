"""What answers at once: commands and completions that import nothing heavy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spikeproof import catalogue
from spikeproof.cli import completion
from spikeproof.data import load
from spikeproof.models import build, save_model
from spikeproof.study import DataPlan, NetworkPlan, Plan
from spikeproof.study import run as run_study

HEAVY = {"torch", "sklearn", "scipy.stats", "numba", "plotly", "matplotlib"}
# Runs a command line as `spikeproof` does and then says what came with it.
RUN = """
import sys
from spikeproof.cli.main import main
try:
    main()
finally:
    print("came:", *sorted(set(sys.modules)), file=sys.stderr)
"""


def ran(*arguments: str | Path, **variables: str) -> tuple[int, str, set[str]]:
    """A command line in a process of its own: exit code, what it printed, what was imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said, _, came = done.stderr.rpartition("came: ")
    return done.returncode, done.stdout + said, set(came.split())


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as today's code writes it: two networks, attacked, with the checks before and after."""
    folder, data = tmp_path_factory.mktemp("starting"), load("digits")
    save_model(build("cnn-small", data, width=2, timesteps=1), folder / "net.safetensors")
    networks = tuple(
        NetworkPlan(name=name, file=str(folder / "net.safetensors")) for name in ("one", "two")
    )
    part = DataPlan(name="digits", threats=("linf", "l0"))
    plan = Plan(name="small", data=(part,), network=networks, items=6, draws=2, probe_items=2)
    run_study(plan, folder / "run")
    return folder / "run"


LIGHT = [
    ("--help",),
    ("--version",),
    ("train", "--help"),
    ("study", "run", "--help"),
    ("list",),
    ("list", "suites", "standard"),
    ("cite", "madry2018"),
    ("data", "list"),
]


@pytest.mark.parametrize("words", LIGHT, ids=" ".join)
def test_what_needs_no_torch_imports_none(words: tuple[str, ...]) -> None:
    code, _, came = ran(*words)
    assert code == 0
    assert not HEAVY & came
    assert "numpy" not in came


def test_what_reads_runs_imports_no_torch(studied: Path) -> None:
    code, out, came = ran("study", "status", studied)
    assert (code, HEAVY & came) == (0, set())
    assert "10 of 10 cells done" in out
    code, out, came = ran("compare", studied, studied)
    assert (code, HEAVY & came) == (0, set())
    assert "No setting" in out
    code, out, came = ran("study", "show", studied)
    assert (code, HEAVY & came) == (0, set())
    assert "linf 0.1" in out


def test_comparing_audits_imports_no_torch_and_reads_what_audits_say(studied: Path) -> None:
    from spikeproof.analysis import compared_side

    folder = studied.with_name("audit")
    if not folder.exists():
        file = str(studied.with_name("net.safetensors"))
        networks = (NetworkPlan(name="one", file=file),)
        part = DataPlan(name="digits", threats=("linf", "l0"))
        shown = {"items": 6, "draws": 2, "probe_items": 0, "despite": ("chance",)}
        run_study(Plan(name="audit", data=(part,), network=networks, **shown), folder)
    code, out, came = ran("compare", folder, folder)
    assert (code, HEAVY & came) == (0, set())
    assert "linf" in out
    light, whole = compared_side._of_audited(folder), compared_side._of_audit(folder)
    assert (light.settings, light.hashes, light.flags) == (
        whole.settings,
        whole.hashes,
        whole.flags,
    )
    assert (light.name, light.kind) == (whole.name, whole.kind) == ("one", "an audit")
    assert list(light.survival) == list(whole.survival)
    for key, (seeds, items, alive) in light.survival.items():
        others, same, other = whole.survival[key]
        assert (seeds, list(items)) == (others, list(same))
        assert (alive == other).all()


def test_another_package_is_listed_at_the_price_of_importing_it(tmp_path: Path) -> None:
    about = tmp_path / "made_guest-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-guest\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[spikeproof.attacks]\nmine = made_guest:Mine\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code, out, came = ran("list", "attacks", PYTHONPATH=path)
    assert code == 0
    assert "made-guest 1.0" in out  # which is not there: what is wrong with it is told
    assert "torch" in came
    code, out, came = completed("bash", "list attacks mi", PYTHONPATH=path)
    assert out.split() == ["mine"]
    assert not HEAVY & came


def completed(shell: str, typed: str, **variables: str) -> tuple[int, str, set[str]]:
    """What a shell is told after a tab."""
    words = f"spikeproof {typed}"
    given = {
        "_SPIKEPROOF_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "" if typed.endswith(" ") else typed.split()[-1],
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    return ran(**{**given, **variables})


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("stu", {"study"}),
        ("audit m --data digits-e", {"digits-events"}),
        ("audit m --suite st", {"standard"}),
        ("audit m --threat li", {"linf"}),
        ("audit m --despite zero", {"zero-gradient"}),
        ("train --recipe TRA", {"TRADES"}),
        ("train --objective SR-l", {"SR-l2", "SR-l1", "SR-l0"}),
        ("train --model vgg-1", {"vgg-11", "vgg-13", "vgg-16"}),
        ("train --set learning", {"learning_rate="}),
        ("train --augment cut", {"cutout"}),
        ("train --validate-under count", {"counts"}),
        ("train --device cuda:", {"cuda:0"}),
        ("study run dem", {"demo", "demo-real"}),
        ("study run demo --executor sl", {"slurm"}),
        ("data verify fash", {"fashion-mnist"}),
        ("list att", {"attacks"}),
        ("list attacks sapg", {"sapgd"}),
        ("list terms trad", {"trades"}),
        ("cite madry2", {"madry2018"}),
    ],
)
def test_a_tab_completes_names_and_imports_nothing_heavy(typed: str, offered: set[str]) -> None:
    code, out, came = completed("bash", typed)
    assert (code, set(out.split())) == (0, offered)
    assert not HEAVY & came


def test_zsh_and_fish_show_what_a_name_means() -> None:
    for shell in ("zsh", "fish"):
        code, out, came = completed(shell, "list attacks sapg")
        assert code == 0
        assert "sapgd" in out
        assert "Ascend along a running gradient" in out
        assert not HEAVY & came


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_for_every_shell(shell: str) -> None:
    code, out, _ = ran("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert code == 0
    assert "_SPIKEPROOF_COMPLETE" in out


def test_the_catalogue_reads_like_sentences_of_a_terminal() -> None:
    for kind in catalogue.kinds():
        said = list(catalogue.rows(kind).values())
        assert not [text for text in said if re.search(r":\w+:`|\\|``|on nothing", text)]
        assert len(set(said)) == len(said), f"{kind}: a sentence is there twice"
    assert "2/255, 8/255, 16/255" in catalogue.rows("threats")["linf"]


def test_every_kind_can_be_completed() -> None:
    for kind in catalogue.kinds():
        names = [name for name, _ in completion._of(kind)("")]
        assert names == list(catalogue.rows(kind))
