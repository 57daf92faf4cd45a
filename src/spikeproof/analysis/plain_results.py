"""Results as plain data, and as what a notebook shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spikeproof.analysis.data_summary import data_summary
from spikeproof.analysis.diagnosed import NOT_DIAGNOSED, masking_word
from spikeproof.analysis.rows import plain
from spikeproof.base import counted, html_table

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["matrix_title", "plain_results", "shown_results", "verdict_line", "withheld_lines"]

# What of a data set is plain enough for JSON.
_PLAIN_ROWS = (
    "trainings",
    "threats",
    "matrix",
    "curves",
    "transfer",
    "competing",
    "timing",
    "activity",
)


def plain_results(results: Results) -> dict[str, Any]:
    """Return every row as plain JSON data, without the per-item arrays and the gallery."""
    out: dict[str, Any] = {"schema": 1, "split": results.split}
    out |= {"provenance": results.provenance(), "data": {}}
    for data in results.data():
        found = data_summary(results, data)
        rows = {name: getattr(found, name) for name in _PLAIN_ROWS}
        out["data"][data] = {**rows, "clean": {t: found.clean.get(t) for t in found.trainings}}
    if results.diagnosed:
        out["flags"] = results.flags
    if results.masking:
        out["masking"] = results.masking
    if results.grids:
        out["grids"] = [
            {
                **{name: getattr(row, name) for name in ("data", "training", "seed", "suite")},
                **row.summary.to_dict(),
            }
            for row in results.grids
        ]
    tidy: dict[str, Any] = plain(out)
    return tidy


def shown_results(results: Results) -> str:
    """Return the matrix of every data set at the standard radii as HTML, escaped and whole."""
    return "".join(_shown(results, data) for data in results.data())


def matrix_title(results: Results, data: str) -> str:
    """Return what stands above a matrix: the data set, the suite, and how much was measured."""
    told = [f"{data}: robust accuracy in %"]
    found = [results.clean(data, training) for training in results.trainings(data)]
    clean = next((estimate for estimate in found if estimate is not None), None)
    if clean is not None:
        items = counted(clean.n, f"{results.split} item")
        told.append(f"{items} × {counted(clean.seeds, 'network')}")
    told.append(f"suite {results.suite(data) or 'not recorded'}")
    if clean is not None:
        told.append(f"intervals {clean.given}")
    return ", ".join(told)


def withheld_lines(results: Results, data: str) -> list[str]:
    """Return a line per training of a data set whose robust accuracy is withheld."""
    return [
        f"Robust accuracy of {training} is withheld for {', '.join(names)}."
        for (where, training), names in results.withheld.items()
        if where == data
    ]


def verdict_line(results: Results, data: str) -> str:
    """Return the sentence that stands beside the robust accuracies of a data set.

    It names the gravest verdict on gradient masking of every training, or says that there is none.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        data: Data set of the run.
    """
    found: dict[str, list[str]] = {}
    for training in results.trainings(data):
        found.setdefault(masking_word(results.masking, data, training), []).append(training)
    if set(found) <= {NOT_DIAGNOSED}:
        return f"Gradient masking: {NOT_DIAGNOSED}."
    each = "; ".join(f"{word} ({', '.join(names)})" for word, names in found.items())
    return f"Verdict on gradient masking: {each}."


def _shown(results: Results, data: str) -> str:
    """The table of one data set."""
    matrix = results.matrix(data).standard()
    found = {name: results.clean(data, name) for name in results.trainings(data)}
    clean = {name: estimate for name, estimate in found.items() if estimate is not None}
    return html_table(
        ["training", "clean", *matrix.columns()],
        matrix.table(clean),
        caption=matrix_title(results, data),
        notes="\n".join([*withheld_lines(results, data), verdict_line(results, data)]),
    )
