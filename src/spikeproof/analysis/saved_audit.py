"""An audit that was saved from Python, as the results of a run with one network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spikeproof.analysis.diagnosed import MaskingRow, rows_of_diagnosis
from spikeproof.analysis.records import Arrays, CellRecord
from spikeproof.analysis.results import Results
from spikeproof.analysis.rows import FlagRow
from spikeproof.evaluate import Audit, Outcome

__all__ = ["AuditResults", "audit_results"]


class AuditResults(Results):
    """The results of one audit that was saved from Python; everything a run has, it has.

    Args:
        folder: Where it lies.
        audit: What it found.
        draws: Resamples behind the intervals of medians and rank correlations.
    """

    def __init__(self, folder: Path, audit: Audit, *, draws: int = 2000) -> None:
        cells = _cells(folder, audit)
        plan = _plan(folder, audit)
        super().__init__(folder, {"plan": plan, "cells": [c.id for c in cells]}, cells, draws=draws)
        self.audit = audit

    @cached_property
    def flags(self) -> tuple[FlagRow, ...]:
        """The flags of the audit, those from after the attacks too."""
        audit = self.audit
        named: dict[str, Any] = {"data": audit.data, "training": _name(audit), "seed": audit.seed}
        return tuple(
            FlagRow(
                **named,
                **flag.record(),
                overridden=flag.stop and flag.name in audit.despite,
            )
            for flag in audit.flags or ()
        )

    @cached_property
    def masking(self) -> tuple[MaskingRow, ...]:
        """The verdicts on masking of the audit."""
        audit = self.audit
        if audit.diagnosis is None:
            return ()
        return rows_of_diagnosis(audit.diagnosis.record(), audit.data, _name(audit), audit.seed)

    @property
    def diagnosed(self) -> bool:
        """Whether anybody looked; audits from before there were flags have none."""
        return self.audit.flags is not None


def audit_results(folder: Path, *, draws: int = 2000) -> AuditResults:
    """Read an audit that ``Audit.save`` wrote as the results of a run.

    Args:
        folder: Where it lies.
        draws: Resamples behind the intervals of medians and rank correlations.
    Raises:
        FileProblem: no audit there, or one that is not whole or was changed.
    """
    return AuditResults(folder, Audit.load(folder), draws=draws)


@dataclass(frozen=True)
class _Ladder(CellRecord):
    """A cell whose arrays were read with the audit."""

    arrays: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def items(self) -> Arrays:
        """The per-item arrays."""
        return dict(self.arrays)


def _name(audit: Audit) -> str:
    """What to call the network: its class, as nothing else is known of it."""
    return "network" if audit.source is None else audit.source.network.rpartition(".")[2]


def _plan(folder: Path, audit: Audit) -> dict[str, Any]:
    """What a plan would have said."""
    radii = {outcome.name: list(outcome.radii) for outcome in audit.outcomes}
    return {
        "name": folder.resolve().name,
        "split": audit.split,
        "data": [{"name": audit.data, "threats": list(radii), "radii": radii}],
        "network": [{"name": _name(audit)}],
        "suite": audit.suite,
        "items": len(audit.outcomes[0]),
        "probe_items": 0,
        "seeds": [audit.seed],
        "claims": [],
        "despite": list(audit.despite),
    }


def _cells(folder: Path, audit: Audit) -> list[CellRecord]:
    """The network, and a cell per ladder."""
    source = audit.source
    where = {"data": audit.data, "training": _name(audit), "seed": audit.seed}
    hashes = (
        {}
        if source is None
        else {
            "model_sha256": source.network_sha256,
            "data_sha256": source.data_sha256,
        }
    )
    model = {} if source is None else {"name": source.network, "domain": source.domain}
    versions = {} if source is None else dict(source.versions)

    def cell(name: str, content: Mapping[str, Any], result: Any, arrays: Any = None) -> _Ladder:
        return _Ladder(
            folder=folder,
            id=name,
            cell={**where, **content},
            inputs={**hashes, "parent": None if content["kind"] == "network" else "network"},
            versions=versions,
            result=result,
            arrays=arrays or {},
        )

    return [
        cell("network", {"kind": "network", "model": model}, {}),
        *(cell(o.name, _attack(audit, o), o.summary(), o.arrays()) for o in audit.outcomes),
    ]


def _attack(audit: Audit, outcome: Outcome) -> dict[str, Any]:
    """What was asked of a ladder."""
    first = outcome.ladder[0].record()
    del first["radius"]
    source = audit.source
    return {
        "kind": "attack",
        "threat": {**first, "radii": list(outcome.radii)},
        "suite": {"name": audit.suite, **({} if source is None else source.suite)},
        "items": len(outcome),
        "split": audit.split,
        **({} if source is None else {"draws": source.draws}),
    }
