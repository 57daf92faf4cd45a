"""The package as a whole: its front door, its metadata, what an import costs."""

from __future__ import annotations

import importlib.metadata
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import spikeproof as sp


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_every_name_of_the_front_door_opens() -> None:
    for name in sp.__all__:
        assert getattr(sp, name) is not None, name
    assert set(dir(sp)) == set(sp.__all__)


def test_the_front_door_leads_to_the_rooms() -> None:
    from spikeproof import evaluate, study, threats

    assert sp.audit is evaluate.audit
    assert sp.run_study is study.run
    assert sp.Linf is threats.Linf


def test_types_and_run_time_agree_on_the_front_door() -> None:
    import ast

    tree = ast.parse(Path(sp.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(sp.__all__) - {"__version__"}


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'spikeproof' has no attribute 'lode'"):
        sp.lode  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = run(
        "import sys, spikeproof\n"
        "print([m for m in ('torch', 'numpy', 'scipy', 'pydantic', 'typer') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = run(
        "import sys, spikeproof.cli.main\n"
        "print([m for m in ('torch', 'numpy', 'scipy', 'pydantic', 'rich.console',\n"
        "                   'matplotlib', 'sklearn') if m in sys.modules])"
    )
    assert heavy == "[]"


def test_help_answers_in_under_half_a_second() -> None:
    # Processor time, the fastest of several: what else the machine does is not the command's.
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "spikeproof", "--help"]
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(3)) < 0.5


def test_version_and_metadata_agree(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == sp.__version__
    assert f"version: {sp.__version__}" in (root / "CITATION.cff").read_text("utf-8")
    assert importlib.metadata.version("spikeproof") == sp.__version__
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in (root / "LICENSE").read_text("utf-8")


def test_every_dependency_is_pinned(root: Path) -> None:
    import re

    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(name for extra in extras for name in extra)]
    lines = (root / "requirements" / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {re.split("==", line)[0].lower().replace("_", "-") for line in lines if "==" in line}
    for requirement in wanted:
        assert re.split(r"[<>=]", requirement)[0].lower() in pinned, requirement


def test_the_types_are_shipped_with_the_package() -> None:
    assert (Path(sp.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("script", ["setup", "check", "check-wheel", "bench"])
def test_the_scripts_can_be_run(root: Path, script: str) -> None:
    path = root / "scripts" / script
    assert os.access(path, os.X_OK)
    subprocess.run(["bash", "-n", str(path)], check=True)


def test_a_second_setup_only_compares_checksums(root: Path) -> None:
    stamp = root / ".venv" / ".ready-run"
    command = "cat pyproject.toml requirements/constraints.txt | cksum"
    now = subprocess.run(command, shell=True, cwd=root, capture_output=True, text=True, check=True)
    if not stamp.exists() or stamp.read_text() != f"{now.stdout.strip()} {root}\n":
        pytest.skip("this checkout's .venv is not there or out of date; `make test` makes it")
    done = subprocess.run(
        [root / "scripts" / "setup", "run"], check=True, capture_output=True, timeout=3
    )
    assert done.stdout + done.stderr == b""


def test_setup_says_what_is_missing_where_there_is_no_python(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [root / "scripts" / "setup", "run"],
        env={"PATH": "/usr/bin:/bin", "VENV": str(tmp_path / "venv"), "PYTHON": "python2.7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "PYTHON=python2.7 is not a Python 3.11 or newer; name one that is." in done.stderr
    assert not (tmp_path / "venv").exists()
