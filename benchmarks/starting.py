"""What commands cost that only tell something: ``list``, ``cite``, ``status``, ``compare``.

Ours: the command line in a fresh process, from the start of Python to its end. Against: a fresh
process that imports what draws its tables, typer and rich, the least that any such command pays;
and, as a row of its own, Python alone. Target: at most 0.7 processor seconds each. ``status`` and
``compare`` read a run of two networks, ten cells, and compare it with itself: every file is
compared with its hash, and the intervals of every number are computed.

    python benchmarks/starting.py
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from harness import Row, compare, interleaved, write

TARGET_S, ROUNDS = 0.7, 3
FLOOR = "import typer, rich.console, rich.table"
COMMANDS = [
    ("--version",),
    ("--help",),
    ("list",),
    ("cite", "madry2018"),
    ("data", "list"),
    ("study", "status", "RUN"),
    ("compare", "RUN", "RUN"),
]


def studied(folder: Path) -> Path:
    """A run of two networks that are attacked, with the checks before and after."""
    from spikeproof.data import load
    from spikeproof.models import build, save_model
    from spikeproof.study import DataPlan, NetworkPlan, Plan, run

    file = folder / "net.safetensors"
    save_model(build("cnn-small", load("digits"), width=2, timesteps=1), file)
    networks = tuple(NetworkPlan(name=name, file=str(file)) for name in ("one", "two"))
    part = DataPlan(name="digits", threats=("linf", "l2", "l0"))
    run(Plan(name="small", data=(part,), network=networks, items=20, probe_items=2), folder / "run")
    return folder / "run"


def spent() -> float:
    """Processor seconds, user and system, of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def process(*arguments: str, **variables: str) -> None:
    """Run Python with these arguments to its end."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    subprocess.run([sys.executable, *arguments], env=env, check=True, capture_output=True)


def calls(run: Path) -> dict[str, Callable[[], None]]:
    """What is measured: Python, the floor, every command, and a tab."""
    work: dict[str, Callable[[], None]] = {
        "python": partial(process, "-c", "pass"),
        FLOOR: partial(process, "-c", FLOOR),
    }
    for words in COMMANDS:
        typed = [str(run) if word == "RUN" else word for word in words]
        work[f"spikeproof {' '.join(words)}"] = partial(process, "-m", "spikeproof", *typed)
    tab: dict[str, Any] = {
        "_SPIKEPROOF_COMPLETE": "complete_bash",
        "COMP_WORDS": "spikeproof train --recipe SR",
        "COMP_CWORD": "3",
    }
    code = "from spikeproof.cli.main import main; main()"
    work["a tab after spikeproof train --recipe SR"] = partial(process, "-c", code, **tab)
    return work


def main() -> None:
    """Measure and store."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        work = calls(studied(Path(folder)))
        taken = interleaved(work, rounds=ROUNDS, seconds=0.0, least=1, clock=spent)
    for name in [FLOOR, *(name for name in work if name not in (FLOOR, "python"))]:
        against = "python" if name == FLOOR else FLOOR
        row = compare(name, against, (taken[name], taken[against]))
        rows.append({**row, "target_s": TARGET_S, "met": row["ours_s"] <= TARGET_S})
    write("starting", rows, clock="processor seconds of a fresh process, user and system")


if __name__ == "__main__":
    main()
