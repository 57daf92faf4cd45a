"""An audit on disk: what its numbers depend on, what it writes, and how it is read again."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from spikeproof.attacks import Budget, Suite
from spikeproof.base import (
    FileProblem,
    arithmetic,
    code_origin,
    digest_file,
    is_sealed,
    read_arrays,
    read_json,
    record_of,
    sealed,
    versions,
    write_arrays,
    write_json,
)
from spikeproof.data import Dataset, Domain, Views, datasets, domain_from, domain_record, load
from spikeproof.evaluate.diagnose import Flag, review
from spikeproof.evaluate.doctor.diagnosis import found_in
from spikeproof.evaluate.outcome import Outcome
from spikeproof.evaluate.run_files import StoredRun
from spikeproof.evaluate.spent import Spent, spent
from spikeproof.models import home_of, model_digest
from spikeproof.threats import Threat

__all__ = ["AuditSource", "ladder_record", "read_audit", "refuse_foreign", "write_audit"]

_AUDIT, _ITEMS, _WALL = "audit.json", "items.npz", "wall.json"
_KEPT = (
    "passes",
    "members",
    "budget",
    "not_run",
)  # of a ladder's summary; the rest follows from arrays
_SCHEMA = 2  # 1 named no hashes


@dataclass(frozen=True, kw_only=True)
class AuditSource:
    """What the numbers of an audit depend on, besides seed, threats and items.

    Args:
        network: Class of the network, or its architecture.
        network_sha256: Hash of its weights.
        data_sha256: Hash of the data set.
        domain: Record of its legal inputs.
        suite: Record of the attacks.
        draws: Random perturbations per item and radius.
        samples: Draws that make one prediction of a stochastic network.
        versions: Software that computed.
    """

    network: str
    network_sha256: str
    data_sha256: str
    domain: Mapping[str, Any]
    suite: Mapping[str, Any]
    draws: int
    samples: int
    versions: Mapping[str, str]

    @classmethod
    def of(
        cls, model: nn.Module, data: Dataset, suite: Suite, *, draws: int, samples: int
    ) -> AuditSource:
        """What an audit that begins now will depend on.

        Raises:
            SettingError: an attack of a class that is not registered.
        """
        return cls(
            network=f"{type(model).__module__}.{type(model).__qualname__}",
            network_sha256=model_digest(model),
            data_sha256=data.spec.sha256,
            domain=domain_record(data.domain),
            suite=suite.record(),
            draws=draws,
            samples=samples,
            versions={**versions(), **arithmetic(home_of(model))},
        )

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return record_of(self)


def ladder_record(ladder: Sequence[Threat]) -> dict[str, Any]:
    """The record of a ladder, as attack cells have it."""
    record = ladder[0].record()
    del record["radius"]
    return {**record, "radii": [threat.radius for threat in ladder]}


def refuse_foreign(folder: Path, mine: Mapping[str, Any] | None = None) -> None:
    """Raise FileProblem where a folder is a file, holds a run, or another audit than mine."""
    if folder.exists() and not folder.is_dir():
        raise FileProblem(f"{folder} is a file; an audit needs a folder of its own.")
    if (folder / "plan.json").exists():
        raise FileProblem(f"{folder} holds a run; choose another folder for the audit.")
    path = folder / _AUDIT
    if path.exists() and (mine is None or _known_by(_read(path)) != _known_by(mine)):
        raise FileProblem(
            f"{folder} holds another audit; choose another folder, or move that one away."
        )


def _known_by(content: Mapping[str, Any]) -> dict[str, Any]:
    """What of an audit says which one it is: not which of its numbers are stated."""
    stated = ("despite", "flags", "sha256", "threats", "union_accuracy", "union_interval")
    return {k: v for k, v in content.items() if k not in (*stated, "withheld", "diagnosis")}


def write_audit(
    folder: Path,
    content: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    source: AuditSource | None,
    *,
    name: str,
) -> None:
    """Write an audit, the file that describes it last.

    Args:
        folder: Where to write; made if need be.
        content: Its numbers as plain data.
        outcomes: One per ladder.
        source: What it depends on.
        name: Of the suite.
    Raises:
        FileProblem: the folder cannot be written, or holds another audit or a run.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for start, outcome in zip(_starts([one.name for one in outcomes]), outcomes, strict=True):
        arrays |= {f"{start}.{key}": array for key, array in outcome.arrays().items()}
    # Hashed before it stands under its name, so that an audit of other hash can be refused.
    fresh = folder / f".{_ITEMS}.new"
    write_arrays(fresh, arrays)
    record = sealed(
        {
            **content,
            "schema": _SCHEMA,
            "suite_name": name,
            "source": None if source is None else source.record(),
            "ladders": [_stored(outcome) for outcome in outcomes],
            "files": {_ITEMS: digest_file(fresh)},
        }
    )
    try:
        refuse_foreign(folder, record)
        fresh.replace(folder / _ITEMS)
    finally:
        fresh.unlink(missing_ok=True)
    ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(folder / _WALL, {"finished": ended, "command": sys.argv, **code_origin()})
    write_json(folder / _AUDIT, record)


