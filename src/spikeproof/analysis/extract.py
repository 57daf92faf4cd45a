"""An extract of a run: one small text file that tables, unions and intervals follow from again."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis.records import Arrays, CellRecord
from spikeproof.analysis.results import Results, results
from spikeproof.base import FileProblem, digest, read_json, write_json

__all__ = ["extract", "extracted"]

_SCHEMA = 1
_ARRAYS = {
    "attack": ("items", "correct", "broken"),
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
    right draws per level and item. Other arrays, galleries and weights stay in the run.

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
    record = {key: value for key, value in run.record.items() if key != "cells"}
    listed = run.record.get("cells", [])
    record["cells"] = [one["id"] if isinstance(one, dict) else one for one in listed]
    cells = [_brief(cell) for cell in run.cells]
    write_json(Path(path), {"schema": _SCHEMA, "plan": record, "cells": cells})
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
        FileProblem: no such file, or no extract of this schema.
    Example:
        >>> extracted("no-such.json")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no extract of a run at no-such.json.
    """
    path = Path(path)
    content = read_json(path, "extract of a run")
    if not isinstance(content, dict) or content.get("schema") != _SCHEMA:
        raise FileProblem(
            f"{path} is no extract of schema {_SCHEMA}; write it again with "
            f"`spikeproof study extract RUN --to {path}`."
        )
    try:
        cells = [_Kept(folder=path, **cell) for cell in content["cells"]]
        return Results(path, content["plan"], cells, draws=draws)
    except (KeyError, TypeError) as problem:
        raise FileProblem(f"{path} is not a whole extract ({problem}); write it again.") from None


@dataclass(frozen=True)
class _Kept(CellRecord):
    """A cell whose arrays and seconds stand in the extract itself."""

    arrays: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def items(self) -> Arrays:
        """The per-item arrays, with NaN for those that were not kept."""
        unpacked = {name: _unpacked(record) for name, record in self.arrays.items()}
        if self.kind == "attack":
            unpacked |= {name: np.full(unpacked["broken"].shape, np.nan) for name in _ABSENT}
        return unpacked

    def gallery(self) -> Arrays:
        """An extract keeps no examples."""
        return {}

    def wall(self) -> Mapping[str, Any]:
        """Wall time and host facts."""
        return self.seconds


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
    if cell.kind == "network":
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
    """The array of such a text."""
    content, shape = zlib.decompress(base64.b64decode(record["content"])), tuple(record["shape"])
    if record["kind"] == "bits":
        flat = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=int(np.prod(shape)))
        return flat.astype(np.bool_).reshape(shape)
    kind = np.dtype(record["kind"])
    return np.frombuffer(content, dtype=kind.newbyteorder("<")).astype(kind).reshape(shape)
