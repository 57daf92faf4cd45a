"""The transfer matrix in the terminal: trainings down, threats across, one table per data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikeproof.cli.show import print_table

if TYPE_CHECKING:
    from spikeproof.analysis import Results
    from spikeproof.metrics import Estimate

__all__ = ["matrix_record", "print_matrix"]


def print_matrix(results: Results) -> None:
    """Print robust accuracy in percent with 95 % intervals, at the standard radii."""
    for data in results.data():
        rows: dict[str, dict[str, str]] = {name: {} for name in results.trainings(data)}
        sample = ""
        for training, row in rows.items():
            clean = results.clean(data, training)
            if clean is not None:
                row["clean"] = _share(clean)
                sample = f"{clean.n} {results.split} items × {clean.seeds} networks"
                sample += f", intervals {clean.given}"
        for training, head, estimate, _ in _standard(results, data):
            rows[training][head] = _share(estimate)
        heads = _heads(results, data)
        body = [[name, *(row.get(head, "–") for head in heads)] for name, row in rows.items()]
        print_table(["training", *heads], body, title=f"{data}: robust accuracy in %, {sample}")


def matrix_record(results: Results) -> list[dict[str, Any]]:
    """The same as plain data, one entry per data set, training and threat."""
    out = []
    for data in results.data():
        for training in results.trainings(data):
            clean = results.clean(data, training)
            if clean is not None:
                out.append(_entry(results.split, data, training, "clean", None, clean))
        for training, _, estimate, cell in _standard(results, data):
            out.append(_entry(results.split, data, training, cell.threat, cell.radius, estimate))
    return out


def _standard(results: Results, data: str) -> list[tuple[str, str, Estimate, Any]]:
    """The cells at the middle radius: training, column, estimate, cell."""
    cells = results.matrix(data)
    levels: dict[str, set[int]] = {}
    for cell in cells:
        levels.setdefault(cell.threat, set()).add(cell.level)
    return [
        (cell.training, _head(cell.threat, cell.radius), cell.estimate, cell)
        for cell in cells
        if cell.level == len(levels[cell.threat]) // 2
    ]


def _heads(results: Results, data: str) -> list[str]:
    """The columns: clean, every threat with its radius, the union."""
    heads = list(dict.fromkeys(head for _, head, _, _ in _standard(results, data)))
    return ["clean", *(h for h in heads if h != "union"), *(h for h in heads if h == "union")]


def _head(threat: str, radius: float | None) -> str:
    """A threat with its radius."""
    return threat if radius is None else f"{threat} {radius:g}"


def _share(estimate: Estimate) -> str:
    """Percent with the interval."""
    value, low, high = (100 * end for end in (estimate.value, estimate.low, estimate.high))
    return f"{value:.0f} ({low:.0f}–{high:.0f})"


def _entry(
    split: str, data: str, training: str, threat: str, radius: float | None, estimate: Estimate
) -> dict[str, Any]:
    """One number of the matrix."""
    return {
        "split": split,
        "data": data,
        "training": training,
        "threat": threat,
        "radius": radius,
        "accuracy": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "items": estimate.n,
        "seeds": estimate.seeds,
        "over": estimate.over,
    }
