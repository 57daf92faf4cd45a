"""The contest: what our suites miss that anybody else breaks, on networks no suite was designed on.

Networks are those of ``zoo.py``. Contestants are suites of the package (``standard``, ``core``,
...), the suites as they were before (``old-standard``, ``five-fold``, ...), the protocol that most
papers follow (``published``) and independent oracles (``assg-sapgd``, ``autoattack``,
``torchattacks``, ``advlib``, ``foolbox``, ``spikingjelly-pgd``; tests/oracles). Every point of
everybody is judged by ``tests/oracles/judge.py``, which shares no code with the package.

Suites of the package and ``published`` attack every item that is right when clean. Rivals attack
only what the suite named by ``--under`` has left standing, which is exact for what it misses.

A cell is one network, threat and contestant: one file under ``runs/strangers``, written whole or
not at all. What is there is not measured again, unless the suite or the code behind it changed; a
rival's cell only grows by items it has not met. Then the table of each network and threat is
written beside them, and ``--record`` stores all of them in research/results.

    scripts/setup-peers
    SPIKEPROOF_DATA=FOLDER .venv-peers/bin/python -m research.attack_evidence.strangers \
        --contestants standard core assg-sapgd autoattack --threats linf l2
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import spikeproof as sp
from benchmarks.harness import machine
from research import RESULTS, ROOT
from research.attack_evidence import zoo
from research.attack_evidence.old_suites import OLD_SUITES, PUBLISHED
from spikeproof.attacks import Suite
from spikeproof.attacks.suite.presets import SUITES
from spikeproof.models import Network, load_model
from spikeproof.study.closure import closure_sha256
from spikeproof.threats import Threat
from tests.oracles import libraries
from tests.oracles.arena import Arena, Budget
from tests.oracles.judge import BROKEN, ILLEGAL, ROUNDING, STANDS, TIE, Ball, Judge, Net

Array = NDArray[Any]
FOLDER = ROOT / "runs" / "strangers"
THREATS = ("linf", "l2", "l1", "l0", "counts")
WORDS = {STANDS: "stands", BROKEN: "broken", ROUNDING: "rounding", ILLEGAL: "illegal"}
WHOLE = {**SUITES, "published": PUBLISHED}  # attack every item that is right


@dataclass
class Field:
    """One network with its items, and what the judge says of them clean."""

    name: str
    path: Path
    model: Network
    x: Array
    y: Array
    items: Array
    right: Array
    unclear: int
    threats: dict[str, tuple[Threat, ...]]

    @classmethod
    def of(cls, name: str, count: int) -> Field:
        """A network of the zoo with its first test items."""
        path = zoo.FOLDER / f"{name}.safetensors"
        if not path.exists():
            zoo.network(name)
        split = zoo.test_split(name, count)
        x, y, items = (np.asarray(part.numpy()) for part in (split.x, split.y, split.items))
        margin, alike = Judge(Net.read(path)).margins(x, y, items.tolist())
        clear = alike & (np.abs(margin) > TIE)
        threats = sp.standard_threats(zoo.items(name))
        right = clear & (margin < 0)
        return cls(name, path, load_model(path), x, y, items, right, int((~clear).sum()), threats)


@dataclass
class Cell:
    """What one contestant did to some items of one network under one threat."""

    path: Path
    record: dict[str, Any]
    points: dict[int, Array]

    @classmethod
    def read(cls, path: Path) -> Cell:
        """From its file; empty where there is none."""
        if not path.exists():
            return cls(path, {"verdict": {}, "by": {}, "runs": []}, {})
        with np.load(path, allow_pickle=False) as stored:
            record = json.loads(str(stored["record"]))
            points = dict(zip(stored["items"].tolist(), stored["points"], strict=True))
        return cls(path, record, points)

    @property
    def verdict(self) -> dict[int, int]:
        """Item number → verdict of its best point."""
        return {int(item): value for item, value in self.record["verdict"].items()}

    def add(self, items: Array, verdict: Array, by: list[str], points: Array) -> None:
        """What was found about some items."""
        for i, item in enumerate(items.tolist()):
            self.record["verdict"][str(item)] = int(verdict[i])
            if verdict[i] != STANDS:
                self.record["by"][str(item)] = by[i]
                self.points[item] = points[i]

    def write(self) -> None:
        """Whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part.npz")
        points = [self.points[item] for item in self.points]
        np.savez_compressed(
            part,
            record=json.dumps(self.record),
            items=np.array(list(self.points), dtype=np.int64),
            points=np.stack(points) if points else np.zeros((0, 1), np.float32),
        )
        os.replace(part, self.path)


