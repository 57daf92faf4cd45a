"""A run folder's completed cells, by data set, training and threat, as aligned tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.records import Cell
from spikeproof.analysis.tables import (
    LP_THREATS,
    Table,
    TrainingKind,
    align,
    attack_table,
    probe_table,
    timing_table,
)
from spikeproof.base import check_one_of
from spikeproof.metrics import Bootstrap

__all__ = ["Tables"]


class Tables:
    """The completed cells of a study, found by name.

    Args:
        folder: The run folder.
        plan: Content of its ``plan.json``.
        cells: Its completed cells.
        draws: Bootstrap resamples behind every interval.
    """

    def __init__(
        self, folder: Path, plan: Mapping[str, Any], cells: Sequence[Cell], *, draws: int = 2000
    ) -> None:
        self.folder = folder
        self.record = dict(plan)
        self.plan: dict[str, Any] = dict(plan["plan"]) if "plan" in plan else dict(plan)
        self.cells = list(cells)
        self.draws = draws
        self._bootstraps: dict[tuple[int, int], Bootstrap] = {}
        self._tables: dict[tuple[str, ...], Table | None] = {}

    @property
    def split(self) -> str:
        """Which items the numbers are about, ``"test"`` or ``"validation"``."""
        return str(self.plan.get("split", "test"))

    def data(self) -> list[str]:
        """Data sets with completed cells, in the order of the plan."""
        return self._ordered("data", [cell.data for cell in self.cells])

    def trainings(self, data: str) -> list[str]:
        """Trainings of a data set with completed cells, in the order of the plan."""
        check_one_of(data, self.data(), "data set of this run")
        return self._ordered("training", [c.training for c in self.cells if c.data == data])

    def seeds(self) -> list[int]:
        """Seeds with completed cells, ascending."""
        return sorted({cell.seed for cell in self.cells})

    def threats(self, data: str) -> list[str]:
        """Threats that a data set was attacked with: l_p from large to small p, then the others."""
        check_one_of(data, self.data(), "data set of this run")
        found = {str(cell.cell["threat"]["name"]) for cell in self._of("attack", data)}
        return [t for t in LP_THREATS if t in found] + sorted(found - set(LP_THREATS))

    def kind(self, data: str, training: str) -> TrainingKind:
        """What a training does, from its recorded objective, else from the plan."""
        for cell in self._of("train", data, training):
            return TrainingKind.of(cell.cell["objective"])
        check_one_of(training, self.trainings(data), f"training on {data!r}")
        tables = {table["name"]: table for table in self.plan.get("training", ())}
        return TrainingKind.of(tables.get(training, {"terms": {}}))

    def undefended(self, data: str) -> str | None:
        """The first training with cross-entropy on clean inputs and nothing else."""
        return next((t for t in self.trainings(data) if self.kind(data, t).undefended), None)

    def sparse(self, data: str) -> list[str]:
        """The trainings that only add a sparse-gradient term, on clean inputs."""
        kinds = {t: self.kind(data, t) for t in self.trainings(data)}
        return [t for t, kind in kinds.items() if kind.sparse and kind.against is None]

    def dedicated(self, data: str, threat: str) -> str | None:
        """The first training on inputs attacked under the threat, without a sparse term."""
        kinds = {t: self.kind(data, t) for t in self.trainings(data)}
        fits = (t for t, kind in kinds.items() if kind.against == threat and not kind.sparse)
        return next(fits, None)

    def table(self, data: str, training: str, threat: str) -> Table | None:
        """Survival per seed, radius and item; None where no such cell is complete."""
        key = (data, training, threat)
        if key not in self._tables:
            cells = [
                cell
                for cell in self._of("attack", data, training)
                if cell.cell["threat"]["name"] == threat
            ]
            self._tables[key] = attack_table(cells)
        return self._tables[key]

    def probe(self, data: str, training: str) -> Table | None:
        """Probe numbers per seed and item; None where no such cell is complete."""
        key = (data, training)
        if key not in self._tables:
            self._tables[key] = probe_table(self._of("probe", data, training))
        return self._tables[key]

    def timed(self, data: str, training: str) -> Table | None:
        """Right answers per seed and item, by level; None where no such cell is complete."""
        key = (data, training, "timing", "")  # no table of an attack has four parts
        if key not in self._tables:
            self._tables[key] = timing_table(self._of("timing", data, training))
        return self._tables[key]

    def probe_radii(self, data: str, training: str) -> dict[str, float]:
        """Radius of each norm in a training's probe."""
        cells = self._of("probe", data, training)
        return {str(t["name"]): float(t["radius"]) for c in cells for t in c.cell["threats"]}

    def bootstrap(self, table: Table) -> Bootstrap:
        """The resamples for tables of this size, the same ones for all of them."""
        size = (len(table.seeds), len(table.items))
        if size not in self._bootstraps:
            self._bootstraps[size] = Bootstrap(*size, draws=self.draws)
        return self._bootstraps[size]

    def union(
        self, data: str, training: str, among: Sequence[str] = LP_THREATS
    ) -> tuple[Table, tuple[str, ...]] | None:
        """Survival of every l_p threat at once, ``alive`` per level, and the threats in it."""
        members = tuple(t for t in self.threats(data) if t in among)
        tables = [self.table(data, training, threat) for threat in members]
        whole = [table for table in tables if table is not None]
        aligned = align(*whole) if members and len(whole) == len(members) else None
        if aligned is None:
            return None
        levels = min(len(table.radii) for table in aligned)
        alive = np.minimum.reduce([table.values["alive"][:, :levels] for table in aligned])
        alive = alive * aligned[0].values["clean"][:, None]
        first = aligned[0]
        radii = tuple(float(level) for level in range(levels))
        return Table(first.seeds, first.items, radii, {"alive": alive}), members

    def per_item(self, data: str, training: str, what: str | tuple[str, ...]) -> Table | None:
        """One number per seed and item, ``value``; None where no such cell is complete.

        ``what`` is ``"clean"``, a threat (survival of its standard radius), several threats
        (survival of all of them), a level of a timing cell such as ``"jitter 0.5"`` (the share of
        draws answered right; ``"undisturbed"`` for its items as they are), or an array of the
        probe such as ``"g_l1"``.
        """
        if isinstance(what, tuple):
            found = self.union(data, training, what)
            table, name = (None if found is None else found[0]), "alive"
        elif what == "clean":
            tables = (self.table(data, training, threat) for threat in self.threats(data))
            table, name = next((one for one in tables if one is not None), None), "clean"
        elif what in self.threats(data):
            table, name = self.table(data, training, what), "alive"
        else:
            table, name = self.timed(data, training), what
            if table is None or name not in table.values:
                table = self.probe(data, training)
        if table is None or name not in table.values:
            return None
        value = table.values[name]
        chosen = value[:, table.middle] if name == "alive" else value
        return replace(table, radii=(), values={"value": chosen})

    def _of(self, kind: str, data: str, training: str | None = None) -> list[Cell]:
        """The cells of one kind, in the order of their seeds."""
        found = [c for c in self.cells if c.kind == kind and c.data == data]
        if training is not None:
            found = [cell for cell in found if cell.training == training]
        return sorted(found, key=lambda cell: cell.seed)

    def _ordered(self, key: str, names: Sequence[str]) -> list[str]:
        """The distinct names, those of the plan first and in its order."""
        planned = [str(table["name"]) for table in self.plan.get(key, ())]
        present = set(names)
        return [n for n in planned if n in present] + sorted(present - set(planned))
