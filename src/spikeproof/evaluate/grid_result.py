"""What one network lost on a grid of joint budgets, item by item."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import (
    FileProblem,
    digest_file,
    is_sealed,
    read_arrays,
    read_json,
    sealed,
    write_arrays,
    write_json,
)

__all__ = ["JointGrid", "TwinCurve"]

Array = np.ndarray[Any, Any]
_RECORD, _ITEMS = "joint.json", "items.npz"
_ARRAYS = (
    "items", "y", "correct", "clean_margin", "broken", "margin", "member", "random_correct",
    "found_items", "found_cells", "found_x_adv",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TwinCurve:
    """What the unimodal twin of one view lost to an attack on that view.

    Args:
        correct: Right when clean, bool ``(N,)``.
        broken: Wrong when clean, or broken with this budget or a smaller one, bool ``(F, N)``.
    """

    correct: Array
    broken: Array


@dataclass(frozen=True, kw_only=True)
class JointGrid:
    """Per-item verdicts of one network on F times G budgets of two views; N items.

    Args:
        data: Data set.
        views: The two views, rows first.
        threats: The record of each view's geometry and own radius.
        factors: The multiples of the own radius of each view, from 0 upwards.
        members: Names of the attacks; the random draws stand last.
        source: What the numbers depend on, plain data.
        items: Numbers of the items, ``(N,)``.
        y: True classes, ``(N,)``.
        correct: Right when clean, bool ``(N,)``.
        clean_margin: Best wrong logit minus the true one when clean, ``(N,)``.
        broken: Wrong when clean or broken by this budget or one that it contains, bool
            ``(F, G, N)``.
        margin: The same margin on the worst input found within the budget, ``(F, G, N)``.
        member: Which member broke it, an index into ``members``; -1 if none did, ``(F, G, N)``.
        random_correct: Share of random draws classified right, ``(F, G, N)``.
        found_items: Item of every adversarial input that was kept, ``(M,)``.
        found_cells: The smallest cell that each was found in, ``(M, 2)``.
        found_x_adv: These inputs, packed, ``(M, D)``.
        twins: View → what its unimodal twin lost; empty without twins.
    """

    data: str
    views: tuple[str, str]
    threats: Mapping[str, Mapping[str, Any]]
    factors: Mapping[str, tuple[float, ...]]
    members: tuple[str, ...]
    source: Mapping[str, Any]
    items: Array
    y: Array
    correct: Array
    clean_margin: Array
    broken: Array
    margin: Array
    member: Array
    random_correct: Array
    found_items: Array
    found_cells: Array
    found_x_adv: Array
    twins: Mapping[str, TwinCurve]

    def __len__(self) -> int:
        """How many items."""
        return len(self.y)

    @property
    def standing(self) -> Array:
        """Which items are right when clean and broken by nothing, bool ``(F, G, N)``."""
        return np.asarray(self.correct & ~self.broken)

    @property
    def accuracy(self) -> Array:
        """Robust accuracy at every pair of budgets, ``(F, G)``."""
        return np.asarray(self.standing.mean(2))

    def standing_twin(self, view: str) -> Array:
        """Which items of a twin stand, bool ``(F, N)``."""
        twin = self.twins[view]
        return np.asarray(twin.correct & ~twin.broken)

    def radii(self, view: str) -> tuple[float, ...]:
        """The budgets of a view in the unit of its geometry."""
        own = float(self.threats[view]["radius"])
        return tuple(factor * own for factor in self.factors[view])

    def record(self) -> dict[str, Any]:
        """Everything but the arrays, as plain data; ``rebuilt`` takes both."""
        record = {
            "data": self.data,
            "views": list(self.views),
            "threats": self.threats,
            "factors": {view: list(factors) for view, factors in self.factors.items()},
            "members": list(self.members),
            "source": self.source,
            "twins": list(self.twins),
            "accuracy": self.accuracy.tolist(),
        }
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain

    def arrays(self, *, inputs: bool = True) -> dict[str, Array]:
        """Every array by its name; the inputs that broke items only where they are asked for."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if inputs or name != "found_x_adv"}
        for view, twin in self.twins.items():
            arrays |= {f"twin.{view}.correct": twin.correct, f"twin.{view}.broken": twin.broken}
        return arrays

    @classmethod
    def rebuilt(cls, record: Mapping[str, Any], arrays: Mapping[str, Array]) -> JointGrid:
        """The grid of what ``record`` and ``arrays`` returned; arrays that are absent are empty."""
        twins = {
            view: TwinCurve(
                correct=arrays[f"twin.{view}.correct"], broken=arrays[f"twin.{view}.broken"]
            )
            for view in record["twins"]
        }
        first, second = record["views"]
        return cls(
            data=record["data"],
            views=(first, second),
            threats=record["threats"],
            factors={v: tuple(f) for v, f in record["factors"].items()},
            members=tuple(record["members"]),
            source=record["source"],
            twins=twins,
            **{name: arrays.get(name, np.zeros(0)) for name in _ARRAYS},
        )

    def save(self, folder: Path | str) -> None:
        """Write ``items.npz`` with every array, and then ``joint.json`` with its hash.

        Raises:
            FileProblem: the folder cannot be written.
        """
        place = Path(folder)
        write_arrays(place / _ITEMS, self.arrays())
        files = {_ITEMS: digest_file(place / _ITEMS)}
        write_json(place / _RECORD, sealed({"schema": 1, **self.record(), "files": files}))

    @classmethod
    def load(cls, folder: Path | str) -> JointGrid:
        """Read what ``save`` wrote.

        Raises:
            FileProblem: no grid there, or files that were changed since.
        """
        path = Path(folder) / _RECORD
        record = read_json(path, "grid of joint budgets")
        if not isinstance(record, dict) or record.get("schema") != 1 or not is_sealed(record):
            raise FileProblem(f"{path} is no grid of joint budgets, or was changed; run it again.")
        try:
            sha256 = str(record["files"][_ITEMS])
            arrays = read_arrays(path.with_name(_ITEMS), "array file of a grid", sha256=sha256)
            if missing := [name for name in _ARRAYS if name not in arrays]:
                raise ValueError(f"no {missing[0]}")
            return cls.rebuilt(record, arrays)
        except (AttributeError, KeyError, TypeError, ValueError) as problem:
            raise FileProblem(f"{path} is not a whole grid ({problem}); run it again.") from None
