"""An extract of a run: one small text file that tables, unions and intervals follow from again."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.records import Arrays, CellRecord
from spikeproof.analysis.results import Results, results
from spikeproof.base import (
    FileProblem,
    digest,
    is_sealed,
    read_json,
    say_once,
    sealed,
    sweep,
    write_json,
)

__all__ = ["extract", "extracted"]

_SCHEMA = 2  # 1 had no hash
_MOST_VALUES = 100_000_000  # in all arrays together
_KINDS = {"bits": 1, "int32": 4, "float32": 4}
_ARRAYS = {
    "attack": ("items", "correct", "broken"),
    "diagnosis": (),
    "doctor": (),
    "grid": ("items", "y", "correct", "broken", "random_correct"),
    "network": (),
    "probe": ("items", "g_l0", "g_l1", "g_l2", "g_pr"),
    "timing": ("items", "correct"),
    "train": (),
}
# Tables ask for these, and an extract does not keep them.
_ABSENT = ("random_correct", "length")


def extract(folder: Path | str, path: Path | str) -> Path:
    """Write what the tables of a run need as one JSON file, small enough to be kept with code.

    Per cell: its id, what was asked for and the hash of that, hashes of code, data and network,
    versions, seconds, and the items that were right and broken, one bit each. Of a training: its
    passes, its chosen epoch, the firing there, and how far rules moved weights. Of a probe: the
    size and sparsity of each item's gradient, in single precision, and firing. Of a timing cell:
    right draws per level and item. Of a diagnosis: its flags, or its verdicts. Of a
    grid: its verdicts per pair of budgets. Other arrays,
    galleries and weights stay in the run.

    Args:
        folder: A run folder, complete or not; the extract shows what is missing.
        path: File to write.
    Returns:
        The file.
    Raises:
        FileProblem: no run there, or a file in it that is not whole.
    Example:
        >>> extract("no-such-run", "extract.json")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    run = results(folder)
    record = {k: v for k, v in run.record.items() if k not in ("cells", "content_sha256")}
    listed = run.record.get("cells", [])
    record["cells"] = [one["id"] if isinstance(one, dict) else one for one in listed]
    cells = [_brief(cell) for cell in run.cells]
    content = json.loads(json.dumps({"schema": _SCHEMA, "plan": record, "cells": cells}))
    write_json(Path(path), sealed(content))
    sweep(Path(path).parent, older=3600)
    return Path(path)


def extracted(path: Path | str, *, draws: int = 2000) -> Results:
    """Read an extract as if it were the run: the same tables, unions and intervals.

    Random accuracies and lengths of perturbations are not in an extract and come out as NaN.

    Args:
        path: What ``extract`` wrote.
        draws: Resamples behind the intervals of medians and rank correlations.
    Returns:
        Everything that can be said of its cells.
    Raises:
        FileProblem: no such file, no extract of this schema, or one that was changed.
    Example:
        >>> extracted("no-such.json")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no extract of a run at no-such.json.
    """
    path = Path(path)
    content = read_json(path, "extract of a run", follow=True)
    if not isinstance(content, dict) or content.get("schema") not in (1, _SCHEMA):
        raise FileProblem(
            f"{path} is no extract of schema 1 or {_SCHEMA}; write it again with "
            f"`spikeproof study extract RUN --to {path}`."
        )
    if content["schema"] == 1:
        say_once(
            "extracts of schema 1",
            f"{path} was written by an earlier version, which kept no hash in extracts.",
        )
    elif not is_sealed(content):
        raise FileProblem(f"{path} was changed after it was written; write it again.")
    try:
        cells = [_kept(path, cell) for cell in content["cells"]]
        _check_size(cells)
        return Results(path, dict(content["plan"]), cells, draws=draws)
    except (LookupError, TypeError, ValueError, AttributeError) as problem:
        raise FileProblem(f"{path} is not a whole extract ({problem}); write it again.") from None


@dataclass(frozen=True)
class _Kept(CellRecord):
    """A cell whose arrays and seconds stand in the extract itself."""

    arrays: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def items(self) -> Arrays:
        """The per-item arrays, with NaN for those that were not kept."""
        try:
            unpacked = {name: _unpacked(record) for name, record in self.arrays.items()}
        except (LookupError, TypeError, ValueError, zlib.error) as problem:
            raise FileProblem(
                f"{self.folder} is not a whole extract ({self.id}: {problem}); write it again."
            ) from None
        if self.kind == "attack":
            unpacked |= {name: np.full(unpacked["broken"].shape, np.nan) for name in _ABSENT}
        return unpacked

    def gallery(self) -> Arrays:
        """An extract keeps no examples."""
        return {}

    def wall(self) -> Mapping[str, Any]:
        """Wall time and host facts."""
        return self.seconds


