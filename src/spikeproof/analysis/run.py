"""What was run: the completed cells of a run folder, by data set, training and threat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from spikeproof.analysis.diagnosed import MaskingRow, masking_rows
from spikeproof.analysis.flags import flag_rows, withheld_trainings
from spikeproof.analysis.grids import GridRow, grid_rows
from spikeproof.analysis.kinds import TrainingKind
from spikeproof.analysis.norms import by_order
from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.rows import FlagRow
from spikeproof.base import check_one_of

__all__ = ["RunRecords"]


class RunRecords:
    """The completed cells of a study, found by name.

    Args:
        folder: The run folder.
        plan: Content of its ``plan.json``.
        cells: Its completed cells.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any], cells: Sequence[CellRecord]) -> None:
        self.folder = folder
        self.record = dict(plan)
        self.plan: dict[str, Any] = dict(plan["plan"]) if "plan" in plan else dict(plan)
        self.cells = list(cells)

    @property
    def split(self) -> str:
        """Which items the numbers are about, ``"test"`` or ``"validation"``."""
        return str(self.plan.get("split", "test"))

    def data(self) -> list[str]:
        """Data sets with completed cells, in the order of the plan."""
        return self._ordered("data", [cell.data for cell in self.cells])

    def trainings(self, data: str) -> list[str]:
        """Trainings of a data set with completed cells, then networks, in the order of the plan."""
        check_one_of(data, self.data(), "data set of this run")
        return self._ordered("training", [c.training for c in self.cells if c.data == data])

    def seeds(self) -> list[int]:
        """Seeds with completed cells, ascending."""
        return sorted({cell.seed for cell in self.cells})

    def threats(self, data: str) -> list[str]:
        """Threats that a data set was attacked with: l_p from large to small p, then the others."""
        check_one_of(data, self.data(), "data set of this run")
        found = {str(cell.cell["threat"]["name"]) for cell in self.of_kind("attack", data)}
        norms = by_order(found)
        return norms + sorted(found - set(norms))

    def kind(self, data: str, training: str) -> TrainingKind:
        """What a training does, from its recorded objective, else from the plan."""
        for cell in self.of_kind("train", data, training):
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

    def probe_radii(self, data: str, training: str) -> dict[str, float]:
        """Radius of each norm in a training's probe."""
        cells = self.of_kind("probe", data, training)
        return {str(t["name"]): float(t["radius"]) for c in cells for t in c.cell["threats"]}

    @cached_property
    def flags(self) -> tuple[FlagRow, ...]:
        """What was seen of each network that makes its numbers doubtful."""
        return tuple(flag_rows(self.cells, self.plan.get("despite", ())))

    @cached_property
    def withheld(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """Data set and training whose robust accuracy is withheld → the flags that stop it."""
        return withheld_trainings(self.flags)

    @cached_property
    def masking(self) -> tuple[MaskingRow, ...]:
        """The verdicts on masking, network by network; none where nobody asked for them."""
        return masking_rows(self.cells)

    @cached_property
    def grids(self) -> tuple[GridRow, ...]:
        """The grids of joint budgets, network by network; none where nobody asked for them."""
        return grid_rows(self.cells, self.withheld)

    @property
    def diagnosed(self) -> bool:
        """Whether anybody looked; runs from before there were flags have none."""
        return any(cell.kind == "diagnosis" for cell in self.cells)

    def suite(self, data: str) -> str:
        """Names of the suites that attacked a data set, with the budget that cut them short; empty
        where no attack cell says one."""
        cells = self.of_kind("attack", data)
        names = [(cell.cell.get("suite") or {}).get("name") for cell in cells]
        cut = any(any((c.result.get("budget") or {}).get("unsettled", ())) for c in cells)
        told = ", ".join(dict.fromkeys(str(name) for name in names if name))
        return f"{told}, cut short by a budget of {self.plan.get('budget')}" if cut else told

    def of_kind(self, kind: str, data: str, training: str | None = None) -> list[CellRecord]:
        """The cells of one kind, in the order of their seeds."""
        found = [c for c in self.cells if c.kind == kind and c.data == data]
        if training is not None:
            found = [cell for cell in found if cell.training == training]
        return sorted(found, key=lambda cell: cell.seed)

    def _ordered(self, key: str, names: Sequence[str]) -> list[str]:
        """The distinct names, those of the plan first and in its order."""
        tables = [*self.plan.get(key, ())]
        tables += self.plan.get("network", ()) if key == "training" else ()
        planned = [str(table["name"]) for table in tables]
        present = set(names)
        return [n for n in planned if n in present] + sorted(present - set(planned))
