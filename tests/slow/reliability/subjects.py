"""What is damaged: one small run, training, audit and extract, with everything a user keeps."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from zipfile import BadZipFile

import typer.main

from slow.reliability.arrays import ARRAYS, WEIGHTS
from slow.reliability.bytewise import BYTEWISE
from slow.reliability.places import FOLDERS, PLACES, gone
from slow.reliability.textual import JSON, TOML
from spikeproof.cli.epochs import EpochLines
from spikeproof.cli.main import app, run
from spikeproof.evaluate import Audit

__all__ = [
    "AUDIT",
    "KINDS",
    "PLAN",
    "TRAIN",
    "Kind",
    "Tree",
    "build",
    "call",
    "choices",
    "damage",
    "files",
    "readers",
]

PLAN = """
name = "tiny"
seeds = [{seed}]
items = 6
draws = 2
probe_items = 3

[[data]]
name = "digits"
model = "cnn-small"
timesteps = 2
width = 4
epochs = 3
batch_size = 64
learning_rate = 0.03
threats = ["linf"]
radii = {{ linf = [0.02, 0.1, 0.4] }}
train_items = 1024
validation_items = 64

[[training]]
name = "plain"
terms = {{ error = {{ kind = "cross_entropy", weight = 1.0 }} }}
"""
TRAIN = ("train", "--data", "digits", "--width", "2", "--timesteps", "2", "--epochs", "2",
         "--set", "batch_size=512")  # fmt: skip
AUDIT = (
    "--data",
    "digits",
    "--suite",
    "quick",
    "--items",
    "4",
    "--threat",
    "linf",
    "--threat",
    "l0",
)


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Args:
        pattern: Which files of the tree.
        readers: Names of what reads it, the common ones more than once.
        damages: Names of what may happen to it.
        share: How often it is damaged, beside the others.
        counts: Whether what it says counts; logs and times only inform.
    """

    pattern: str
    readers: tuple[str, ...]
    damages: tuple[str, ...]
    share: int = 2
    counts: bool = True


_ANY = (*BYTEWISE, *PLACES)
# The readers that cost least stand there most often.
_RUN = (*["status"] * 3, *["results"] * 2, *["extract"] * 3, *["compare"] * 3, *["verify"] * 4,
        "report", "resume")  # fmt: skip
_SAVED = ("saved", "saved", "saved", *["verify saved"] * 2)
_AUDIT = (*["audit"] * 3, *["audit status"] * 3, *["verify audit"] * 4, "audit report",
          "audit again")  # fmt: skip

KINDS: dict[str, Kind] = {
    "plan.toml": Kind("plan.toml", ("plan",), (*_ANY, *TOML, *TOML, *TOML), 3),
    "plan.json": Kind("run/plan.json", _RUN, (*_ANY, *JSON, *JSON), 4),
    "record.json": Kind("run/cells/*/record.json", _RUN, (*_ANY, *JSON, *JSON), 5),
    "items.npz": Kind("run/cells/*/items.npz", _RUN, (*_ANY, *ARRAYS, *ARRAYS), 4),
    "gallery.npz": Kind("run/cells/*/gallery.npz", _RUN, (*_ANY, *ARRAYS), 2),
    "weights of a run": Kind("run/cells/*/model.safetensors", _RUN, (*_ANY, *WEIGHTS), 2),
    "wall.json": Kind("run/cells/*/wall.json", _RUN, (*_ANY, *JSON), 2, counts=False),
    "manifest": Kind("run/manifest.json", _RUN, (*_ANY, *JSON), 2),
    "folders of a run": Kind("run", _RUN, tuple(FOLDERS), 2),
    "model.safetensors": Kind("done/model.safetensors", ("model", "model", "model", "model",
                              "attack"), (*_ANY, *WEIGHTS, *WEIGHTS), 4),
    "model card": Kind("done/model.card.*", ("model",), (*_ANY, *JSON), 1, counts=False),
    "checkpoint": Kind("half/training.safetensors", ("training",), (*_ANY, *WEIGHTS), 1),
    "training log": Kind("half/training*.jsonl", ("training",), (*_ANY, *JSON), 1, counts=False),
    "training's folder": Kind("done/*", ("verify done",), (*_ANY, *WEIGHTS), 2, counts=False),
    "audit.json": Kind("saved/audit.json", _SAVED, (*_ANY, *JSON), 2),
    "arrays of an audit": Kind("saved/items.npz", _SAVED, (*_ANY, *ARRAYS), 2),
    "plan of an audit": Kind("audit/plan.json", _AUDIT, (*_ANY, *JSON), 2),
    "records of an audit": Kind("audit/cells/*/record.json", _AUDIT, (*_ANY, *JSON), 2),
    "times of an audit": Kind("audit/cells/*/wall.json", _AUDIT, (*_ANY, *JSON), 1, counts=False),
    "verdicts of an audit": Kind("audit/cells/*/*.npz", _AUDIT, (*_ANY, *ARRAYS), 2),
    "extract": Kind("extract.json", ("extracted",), (*_ANY, *JSON, *JSON), 3),
}  # fmt: skip


