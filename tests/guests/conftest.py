"""A package of another author, installed beside the interpreter's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from support.processes import typed

GUEST = Path(__file__).parents[1] / "support" / "guest"
Asked = Callable[..., Any]


def installed(folder: Path, name: str, groups: dict[str, dict[str, str]]) -> Path:
    """Write what an installer writes for a package of that name, beside its modules."""
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def environment(*folders: Path) -> dict[str, str]:
    """That of a process which finds packages in these folders too."""
    before = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, folders), before])}


@pytest.fixture
def install() -> Callable[..., Path]:
    """Pretend that an installer has put a package into a folder."""
    return installed


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the installed guest."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(GUEST / "spikeproof_guest", folder / "spikeproof_guest")
    project = tomllib.loads((GUEST / "pyproject.toml").read_text("utf-8"))["project"]
    return installed(folder, project["name"], project["entry-points"])


@pytest.fixture(scope="session")
def command(
    guest: Path, server: ForkServerContext, tmp_path_factory: pytest.TempPathFactory
) -> Asked:
    """Run a command line in a process that has the guest; standard output and error."""

    def call(*arguments: object, more: Path | None = None, code: int = 0) -> tuple[str, str]:
        folder = tmp_path_factory.mktemp("said")
        found = [str(place) for place in (guest, more) if place]
        typing = ([str(one) for one in arguments], folder / "out", folder / "err", found)
        process = server.Process(target=typed, args=typing)
        process.start()
        process.join(600)
        err = (folder / "err").read_text("utf-8")
        assert process.exitcode == code, err[-2000:]
        return (folder / "out").read_text("utf-8"), err

    return call


@pytest.fixture(scope="session")
def asked(guest: Path) -> Asked:
    """Run Python in a process that has the guest; the value of ``answer`` in the end."""

    def call(code: str, *, more: Path | None = None) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", f"import json\n{code}\nprint(json.dumps(answer))"],
            env=environment(guest, *([more] if more else [])),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    return call
