"""The whole probe: damage, kills, full disks, command lines; a table in research/results."""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from slow.reliability.commands import answers
from slow.reliability.disk import trials
from slow.reliability.kills import Broken, broken_off
from slow.reliability.subjects import build
from slow.reliability.worker import FAULTS, LIMIT, MEMORY, Finding, cases, judged

T = TypeVar("T")

__all__ = ["KILLS", "MUTATIONS", "PARTS", "RESULT", "Options", "faults", "probed"]

ROOT = Path(__file__).resolve().parents[3]
RESULT = ROOT / "research" / "results" / "reliability.json"
PARTS = ("lines", "disk", "kills", "mutations")
MUTATIONS = 10_000
KILLS = {"study": 60, "study, 2 workers": 10, "train": 40, "audit": 45}
_KEPT = 40  # faults whose words the result keeps


@dataclass(frozen=True)
class Options:
    """What is run.

    Args:
        mutations: How many files are damaged.
        seed: Of damage and of moments.
        minutes: Of each part, at most; what was done by then is told.
        only: Which parts.
    """

    mutations: int = MUTATIONS
    seed: int = 0
    minutes: float = math.inf
    only: tuple[str, ...] = PARTS


def within(found: Iterator[T], minutes: float) -> Iterator[T]:
    """The first of some findings, as many as there are after so many minutes."""
    end = time.monotonic() + 60 * minutes
    for one in found:
        yield one
        if time.monotonic() > end:
            break


def mutated(found_all: Iterator[Finding]) -> dict[str, Any]:
    """What came of damage."""
    table, faults = Counter[tuple[str, str]](), []
    damages, readers, longest = Counter[str](), Counter[str](), 0.0
    for found in found_all:
        table[found.case.kind, found.outcome] += 1
        damages[found.case.damage] += 1
        readers[found.case.reader] += 1
        longest = max(longest, found.seconds)
        faults += [found.record()] if found.outcome in FAULTS else []
    kinds = list(dict.fromkeys(kind for kind, _ in table))
    return {
        "count": sum(table.values()),
        "kinds": {k: {o: n for (one, o), n in sorted(table.items()) if one == k} for k in kinds},
        "damages": dict(sorted(damages.items())),
        "readers": dict(sorted(readers.items())),
        "faults": len(faults),
        "examples": faults[:_KEPT],
        "longest_seconds": round(longest, 1),
    }


def killed(found: Iterator[Broken]) -> dict[str, Any]:
    """Kill and finish, and say what was left."""
    rounds = [one.record() for one in found]
    table: dict[str, dict[str, int]] = {}
    for one in rounds:
        mine = table.setdefault(one["what"], Counter())
        mine["rounds"] += 1
        mine["kills"] += one["kills"]
        mine["other bytes"] += not one["same"]
        mine["orphans"] += one["orphans"]
        mine["temporary files left"] += one["left"]
    return {"count": sum(one["kills"] for one in rounds), "kinds": table}


def listed(found: Iterable[Any]) -> dict[str, Any]:
    """How many of something there were, and those that were not as they should be."""
    records = [one.record() for one in found]
    faults = [record for record in records if record["fault"]]
    return {"count": len(records), "faults": len(faults), "examples": faults[:_KEPT]}


def part(name: str, folder: Path, options: Options) -> dict[str, Any]:
    """One part of the probe, and the time of the processor that it took."""
    base, scratch, begun, seed = folder / "base", folder / name, _processor(), options.seed
    if name == "lines":
        found = listed(within(answers(base, scratch, LIMIT, MEMORY), options.minutes))
    elif name == "disk":
        found = listed(within(trials(base, scratch), options.minutes))
    elif name == "kills":
        found = killed(within(broken_off(base, scratch, seed, KILLS), options.minutes))
    else:
        todo = cases(options.mutations, seed, base)
        found = mutated(within(judged(todo, seed, base, scratch), options.minutes))
    return {**found, "seed": seed, "processor_seconds": round(_processor() - begun)}


def _processor() -> float:
    """Seconds of the processor that this process and its children took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def probed(folder: Path, options: Options) -> dict[str, Any]:
    """Run the probe in a folder; return its table."""
    build(folder / "base")
    return {
        "schema": 1,
        "limits": {"seconds": LIMIT, "bytes": MEMORY},
        **{name: part(name, folder, options) for name in options.only},
    }


def faults(result: dict[str, Any]) -> list[str]:
    """Everything in a table that should not be there, in words."""
    listed = [part for part in ("lines", "disk", "mutations") if part in result]
    said = [f"{result[part]['faults']} faulty {part}" for part in listed]
    for what, row in result.get("kills", {"kinds": {}})["kinds"].items():
        said += [f"{row[key]} {key} after killing {what}" for key in ("other bytes", "orphans")]
    return [text for text in said if not text.startswith("0 ")]


def main() -> None:
    """Run the probe and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=MUTATIONS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="at most, for each part")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--to", type=Path, default=RESULT)
    given = parser.parse_args()
    options = Options(given.mutations, given.seed, given.minutes, tuple(given.only))
    with tempfile.TemporaryDirectory() as folder:
        result = probed(Path(folder), options)
    if given.to.exists():  # what was not asked for stays
        result = {**json.loads(given.to.read_text(encoding="utf-8")), **result}
    given.to.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(given.to, *faults(result), sep="\n")


if __name__ == "__main__":
    main()