def read_audit(folder: Path, network: str | None, data: str | None) -> dict[str, Any]:
    """The fields of an audit in a folder; see ``Audit.load``."""
    if (folder / _AUDIT).is_file():
        try:
            return _saved(folder)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as problem:
            raise FileProblem(f"{folder / _AUDIT} is not a whole audit ({problem}).") from None
    if (folder / "plan.json").is_file():
        return _run(StoredRun.read(folder), network, data)
    raise FileProblem(f"{folder} is neither a run (plan.json) nor an audit (audit.json).")


def _read(path: Path) -> dict[str, Any]:
    """An audit's record; one that says its hash is checked against it."""
    content = read_json(path, "audit")
    if not isinstance(content, dict) or content.get("schema") not in (1, _SCHEMA):
        raise FileProblem(f"{path} is not an audit of schema 1 or {_SCHEMA}.")
    if content["schema"] == _SCHEMA and not is_sealed(content):
        raise FileProblem(f"{path} was changed after it was written; run the audit again.")
    return content


def _saved(folder: Path) -> dict[str, Any]:
    """What ``write_audit`` wrote, of this version or the one before."""
    content = _read(folder / _AUDIT)
    if content["schema"] == _SCHEMA and digest_file(folder / _ITEMS) != content["files"][_ITEMS]:
        raise FileProblem(
            f"{folder / _ITEMS} is not the one that {folder / _AUDIT} describes: it was changed, "
            "or belongs to another audit. Run the audit again."
        )
    arrays = read_arrays(folder / _ITEMS, "array file of an audit")
    source = content.get("source")
    domain = _domain(content["data"]) if source is None else domain_from(source["domain"])
    stored = content.get("ladders") or [_early(threat) for threat in content["threats"]]
    outcomes = []
    for start, one in zip(_starts([s["threat"]["name"] for s in stored]), stored, strict=True):
        own = {k.partition(".")[2]: a for k, a in arrays.items() if k.split(".")[0] == start}
        outcomes.append(Outcome.rebuilt(_ladder(one["threat"], domain), one, own))
    budget = content.get("budget")
    return {
        "data": content["data"],
        "suite": content.get("suite_name", content["suite"].split(", ")[0]),
        "seed": content["seed"],
        "outcomes": tuple(outcomes),
        "budget": None if budget is None else Spent.from_record(budget),
        "source": None if source is None else AuditSource(**source),
        "flags": _flags(content.get("flags")),
        "despite": tuple(content.get("despite", ())),
        "split": content.get("split", "test"),
        "diagnosis": found_in(content.get("diagnosis")),
    }


def _flags(records: Sequence[Mapping[str, Any]] | None) -> tuple[Flag, ...] | None:
    """The flags of their records; None where nobody looked."""
    return None if records is None else tuple(map(Flag.from_record, records))


def _run(run: StoredRun, network: str | None, data: str | None) -> dict[str, Any]:
    """The attack cells of one network of a run."""
    holder, cells = run.attacked(network, data)
    seen = run.diagnosis(holder)
    first = cells[0].cell
    domain = domain_from(holder.cell["model"]["domain"])
    outcomes = [
        Outcome.rebuilt(
            _ladder(one.cell["threat"], domain), one.result, one.arrays(), one.gallery()
        )
        for one in cells
    ]
    budget = run.plan.get("budget")
    return {
        "data": str(first["data"]),
        "suite": str(first["suite"]["name"]),
        "seed": int(first["seed"]),
        "outcomes": tuple(outcomes),
        "budget": None if budget is None else spent(Budget.parse(budget), outcomes),
        "source": AuditSource(
            network=str(holder.cell["model"]["name"]),
            network_sha256=str(holder.inputs["model_sha256"]),
            data_sha256=str(holder.inputs["data_sha256"]),
            domain=holder.cell["model"]["domain"],
            suite=first["suite"],
            draws=int(first["draws"]),
            samples=1,
            versions=cells[0].versions,
        ),
        "flags": None if seen is None else (*(_flags(seen) or ()), *review(outcomes)),
        "despite": tuple(run.plan.get("despite", ())),
        "split": str(run.plan.get("split", "test")),
        "diagnosis": found_in(run.doctored(holder)),
    }


def _ladder(record: Mapping[str, Any], domain: Domain | Views) -> tuple[Threat, ...]:
    """The ladder of a record."""
    return tuple(Threat.from_record({**record, "radius": r}, domain) for r in record["radii"])


def _stored(outcome: Outcome) -> dict[str, Any]:
    """What a ladder needs to be built again, besides its arrays."""
    summary = outcome.summary()
    kept: dict[str, Any] = {key: value for key, value in summary.items() if key in _KEPT}
    return {"threat": ladder_record(outcome.ladder), **kept}


def _early(threat: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an audit of schema 1, which said less."""
    named = {key: threat[key] for key in ("name", "geometry", "space")}
    radii = [row["radius"] for row in threat["rows"]]
    threat_of = {**named, "radii": radii}
    return {"threat": threat_of, "passes": threat["passes"], "members": threat["members"]}


def _domain(data: str) -> Domain | Views:
    """The legal inputs of a set, where the file does not say them."""
    if data not in datasets():
        raise FileProblem(
            f"This audit is of schema 1, which says nothing of the inputs of {data!r}, and the "
            "package does not know the set; run the audit again."
        )
    return load(data).domain


def _starts(names: Sequence[str]) -> list[str]:
    """What the arrays of each ladder begin with; a number where two have one name."""
    return [
        f"{name}-{number}" if names.count(name) > 1 else name for number, name in enumerate(names)
    ]
