"""One side of a comparison: what was set, networks and data by hash, and who survived what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.analysis.diagnosed import NOT_DIAGNOSED, masking_word
from spikeproof.analysis.loudness import loudness
from spikeproof.analysis.results import Results, results
from spikeproof.analysis.rows import FlagRow
from spikeproof.base import FileProblem, digest
from spikeproof.evaluate import Flag, LadderFacts, StoredRun, reviewed, withheld

if TYPE_CHECKING:
    from spikeproof.evaluate import Audit

__all__ = ["UNKNOWN", "Side", "SurvivalKey", "read_side"]

SurvivalKey = tuple[str, str, str, str]
"""Data set, training, threat, radius; the training is empty for an audit of one network."""

UNKNOWN = "not recorded"
"""What a side says of a hash that it never kept; shown, as nobody can compare it."""

_Survival = tuple[tuple[int, ...], np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Side:
    """One run or audit.

    Args:
        settings: What was set, by name.
        survival: Seeds, items, and who survived ``(seeds, items)``, by key.
        kind: ``"a run"`` or ``"an audit"``.
        name: What the network of an audit is called; empty for a run.
        hashes: ``"networks"``, ``"data"`` and ``"code"`` → name → hash.
        flags: What was seen, one sentence each.
        masking: The gravest verdict on gradient masking, or that there is none.
        loud: Data set, threat and radius as text → the radius in decibels, on sounds.
    """

    settings: Mapping[str, Any]
    survival: Mapping[SurvivalKey, _Survival]
    kind: str
    name: str = ""
    hashes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    masking: str = NOT_DIAGNOSED
    loud: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def split(self) -> str:
        """Which items its numbers are about: test, validation, or what was given in a call."""
        return str(self.settings.get("split", "test"))


def read_side(folder: Path) -> Side:
    """Read a run or an audit.

    Args:
        folder: Where it lies.
    Raises:
        FileProblem: neither a run nor an audit, or a file in it that is not whole.
    """
    if (folder / "audit.json").is_file():
        return _of_audit(folder)
    if (folder / "plan.json").is_file():
        return _of_run(folder)
    raise FileProblem(f"{folder} is neither a run (plan.json) nor an audit (audit.json).")


def _of_run(folder: Path) -> Side:
    """The completed attack cells of a run."""
    run = results(folder)
    survival: dict[SurvivalKey, _Survival] = {}
    word, loud = masking_word(run.masking), _loud(run)
    if [len(run.plan.get(key, ())) for key in ("training", "network", "data")] == [0, 1, 1]:
        audited = _of_audit(folder) if run.plan.get("budget") else _of_audited(folder)
        return replace(audited, masking=word, loud=loud)
    for data in run.data():
        for training in run.trainings(data):
            for threat in run.threats(data):
                table = run.table(data, training, threat)
                if table is None:
                    continue
                who = table.seeds, table.items
                survival[data, training, "clean", "0"] = (*who, table.values["clean"])
                for level, radius in enumerate(table.radii):
                    alive = table.values["alive"][:, level]
                    survival[data, training, threat, f"{radius:g}"] = (*who, alive)
    weights = {
        f"{cell.data}.{cell.training}": cell.inputs.get("model_sha256")
        for cell in run.cells
        if cell.kind == "network"
    }
    taken = {"network_sha256": weights} if weights else {}
    told = tuple(f"{r.data} · {r.training} · seed {r.seed}: {_said(r)}" for r in run.flags)
    settings = {**run.plan, "split": run.split, **taken}
    hashes = _hashes(run)
    return Side(settings, survival, "a run", hashes=hashes, flags=told, masking=word, loud=loud)


def _loud(run: Results) -> dict[tuple[str, str, str], str]:
    """The radii of a run that have decibels."""
    return {
        (data, threat, f"{radius:g}"): text
        for data in run.data()
        for (threat, radius), text in loudness(run, data).items()
        if radius is not None
    }


def _hashes(run: Results) -> dict[str, dict[str, str]]:
    """What the cells of a run say they were computed from, by name."""
    found: dict[str, dict[str, str]] = {"networks": {}, "data": {}, "code": {}}
    for cell in run.cells:
        where = f"{cell.data} · {cell.training} · seed {cell.seed}"
        if cell.kind == "train" and "model_sha256" in cell.inputs:
            found["networks"][where] = str(cell.inputs["model_sha256"])
        if "data_sha256" in cell.inputs:
            found["data"][cell.data] = str(cell.inputs["data_sha256"])
        if "code_sha256" in cell.inputs:
            threat = cell.cell["threat"]["name"] if "threat" in cell.cell else ""
            name = f"{where} · {cell.kind} {threat}".strip()
            found["code"][name] = str(cell.inputs["code_sha256"])
    return found


def _said(row: FlagRow) -> str:
    """A flag of a run in one sentence."""
    return _told(row.name, row.seen, stop=row.stop, overridden=row.overridden)


def _told(name: str, seen: str, *, stop: bool, overridden: bool) -> str:
    """A flag in one sentence."""
    how = "flag"
    if stop:
        how = "overridden stop" if overridden else "robust accuracy withheld for"
    return f"{how} {name}: {seen}"


def _of_audited(folder: Path) -> Side:
    """The ladders of a run that is an audit, read from its records, which takes no torch."""
    run = StoredRun.read(folder)
    holder, cells = run.attacked()
    seen, despite = run.diagnosis(holder), tuple(run.plan.get("despite", ()))
    arrays = [one.arrays() for one in cells]
    facts = [
        LadderFacts.recorded(
            one.cell["threat"], holder.cell["model"]["domain"], one.result, own["y"]
        )
        for one, own in zip(cells, arrays, strict=True)
    ]
    flags = None if seen is None else (*map(Flag.from_record, seen), *reviewed(facts))
    first, data = cells[0], str(cells[0].cell["data"])
    suite = {key: value for key, value in first.cell["suite"].items() if key != "name"}
    settings: dict[str, Any] = {
        "data": data,
        "suite": str(first.cell["suite"]["name"]),
        "seed": int(first.cell["seed"]),
        "n": len(arrays[0]["y"]),
        "split": str(run.plan.get("split", "test")),
        "network_sha256": str(holder.inputs["model_sha256"]),
        "data_sha256": str(holder.inputs["data_sha256"]),
        "attacks_sha256": digest(suite),
        "draws": int(first.cell["draws"]),
        "samples": 1,
        "versions": dict(first.versions),
        **({"despite": list(despite)} if despite else {}),
    }
    survival: dict[SurvivalKey, _Survival] = {}
    for one, own in zip(cells, arrays, strict=True):
        name, radii = str(one.cell["threat"]["name"]), list(map(float, one.cell["threat"]["radii"]))
        stated = [] if withheld(flags, despite) else radii
        survival |= _survivals(data, name, stated, own)
        settings[f"threats.{name}"] = radii
    told = tuple(
        _told(f.name, f.seen, stop=f.stop, overridden=f.name in despite) for f in flags or ()
    )
    (network,) = run.plan["network"]
    hashes = {"data": {data: settings["data_sha256"]}}
    return Side(settings, survival, "an audit", str(network["name"]), hashes=hashes, flags=told)


def _survivals(
    data: str, threat: str, radii: Sequence[float], arrays: Mapping[str, Any]
) -> dict[SurvivalKey, _Survival]:
    """Who stood on one ladder, clean and at the radii that are stated."""
    who, correct = ((0,), arrays["items"]), arrays["correct"]
    found: dict[SurvivalKey, _Survival] = {
        (data, "", "clean", "0"): (*who, correct[None].astype(float))
    }
    for radius, broken in zip(radii, arrays["broken"], strict=False):
        alive = (correct & ~broken)[None].astype(float)
        found[data, "", threat, f"{radius:g}"] = (*who, alive)
    return found


def _of_audit(folder: Path) -> Side:
    """The ladders of an audit that was saved from Python, or had a budget."""
    from spikeproof.evaluate import Audit  # takes torch

    audit = Audit.load(folder)
    survival: dict[SurvivalKey, _Survival] = {}
    settings: dict[str, Any] = {
        "data": audit.data,
        "suite": audit.title,
        "seed": audit.seed,
        "n": len(audit.outcomes[0]),
        "split": audit.split,
        **_source(audit),
        **({"despite": list(audit.despite)} if audit.despite else {}),
    }
    for outcome in audit.outcomes:
        stated = () if audit.withheld else outcome.radii
        survival |= _survivals(audit.data, outcome.name, stated, outcome.arrays())
        settings[f"threats.{outcome.name}"] = list(outcome.radii)
    loud = {
        (audit.data, threat.name, f"{threat.radius:g}"): threat.level
        for outcome in audit.outcomes
        for threat in outcome.ladder
        if threat.level
    }
    told = [
        _told(f.name, f.seen, stop=f.stop, overridden=f.name in audit.despite)
        for f in audit.flags or ()
    ]
    known = audit.source
    hashes = {} if known is None else {"data": {audit.data: known.data_sha256}}
    name = _name(folder, audit)
    word = NOT_DIAGNOSED if audit.diagnosis is None else audit.diagnosis.verdict
    return Side(
        settings, survival, "an audit", name, hashes=hashes, flags=tuple(told), masking=word,
        loud=loud,
    )  # fmt: skip


def _name(folder: Path, audit: Audit) -> str:
    """What the network of an audit is called: the plan's name for it, or its class."""
    if (folder / "plan.json").is_file():
        (network,) = StoredRun.read(folder).plan["network"]
        return str(network["name"])
    return str(folder) if audit.source is None else audit.source.network.rpartition(".")[2]


def _source(audit: Audit) -> dict[str, Any]:
    """What the numbers of an audit depend on, or that nobody knows."""
    source = audit.source
    if source is None:
        return {"network_sha256": UNKNOWN}
    suite = {key: value for key, value in source.suite.items() if key != "name"}
    return {
        "network_sha256": source.network_sha256,
        "data_sha256": source.data_sha256,
        "attacks_sha256": digest(suite),
        "draws": source.draws,
        "samples": source.samples,
        "versions": dict(source.versions),
    }
