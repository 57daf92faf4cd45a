"""The transfer matrix in the terminal: trainings down, threats across, one table per data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikeproof.cli.show import print_table, say

if TYPE_CHECKING:
    from spikeproof.analysis import Results
    from spikeproof.metrics import Estimate

__all__ = ["matrix_record", "print_matrix"]


def print_matrix(results: Results) -> None:
    """Print robust accuracy in percent with 95 % intervals, and verdicts on masking."""
    from spikeproof.analysis import matrix_title, verdict_line, withheld_lines

    for data in results.data():
        matrix = results.matrix(data).standard()
        found = {name: results.clean(data, name) for name in results.trainings(data)}
        clean = {name: estimate for name, estimate in found.items() if estimate is not None}
        heads = ["training", "clean", *matrix.columns()]
        say(f"{matrix_title(results, data)}:")
        print_table(heads, matrix.table(clean))
        for line in withheld_lines(results, data):
            say(line)
        say(verdict_line(results, data))


def matrix_record(results: Results) -> list[dict[str, Any]]:
    """The same as plain data, one entry per data set, training and threat."""
    out = []
    for data in results.data():
        where = {"split": results.split, "data": data, "suite": results.suite(data) or None}
        for training in results.trainings(data):
            clean = results.clean(data, training)
            if clean is not None:
                out.append(_entry(where, training, "clean", None, clean))
        for cell in results.matrix(data).standard():
            entry = _entry(where, cell.training, cell.threat, cell.radius, cell.estimate)
            out.append({**entry, **({"decibels": cell.decibels} if cell.decibels else {})})
    return out


def _entry(
    where: dict[str, Any], training: str, threat: str, radius: float | None, estimate: Estimate
) -> dict[str, Any]:
    """One number of the matrix."""
    return {
        **where,
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
