"""What every benchmark shares: interleaved timing, a description of the machine, result files.

The files of ``research`` describe their machine and store their results by it, too. Run as a script
it prints the tables of all stored results.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).resolve().parent / "results"

Row = dict[str, Any]


def interleaved(
    work: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 9,
    seconds: float = 0.2,
    least: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time several pieces of work in turn, so that a change of the machine's load hits all.

    Args:
        work: Name → a call; each is run once beforehand to warm it up.
        rounds: How many times each is measured; the order turns around every round.
        seconds: A measurement repeats its call until it takes about this long, after one call that
            is not counted.
        least: Fewest repeats of a measurement; where a single call is all, none is thrown away.
        clock: ``time.process_time`` counts the processor's seconds, the right clock for work in
            one thread on a machine that others use too; name it beside the rows.
    Returns:
        Name → seconds per call, one number per round.
    """
    repeats = {}
    for name, call in work.items():
        call()
        begun = clock()
        call()
        repeats[name] = max(least, round(seconds / (clock() - begun)))
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds):
        for name in list(work) if number % 2 == 0 else list(reversed(work)):
            if repeats[name] > 1:
                work[name]()  # brings caches and the allocator back to this work
            begun = clock()
            for _ in range(repeats[name]):
                work[name]()
            taken[name].append((clock() - begun) / repeats[name])
    return taken


def compare(work: str, against: str, taken: tuple[Sequence[float], Sequence[float]]) -> Row:
    """A row from the seconds of ours and theirs, measured in the same rounds.

    The ratio is the median of the ratios of each round, which is steadier than the ratio of the
    medians when the load of the machine moves; the spread is their quartiles.
    """
    ours, theirs = taken
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "work": work,
        "against": against,
        "ours_s": statistics.median(ours),
        "theirs_s": statistics.median(theirs),
        "ratio": middle,
        "ratio_quartiles": [low, high],
        "rounds": len(ratios),
    }


def clock(threads: int) -> Callable[[], float]:
    """One thread counts processor seconds, which other work on the machine does not lengthen."""
    return time.process_time if threads == 1 else time.perf_counter


def judged(row: Row, target: float) -> Row:
    """A row with its target, the largest ratio that meets it."""
    return {**row, "target": target, "met": row["ratio"] <= target}


def elsewhere(
    script: str, what: str, *arguments: Any, patience: float | None = None, **environment: str
) -> Any:
    """What a benchmark prints in a fresh process when it is asked for one of its parts.

    Args:
        script: The benchmark's ``__file__``; its last line of output is JSON.
        what: The part.
        arguments: For that part, plain data.
        patience: Seconds after which to give up.
        environment: Variables for that process.
    """
    try:
        done = subprocess.run(
            [sys.executable, str(Path(script).resolve()), json.dumps([what, *arguments])],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=patience,
        )
    except subprocess.CalledProcessError as problem:
        problem.add_note(problem.stderr)
        raise
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """What a reader needs to know of the machine; nothing that identifies it."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "threads": torch.get_num_threads(),
        "load_1min": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def versions() -> dict[str, str]:
    """The versions that decide speed."""
    return {"python": platform.python_version(), "torch": str(torch.__version__)}


def write(benchmark: str, rows: Sequence[Row], *, folder: Path = RESULTS, **more: Any) -> None:
    """Store a benchmark's rows, with what else it measured, in a folder, and print the rows."""
    content = {
        "benchmark": benchmark,
        "machine": machine(),
        "versions": versions(),
        "rows": list(rows),
        **more,
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{benchmark}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(path)  # never half a file, also where a benchmark stores as it goes
    show(content)


def show(content: Mapping[str, Any]) -> None:
    """Print a result as a table."""
    print(f"{content['benchmark']}: {content['machine']['processor']}")
    for row in content["rows"]:
        print(
            f"  {row['work']:<58} {1e3 * row['ours_s']:9.2f} ms  against {row['against']:<24}"
            f"{1e3 * row['theirs_s']:9.2f} ms  ratio {row['ratio']:5.2f}  {target(row)}"
        )
    for row in content.get("memory", []):
        judged = f"  ours is {row['ratio']:.2f} of it  {target(row)}" if "ratio" in row else ""
        print(
            f"  {row['work']:<58} graph {row['graph_mb']:8.2f} MB  "
            f"process {row['process_mb']:8.2f} MB{judged}"
        )


def target(row: Mapping[str, Any]) -> str:
    """A row's target and whether it was met; nothing where it has none."""
    met = {True: "met", False: "MISSED", None: ""}[row.get("met")]
    return f"target {row['target']:.3g} {met}" if row.get("target") is not None else met


def _processor() -> str:
    """The processor's model name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> int:
    """Print every stored result."""
    for path in sorted(RESULTS.glob("*.json")):
        show(json.loads(path.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
