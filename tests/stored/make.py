"""Writes ``stored.tar.gz`` and ``expected.json``. Runs only with the code of commit 8478dbf.

    git worktree add /tmp/then 8478dbf
    PYTHONPATH=/tmp/then/src python tests/stored/make.py FOLDER

That is the last commit before rooms and records were renamed: rules became hooks, paths became
gradient rules, the exam became robust validation. What it wrote must stay readable, with the
numbers that it printed itself.
"""

# mypy: ignore-errors

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

PLAN = """
name = "stored"
items = 8
draws = 2
probe_items = 3

[[data]]
name = "digits"
model = "cnn-small"
timesteps = 3
width = 3
epochs = 10
batch_size = 128
learning_rate = 0.02
threats = ["linf", "l0"]

[[training]]
name = "plain"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }

[[training]]
name = "AT"
terms = { error = { kind = "cross_entropy", weight = 1.0 } }
inputs = { attack = { kind = "pgd", steps = 2, step_size = 0.7 }, threat = "linf", level = 0 }
rules = [{ kind = "overfitting_watch" }]
"""
# fmt: off
TRAIN = (
    "train", "--objective", "AT", "--data", "digits", "--width", "3", "--timesteps", "3",
    "--epochs", "6", "--exam", "linf=0.05", "--set", "batch_size=128",
    "--set", "learning_rate=0.02", "--folder",
)
# fmt: on
QUICK = {"steps": 3, "step_size": 0.5}


class Stop(BaseException):
    """What a kill is to a training."""


def suite() -> Any:
    """Every gradient rule whose kind or fields have another name today."""
    from spikeproof.attacks import PGD, Member, Suite
    from spikeproof.neurons import Surrogate
    from spikeproof.oracle import BPTR, Expectation, Mean, Mixture, Replay

    paths = (
        Surrogate("arctan", sharpness=5.0),
        Mixture(paths=(Surrogate("arctan", sharpness=5.0), BPTR())),
        Expectation(samples=2, path=Surrogate("triangle")),
        Mean(path=BPTR()),
        Replay(samples=2),
    )
    return Suite(tuple(Member(attack=PGD(**QUICK), path=path) for path in paths))


def spoken(*words: str) -> str:
    """What a command prints on standard output."""
    from spikeproof.cli.main import main

    said, sys.argv = io.StringIO(), ["spikeproof", *words]
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main()
    return said.getvalue()


@contextlib.contextmanager
def stops_after(epochs: int) -> Iterator[None]:
    """A training in here is interrupted after so many epochs."""
    from spikeproof.train import checkpoint

    save, saved = checkpoint.Checkpoint.save, []

    def saves(*given: Any) -> None:
        save(*given)
        saved.append(given)
        if len(saved) == epochs:
            raise Stop

    checkpoint.Checkpoint.save = saves  # type: ignore[method-assign]
    try:
        yield
    finally:
        checkpoint.Checkpoint.save = save  # type: ignore[method-assign]


def write_run(folder: Path) -> None:
    """The run, with the suite above in the place of the quick one."""
    from spikeproof.study import cells, load_plan, run

    cells.suite = lambda name: suite()  # type: ignore[attr-defined]
    path = folder / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    run(load_plan(path), folder / "run", workers=1)
    for wall in folder.glob("run/cells/*/wall.json"):  # of no interest, and of one machine
        content = json.loads(wall.read_text(encoding="utf-8"))
        content["host"] = {"cpus": 1, "machine": "x86_64", "python": "3.11", "system": "Linux"}
        wall.write_text(json.dumps(content), encoding="utf-8")


def numbers(of: Any) -> Any:
    """Plain data of ``Results.to_dict`` that any JSON holds."""
    return json.loads(json.dumps(of, default=str).replace("NaN", "null"))


def make(target: Path) -> None:
    """Write both files into a folder."""
    from spikeproof import study
    from spikeproof.models import load_model, model_digest

    work = target / "stored"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.chdir(work)
    here = Path()
    write_run(here)
    study.extract(here / "run", here / "extract.json")
    with contextlib.suppress(Stop), stops_after(4):
        spoken(*TRAIN, "interrupted")
    shutil.copytree("interrupted", target / "resumed", dirs_exist_ok=True)
    spoken(*TRAIN, str(target / "resumed"))
    shutil.copytree(target / "resumed", "trained")
    for extra in ("training.safetensors",):
        (here / "trained" / extra).unlink(missing_ok=True)
    model = "trained/model.safetensors"
    audit = ("audit", model, "--data", "digits", "--threat", "linf", "--suite", "quick")
    audited = json.loads(spoken(*audit, "--items", "8", "--folder", "audit", "--json"))
    found = study.results(here / "run")
    kept = study.extracted(here / "extract.json")
    network = load_model(model)
    expected = {
        "results": numbers(found.to_dict()),
        "extracted": numbers(kept.to_dict()),
        "compare": json.loads(spoken("compare", "run", "run", "--json")),
        "compare audits": json.loads(spoken("compare", "audit", "audit", "--json")),
        "status": json.loads(spoken("study", "status", "run", "--json")),
        "audit": audited,
        "train": TRAIN,
        "model_sha256": model_digest(network),
        "history": json.loads(next(iter(Path("trained").glob("*.json"))).read_text("utf-8")),
    }
    (target / "expected.json").write_text(json.dumps(expected, sort_keys=True) + "\n", "utf-8")
    with tarfile.open(target / "stored.tar.gz", "w:gz") as tar:
        tar.add(work, "stored", filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A member without owner and time; no lock files."""
    if member.name.endswith(".lock"):
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    np.seterr(all="ignore")
    make(Path(sys.argv[1]).resolve())
