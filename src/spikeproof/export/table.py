"""Tables of robust accuracy for papers: LaTeX with booktabs, and the numbers as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.analysis import (
    MatrixCell,
    Results,
    gravest_word,
    masking_word,
    recorded_domain,
    verdict_line,
)
from spikeproof.export.latex import column_head, escaped, listed, percent, with_decibels
from spikeproof.metrics import Estimate

__all__ = ["MATRIX_COLUMNS", "matrix_rows", "matrix_table", "radii_table"]

MATRIX_COLUMNS = (
    "data",
    "split",
    "training",
    "threat",
    "radius",
    "level",
    "accuracy",
    "low",
    "high",
    "interval_over",
    "sd_networks",
    "n",
    "networks",
    "suite",
    "withheld",
    "masking",
    "decibels",
)
"""The columns of ``matrix.csv``: one row per data set, training, threat and radius, over seeds."""

_WIDE = 7  # columns from which a table is set smaller


@dataclass(frozen=True)
class _Column:
    """A column: its head, and its numbers by training."""

    head: tuple[str, str]
    cells: Mapping[str, Estimate]


def matrix_rows(results: Results) -> list[list[Any]]:
    """Return robust accuracy over all seeds as rows under ``MATRIX_COLUMNS``.

    A training whose robust accuracy is withheld has its clean accuracy, and one row that says so.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    """
    spreads = _spreads(results)
    rows = []
    for data in results.data():
        suite = results.suite(data) or None
        for training in results.trainings(data):
            start: list[Any] = [data, results.split, training]
            clean = results.clean(data, training)
            if clean is not None:
                spread = spreads.get((data, training, "clean", None))
                numbers = _numbers(clean, spread)
                rows.append([*start, "clean", 0.0, None, *numbers, suite, None, None, None])
            held = results.withheld.get((data, training))
            if held:
                rows.append([*start, *[None] * 10, suite, " ".join(held), None, None])
        matrix = results.matrix(data)
        radii = {(cell.training, cell.threat, cell.level): cell.radius for cell in matrix}
        for cell in matrix:
            spread = spreads.get((data, cell.training, cell.threat, cell.level))
            which = [data, results.split, cell.training, cell.threat, cell.radius, cell.level]
            numbers = _numbers(cell.estimate, spread)
            verdict = _verdict(results, cell, radii)
            rows.append([*which, *numbers, suite, None, verdict, cell.decibels or None])
    return rows


def _verdict(
    results: Results, cell: MatrixCell, radii: Mapping[tuple[str, str, int], float | None]
) -> str:
    """The verdict on a number: that under its threat and radius, of a union the gravest."""
    words = []
    for threat in cell.members or (cell.threat,):
        radius = radii.get((cell.training, threat, cell.level))
        named = f"{threat}:{radius:g}" if radius is not None else ""
        rows = [row for row in results.masking if row.threat == named]
        words.append(masking_word(rows, cell.data, cell.training))
    return gravest_word(words)


def _numbers(estimate: Estimate, spread: float | None) -> list[Any]:
    """An estimate as cells of a row."""
    ends = [estimate.value, estimate.low, estimate.high, estimate.over]
    return [*ends, spread, estimate.n, estimate.seeds]


def _spreads(results: Results) -> dict[tuple[str, str, str, int | None], float]:
    """Standard deviation between networks of every number that two or more networks have."""
    columns = results.frame()
    found: dict[tuple[str, str, str, int | None], list[float]] = {}
    for data, training, threat, level, accuracy in zip(
        *(columns[name] for name in ("data", "training", "threat", "level", "accuracy")),
        strict=True,
    ):
        if accuracy is not None:
            found.setdefault((data, training, threat, level), []).append(accuracy)
    return {key: float(np.std(each, ddof=1)) for key, each in found.items() if len(each) > 1}


def matrix_table(results: Results, data: str) -> str:
    """Return the matrix of a data set at the standard radii as a LaTeX table.

    Trainings down, threats across, under each share its 95 % interval; the largest of a column is
    bold. It needs the package booktabs.

    Args:
        results: From :func:`spikeproof.analysis.results`.
        data: Data set of the run.
    """
    cells = results.matrix(data).standard()
    unions = [cell for cell in cells if cell.threat == "union"]
    columns = list(_columns(results, data, [c for c in cells if c.threat != "union"]))
    columns += list(_columns(results, data, unions))
    return _laid_out(results, data, columns, _caption(results, data, unions, "the standard radii"))


def radii_table(results: Results, data: str) -> str:
    """Return robust accuracy at every radius as a LaTeX table: threats down, trainings across.

    Arguments as of ``matrix_table``.
    """
    matrix = results.matrix(data)
    cells = [cell for cell in matrix if cell.threat != "union"]
    columns = list(_columns(results, data, cells))
    trainings = results.trainings(data)
    found = {name: results.clean(data, name) for name in trainings}
    clean = {name: estimate for name, estimate in found.items() if estimate is not None}
    lines = list(_transposed([_Column(("clean", ""), clean), *columns], trainings))
    heads = _row(["threat", "radius", *map(escaped, trainings)])
    caption = _caption(results, data, (), "every radius")
    return _framed(data, "radii", caption, [heads], lines, [2, len(trainings)])


def _transposed(columns: Sequence[_Column], trainings: Sequence[str]) -> Iterator[str]:
    """A line per threat and radius; threats stand apart."""
    before = columns[0].head[0]
    for column in columns:
        sign, radius = column.head
        best = _most(column)
        cells = [_with_ends(column.cells.get(name), best) for name in trainings]
        yield ("    \\addlinespace\n" if sign != before else "") + _row([sign, radius, *cells])
        before = sign


def _with_ends(estimate: Estimate | None, best: float | None) -> str:
    """A share with its interval in one cell."""
    if estimate is None:
        return "--"
    return f"{_shown(estimate, best)} {_ends(estimate)}"


def _most(column: _Column) -> float | None:
    """The largest share of a column, if there is another to compare it with."""
    values = [estimate.value for estimate in column.cells.values()]
    return max(values) if len(values) > 1 and max(values) > min(values) else None


def _shown(estimate: Estimate, best: float | None) -> str:
    """A share, bold where it is the largest."""
    text = percent(estimate.value)
    return rf"\textbf{{{text}}}" if estimate.value == best else text


def _ends(estimate: Estimate) -> str:
    """An interval, small."""
    return rf"{{\scriptsize [{percent(estimate.low)}, {percent(estimate.high)}]}}"


def _columns(results: Results, data: str, cells: Sequence[MatrixCell]) -> Iterator[_Column]:
    """A column per threat and radius, in their order."""
    domain = recorded_domain(results.cells, data)
    found: dict[tuple[str, int], dict[str, MatrixCell]] = {}
    for cell in cells:
        found.setdefault((cell.threat, cell.level), {})[cell.training] = cell
    for (threat, _), by_training in found.items():
        first = next(iter(by_training.values()))
        estimates = {name: cell.estimate for name, cell in by_training.items()}
        sign, radius = column_head(threat, first.radius, domain)
        yield _Column((sign, with_decibels(radius, first.decibels)), estimates)


def _laid_out(results: Results, data: str, columns: list[_Column], caption: str) -> str:
    """The table."""
    trainings = results.trainings(data)
    found = {name: results.clean(data, name) for name in trainings}
    clean = {name: estimate for name, estimate in found.items() if estimate is not None}
    columns = [_Column(("clean", ""), clean), *columns]
    heads = [_row([word, *(c.head[i] for c in columns)]) for i, word in enumerate(("training", ""))]
    body = list(_body(results, data, trainings, columns))
    return _framed(data, "robust", caption, heads, body, [1, len(columns)])


def _framed(
    data: str, ending: str, caption: str, heads: list[str], body: list[str], sizes: list[int]
) -> str:
    """The table around its lines; the sizes are columns of words, and columns of numbers."""
    wide = sizes[1] > _WIDE
    size = r"\footnotesize" if wide else r"\small"
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[t]",
        r"  \centering",
        rf"  \caption{{{caption}}}",
        rf"  \label{{tab:{_plain(data)}-{ending}}}",
        r"  \smallskip",
        rf"  {size}\setlength{{\tabcolsep}}{{{3 if wide else 5}pt}}",
        rf"  \begin{{tabular}}{{{'l' * sizes[0]}{'r' * sizes[1]}}}",
        r"    \toprule",
        *heads,
        r"    \midrule",
        *body,
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _body(
    results: Results, data: str, trainings: Sequence[str], columns: Sequence[_Column]
) -> Iterator[str]:
    """Two lines per training: shares, and their intervals."""
    best = [_most(column) for column in columns]
    for training in trainings:
        held = (data, training) in results.withheld
        found = [column.cells.get(training) for column in columns]
        absent = "withheld" if held else "--"
        shares = [
            absent if one is None else _shown(one, most)
            for one, most in zip(found, best, strict=True)
        ]
        ends = ["" if one is None else _ends(one) for one in found]
        yield _row([escaped(training), *shares])
        yield _row(["", *ends]).removesuffix(r"\\") + r"\\[2pt]"


def _row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return "    " + " & ".join(cells) + r" \\"


def _caption(results: Results, data: str, unions: Sequence[MatrixCell], which: str) -> str:
    """What was measured, so that the table can stand alone."""
    clean = [results.clean(data, training) for training in results.trainings(data)]
    first = next((estimate for estimate in clean if estimate is not None), None)
    told = [rf"Accuracy on {escaped(data)} in \% when clean and under attack at {which}."]
    told.append(f"Suite: {escaped(results.suite(data) or 'not recorded')}.")
    if first is not None:
        networks = f"{first.seeds} network{'s' if first.seeds > 1 else ''} per row"
        told.append(
            rf"{first.n} {results.split} items, {networks}; in brackets 95\,\% intervals "
            f"{escaped(first.given)}."
        )
    told.append("An item counts as robust if it is right when clean and nothing that was tried ")
    told[-1] += "broke it, so robust accuracy is an upper bound."
    if unions:
        members = listed([column_head(name, None)[0] for name in unions[0].members])
        told.append(f"Union: {members} together.")
    told.append(escaped(verdict_line(results, data)))
    if any(where == data for where, _ in results.withheld):
        told.append("Withheld: the checks forbid a number.")
    told.append(f"Bold: the largest of a {'column' if 'standard' in which else 'row'}.")
    return " ".join(told)


def _plain(name: str) -> str:
    """A name as a part of a label."""
    return "".join(one if one.isascii() and one.isalnum() else "-" for one in name)