# Building the commands from their signatures takes longer than most of them.
typer.main.get_command = cache(typer.main.get_command)  # type: ignore[assignment]


def call(*arguments: object) -> tuple[int, str, str]:
    """A command line in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def _must(*arguments: object) -> None:
    code, _, err = call(*arguments)
    if code:
        raise RuntimeError(f"{arguments}: {err}")


class _Stop(Exception):
    """Raised after the first epoch."""


def _half(folder: Path) -> None:
    """A training that was broken off after its first epoch."""
    whole = EpochLines.epoch

    def epoch(self: object, *rest: object) -> None:
        raise _Stop

    EpochLines.epoch = epoch  # type: ignore[assignment,method-assign]
    try:
        with contextlib.suppress(_Stop):
            call(*TRAIN, "--folder", folder)
    finally:
        EpochLines.epoch = whole  # type: ignore[method-assign]


def build(base: Path) -> None:
    """Make everything, once."""
    base.mkdir(parents=True, exist_ok=True)
    for name, seed in (("plan", 0), ("other", 1)):
        (base / f"{name}.toml").write_text(PLAN.format(seed=seed), encoding="utf-8")
    for name, plan in (("run", "plan"), ("other", "other")):
        _must("study", "run", base / f"{plan}.toml", "--folder", base / name, "--workers", "1")
    _half(base / "half")
    _must(*TRAIN, "--folder", base / "done")
    _must("audit", base / "done" / "model.safetensors", *AUDIT, "--folder", base / "audit")
    Audit.load(base / "audit").save(base / "saved")
    _must("study", "extract", base / "run", "--to", base / "extract.json")


def readers(kind: str) -> tuple[str, ...]:
    """What there is today that reads a kind of file."""
    commands = {command.name for command in app.registered_commands}
    commands |= {
        command.callback.__name__ for command in app.registered_commands if command.callback
    }
    there = "verify" in commands
    return tuple(name for name in KINDS[kind].readers if there or not name.startswith("verify"))


def files(base: Path, kind: str) -> list[Path]:
    """The files of a kind, in the order of their names."""
    return sorted(base.glob(KINDS[kind].pattern))


def damage(random: Random, path: Path, name: str) -> None:
    """Damage one file; where a damage does not fit its content, one bit is turned over."""
    if name in PLACES or name in FOLDERS:
        {**PLACES, **FOLDERS}[name](random, path)
        return
    content = path.read_bytes()
    try:
        damaged = _damaged(random, content, name)
    except (ValueError, LookupError, TypeError, AttributeError, BadZipFile, struct.error):
        damaged = BYTEWISE["flip_bit"](random, content)
    path.write_bytes(damaged)


def _damaged(random: Random, content: bytes, name: str) -> bytes:
    if not content:
        return random.randbytes(8)
    if name in BYTEWISE:
        return BYTEWISE[name](random, content)
    if name in ARRAYS or name in WEIGHTS:
        return {**ARRAYS, **WEIGHTS}[name](random, content)
    texts = {**JSON, **TOML}
    lines = content.decode("utf-8").splitlines(keepends=True)
    if name.startswith("json ") and not content.startswith(b"{\n"):  # a log, or no JSON
        if not content.startswith(b"{"):
            return BYTEWISE["flip_bit"](random, content)
        at = random.randrange(len(lines))
        lines[at] = " ".join(texts[name](random, lines[at]).split("\n")) + "\n"
        return "".join(lines).encode("utf-8", "surrogatepass")
    return texts[name](random, "".join(lines)).encode("utf-8", "surrogatepass")


@dataclass
class Tree:
    """A folder that is put back after every damage.

    Args:
        root: The folder.
    """

    root: Path

    def __post_init__(self) -> None:
        self.kept = {p: p.read_bytes() for p in self.root.rglob("*") if p.is_file()}
        self.folders = {p for p in self.root.rglob("*") if p.is_dir()}
        self.seen = {path: _facts(path) for path in self.kept}

    def restore(self) -> None:
        """Make the folder what it was."""
        for at, folders, _ in os.walk(self.root):  # those that were closed are opened again
            for name in [at, *(os.path.join(at, name) for name in folders)]:
                if not os.path.islink(name):
                    os.chmod(name, 0o755)
        for at, folders, names in os.walk(self.root, topdown=False):
            for name in (*folders, *names):
                path = Path(at, name)
                odd = path.is_symlink() or path.is_dir() != (path in self.folders)
                if odd or not (path in self.kept or path in self.folders):
                    gone(path)
        for folder in sorted(self.folders):
            folder.mkdir(exist_ok=True)
        for path, content in self.kept.items():
            if _facts(path) != self.seen[path]:
                gone(path)
                path.write_bytes(content)
                self.seen[path] = _facts(path)


def _facts(path: Path) -> tuple[int, ...]:
    """What tells whether a file was touched; nothing where it is gone."""
    with contextlib.suppress(OSError):
        facts = path.lstat()
        return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_mode
    return ()


def choices(names: Sequence[str], random: Random) -> str:
    """One of some names."""
    return names[random.randrange(len(names))]