def ball_of(threat: Threat) -> Ball:
    """A threat as the judge reads it."""
    domain: Any = threat.domain
    return Ball(threat.name, threat.radius, float(domain.low), float(domain.high), domain.kind)


def code_of(suite: Suite, model: Network) -> str:
    """One hash of the suite and of all code it can reach, without docstrings and comments."""
    roots = {
        ("spikeproof.attacks.suite.suite", "Suite"),
        ("spikeproof.threats.threat", "Threat"),
        ("spikeproof.neurons.spiking", "Spiking"),
        *((type(part).__module__, type(part).__name__) for part in _parts(suite)),
        (type(model.body).__module__, type(model.body).__name__),
    }
    text = json.dumps(suite.record(), sort_keys=True, default=str)
    return hashlib.sha256((text + closure_sha256(sorted(roots))).encode()).hexdigest()[:16]


def _parts(thing: Any) -> list[Any]:
    """A settings object and all settings objects inside it."""
    if isinstance(thing, tuple | list):
        return [part for one in thing for part in _parts(one)]
    if not is_dataclass(thing) or isinstance(thing, type):
        return []
    inner = [getattr(thing, f.name) for f in fields(thing)]
    return [thing, *_parts(inner)]


def oracle_code() -> str:
    """One hash of the oracles' files."""
    total = hashlib.sha256()
    for path in sorted((ROOT / "tests" / "oracles").glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def run_suite(field: Field, suite: Suite, threat: Threat, which: Array, every: bool) -> Any:
    """A suite on the items at ``which``: verdicts, names, points, and the cost."""
    x, y = torch.from_numpy(field.x[which]), torch.from_numpy(field.y[which])
    items, judge = field.items[which], Judge(Net.read(field.path))
    who = None
    if judge.net.draws:  # what counts is the mean over draws, and the attacker may know it

        def who(points: torch.Tensor, idx: torch.Tensor) -> torch.Tensor:
            at = idx.numpy()
            margin, _ = judge.margins(
                points.detach().numpy(), field.y[which][at], items[at].tolist()
            )
            return torch.from_numpy(margin)

    begun = time.process_time()
    found = suite(
        field.model,
        x,
        y,
        threat,
        seeds=sp.seeds(0, items=torch.from_numpy(items)).child("strangers"),
        is_adversarial=who,
        every=every,
    )
    seconds = time.process_time() - begun
    ball = ball_of(threat)
    points = found.x_adv.numpy()
    verdict = judge.verdicts(points, field.x[which], field.y[which], ball, items)
    names = [member.name for member in suite.fitted(field.model, x).members]
    by = [names[m] if m >= 0 else "" for m in found.member.tolist()]
    tallies = [
        {"name": name, **stat.record()}
        for name, stat in zip(names, found.stats, strict=True)
        if stat.tried
    ]
    cost = {
        "seconds": seconds,
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "tallies": tallies,
    }
    return verdict, by, points, cost


class Contest:
    """The cells of some networks, threats and contestants, in one folder."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder = Path(arguments.folder)
        self.until = (
            None if arguments.minutes is None else time.monotonic() + 60 * arguments.minutes
        )

    @property
    def over(self) -> bool:
        """Whether the time given is used up."""
        return self.until is not None and time.monotonic() > self.until

    def say(self, line: str) -> None:
        """One line of progress."""
        print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

    def run(self) -> None:
        """Every cell that is asked for, then the tables."""
        chosen = self.arguments
        for name in chosen.networks:
            if self.over:
                break
            field = Field.of(name, chosen.items)
            self.say(f"{name}: {int(field.right.sum())} of {len(field.x)} right when clean")
            for threat_name in chosen.threats:
                if threat_name not in field.threats:
                    continue
                ladder = field.threats[threat_name]
                self.threat(field, ladder[len(ladder) // 2])

    def threat(self, field: Field, threat: Threat) -> None:
        """Every contestant under one threat."""
        order = sorted(self.arguments.contestants, key=lambda one: one not in WHOLE)
        for one in order:
            if self.over:
                return
            if one in WHOLE:
                self.whole(field, threat, one)
            elif one in OLD_SUITES or libraries.serves(one, threat.name, field.path):
                self.rival(field, threat, one)
        self.table(field, threat)

    def cell(self, field: Field, threat: Threat, contestant: str) -> Cell:
        """The file of one cell."""
        cell = Cell.read(self.folder / field.name / threat.name / f"{contestant}.npz")
        stored = hashlib.sha256(field.path.read_bytes()).hexdigest()[:16]
        if cell.record.get("network", stored) != stored or self.arguments.fresh:
            cell = Cell(cell.path, {"verdict": {}, "by": {}, "runs": []}, {})
        cell.record |= {"network": stored, "radius": threat.radius}
        return cell

    def stamp(self, cell: Cell, code: str, items: int, **more: Any) -> None:
        """Say how the items of a run were measured."""
        cell.record["runs"].append(
            {
                "code": code,
                "items": items,
                "command": " ".join(["python", "-m", _module(), *sys.argv[1:]]),
                "versions": libraries.versions(),
                "machine": machine(),
                **more,
            }
        )

    def whole(self, field: Field, threat: Threat, name: str) -> None:
        """A suite of the package, on every item that is right; again where its code changed."""
        suite, cell = WHOLE[name], self.cell(field, threat, name)
        code = code_of(suite, field.model)
        which = np.flatnonzero(field.right)
        done = set(cell.verdict) >= set(field.items[which].tolist())
        if done and (cell.record.get("code") == code or self.arguments.any_code):
            return
        cell = Cell(cell.path, {**cell.record, "verdict": {}, "by": {}, "runs": []}, {})
        verdict, by, points, cost = run_suite(field, suite, threat, which, name == "published")
        cell.record["code"] = code
        cell.add(field.items[which], verdict, by, points)
        self.stamp(cell, code, len(which), suite=suite.record(), **cost)
        cell.write()
        self.say(f"{field.name} {threat.name} {name}: {_counted(verdict)}, {cost['seconds']:.0f} s")

    def rival(self, field: Field, threat: Threat, name: str) -> None:
        """A rival, on what the suite under test left standing and it has not met yet."""
        under = self.cell(field, threat, self.arguments.under).verdict
        if not under:
            self.say(f"{field.name} {threat.name}: {self.arguments.under} has not run; skipped")
            return
        cell = self.cell(field, threat, name)
        met = cell.verdict
        open_ = [
            i
            for i, item in enumerate(field.items.tolist())
            if under.get(item, BROKEN) != BROKEN and item not in met
        ]
        which = np.array(open_, dtype=np.int64)
        if not len(which):
            if not met:
                cell.write()
            return
        if name in OLD_SUITES:
            suite = OLD_SUITES[name]
            verdict, by, points, cost = run_suite(field, suite, threat, which, False)
            code = code_of(suite, field.model)
        else:
            arena = Arena(
                field.path,
                field.x[which],
                field.y[which],
                field.items[which],
                ball_of(threat),
                Budget(),
                self.say,
                self.until,
            )
            libraries.CONTESTANTS[name](arena)
            if self.over:
                self.say(f"{field.name} {threat.name} {name}: out of time, not kept")
                return
            verdict, by, points, code = arena.verdict, arena.by, arena.best, oracle_code()
            seconds = sum(one["seconds"] for one in arena.attacks)
            cost = {"seconds": seconds, "attacks": arena.attacks}
        cell.add(field.items[which], verdict, by, points)
        self.stamp(cell, code, len(which), **cost)
        cell.write()
        self.say(f"{field.name} {threat.name} {name}: {_counted(verdict)}, {cost['seconds']:.0f} s")

    def table(self, field: Field, threat: Threat) -> None:
        """What every suite missed that anyone broke legally, beside the cells."""
        folder = self.folder / field.name / threat.name
        cells = {path.stem: Cell.read(path) for path in sorted(folder.glob("*.npz"))}
        found = tabled(cells, field.items[field.right].tolist())
        found = {
            "network": field.name,
            "threat": threat.name,
            "radius": threat.radius,
            "items": len(field.x),
            "unclear_when_clean": field.unclear,
            **found,
        }
        write_json(folder.with_suffix(".json"), found)
        for suite, row in found["suites"].items():
            self.say(
                f"{field.name} {threat.name} {suite}: broke {row['broken']} of {found['right']}, "
                f"missed {row['missed']} of {found['anyone']} that anyone broke"
            )


def tabled(cells: dict[str, Cell], right: list[int]) -> dict[str, Any]:
    """The table of one network and threat from its cells.

    Args:
        cells: Contestant → what it did.
        right: Numbers of the items that are right when clean.
    """
    wins: dict[int, dict[str, str]] = {item: {} for item in right}
    for name, cell in cells.items():
        for item, verdict in cell.verdict.items():
            if verdict == BROKEN and item in wins:
                wins[item][name] = cell.record["by"].get(str(item), "")
    anyone = [item for item in right if wins[item]]
    rows: dict[str, Any] = {"right": len(right), "anyone": len(anyone), "suites": {}, "rivals": {}}
    for name, cell in cells.items():
        verdict = {item: value for item, value in cell.verdict.items() if item in wins}
        counts = {WORDS[v]: sum(x == v for x in verdict.values()) for v in WORDS}
        seconds = sum(run.get("seconds", 0.0) for run in cell.record["runs"])
        row: dict[str, Any] = {"tried": len(verdict), **counts, "seconds": seconds}
        row["code"] = sorted({run["code"] for run in cell.record["runs"]})
        for key in ("forward", "backward"):  # only a suite counts them
            if any(key in run for run in cell.record["runs"]):
                row[key] = sum(run.get(key, 0) for run in cell.record["runs"])
        if name not in WHOLE:
            names = [cell.record["by"][str(i)] for i, v in verdict.items() if v == BROKEN]
            row["by"] = {name: names.count(name) for name in sorted(set(names))}
            rows["rivals"][name] = row
            continue
        missed = [item for item in anyone if verdict[item] in (STANDS, ILLEGAL)]
        row["missed"] = len(missed)
        row["missed_items"] = {item: wins[item] for item in missed}
        row["rounding_items"] = [item for item in anyone if verdict[item] == ROUNDING]
        last = cell.record["runs"][-1] if cell.record["runs"] else {}
        row |= {key: last[key] for key in ("tallies",) if key in last}
        rows["suites"][name] = row
    return rows


def _counted(verdict: Array) -> str:
    """Verdicts in words."""
    return ", ".join(
        f"{int((verdict == v).sum())} {WORDS[v]}" for v in WORDS if (verdict == v).any()
    )


def _module() -> str:
    """How this file is called as a module."""
    return "research.attack_evidence.strangers"


def write_json(path: Path, content: Any) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def record(folder: Path, to: Path = RESULTS / "strangers.json") -> None:
    """All tables in one file of research/results; those that are not in the folder stay there.

    So networks may be measured one after another, on machines that begin empty; a table says by
    which code each contestant in it was run.
    """
    kept = json.loads(to.read_text(encoding="utf-8"))["tables"] if to.exists() else []
    read = [json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("*/*.json")]
    tables = {(table["network"], table["threat"]): table for table in [*kept, *read]}
    content = {
        "benchmark": "strangers",
        "command": " ".join(["python", "-m", _module(), *sys.argv[1:]]),
        "machine": machine(),
        "versions": libraries.versions(),
        "oracles": oracle_code(),
        "tables": [tables[key] for key in sorted(tables)],
    }
    write_json(to, content)


def parser() -> argparse.ArgumentParser:
    """What may be asked for."""
    known = [*WHOLE, *OLD_SUITES, *libraries.CONTESTANTS]
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--networks", nargs="+", default=list(zoo.ZOO), choices=list(zoo.ZOO))
    made.add_argument("--threats", nargs="+", default=list(THREATS), choices=THREATS)
    made.add_argument("--contestants", nargs="+", default=known, choices=known)
    made.add_argument("--under", default="standard", help="rivals attack what it left standing")
    made.add_argument("--items", type=int, default=200)
    made.add_argument("--minutes", type=float, help="begin no cell after so long")
    made.add_argument("--folder", default=str(FOLDER))
    made.add_argument("--fresh", action="store_true", help="measure again what is there")
    made.add_argument("--any-code", action="store_true", help="keep suites that older code ran")
    made.add_argument("--record", action="store_true", help="store all tables in research/results")
    return made


def main() -> None:
    """Run the contest that is asked for."""
    torch.set_num_threads(1)
    libraries.quiet()
    arguments = parser().parse_args()
    Contest(arguments).run()
    if arguments.record:
        record(Path(arguments.folder))


if __name__ == "__main__":
    main()