def _kept(path: Path, cell: Mapping[str, Any]) -> _Kept:
    """A cell of an extract, if it says what every cell says."""
    kept = _Kept(folder=path, **cell)
    tables = kept.cell, kept.inputs, kept.versions, kept.result, kept.arrays, kept.seconds
    if not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"cell {kept.id} is not made of tables")
    for key in ("kind", "data", "training", "seed"):
        kept.cell[key]
    return kept


def _check_size(cells: Sequence[_Kept]) -> None:
    """Raise ValueError where arrays say that they are larger than any extract's."""
    values = sum(_values(record) for cell in cells for record in cell.arrays.values())
    if values > _MOST_VALUES:
        raise ValueError(f"its arrays would hold {values:,} values; at most {_MOST_VALUES:,} are")


def _values(record: Mapping[str, Any]) -> int:
    """How many values an array says that it has."""
    shape = record["shape"]
    if record["kind"] not in _KINDS or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array has no proper kind or shape")
    return math.prod(shape)


def _brief(cell: CellRecord) -> dict[str, Any]:
    """A cell without what tables do not ask for."""
    asked = {key: value for key, value in cell.cell.items() if key != "suite"}
    if "suite" in cell.cell:  # its members are the same in every cell, and hashed with the rest
        asked["suite"] = {"name": cell.cell["suite"]["name"]}
    return {
        "id": cell.id,
        "cell": {**asked, "settings_sha256": digest(dict(cell.cell))},
        "inputs": dict(cell.inputs),
        "versions": dict(cell.versions),
        "result": _result(cell),
        "arrays": {name: _packed(cell.array(name)) for name in _names(cell)},
        "seconds": {k: v for k, v in cell.wall().items() if k != "finished"},
    }


def _names(cell: CellRecord) -> tuple[str, ...]:
    """The arrays that tables ask for."""
    return (*_ARRAYS[cell.kind], *(cell.cell["levels"] if cell.kind == "timing" else ()))


def _result(cell: CellRecord) -> dict[str, Any]:
    """What came out, without what a training did epoch by epoch."""
    if cell.kind in ("diagnosis", "doctor", "grid", "network"):
        return dict(cell.result)
    if cell.kind != "train":
        return {k: v for k, v in cell.result.items() if k in ("activity", "passes")}
    history = cell.result["history"]
    best = history[cell.result["best_epoch"] - 1]
    return {
        **{key: cell.result[key] for key in ("epochs", "best_epoch", "parameters")},
        "forward": sum(epoch["forward"] for epoch in history),
        "backward": sum(epoch["backward"] for epoch in history),
        "firing": best["firing"],
        "clean_accuracy": best["clean_accuracy"],
        "shift": _shift(history),
        "warnings": sorted({key for epoch in history for key in epoch["warnings"]}),
    }


def _shift(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How far hooks moved weights, the mean over the epochs in which they did."""
    moved = [epoch["shift"] for epoch in history if epoch.get("shift")]
    return {name: sum(one[name] for one in moved) / len(moved) for name in (moved or [{}])[0]}


def _packed(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """An array as text: booleans as bits, whole numbers in 32 bits, others in single precision."""
    bits = array.dtype == np.bool_
    kind = "bits" if bits else "int32" if np.issubdtype(array.dtype, np.integer) else "float32"
    content = np.packbits(array) if bits else array.astype(np.dtype(kind).newbyteorder("<"))
    text = base64.b64encode(zlib.compress(content.tobytes(), 9)).decode("ascii")
    return {"kind": kind, "shape": list(array.shape), "content": text}


def _unpacked(record: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """The array of such a text, unpacked no further than its shape says."""
    values, shape = _values(record), tuple(record["shape"])
    wanted = -(-values // 8) if record["kind"] == "bits" else values * _KINDS[record["kind"]]
    packed = base64.b64decode(record["content"], validate=True)
    content = zlib.decompressobj().decompress(packed, wanted + 1)
    if len(content) != wanted:
        raise ValueError(f"an array of {wanted} bytes holds another number of them")
    if record["kind"] == "bits":
        flat = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=values)
        return flat.astype(np.bool_).reshape(shape)
    kind = np.dtype(record["kind"])
    return np.frombuffer(content, dtype=kind.newbyteorder("<")).astype(kind).reshape(shape)
