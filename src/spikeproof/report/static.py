"""A picture of the accuracy table as a PNG, for a README."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spikeproof.analysis import data_summary, results
from spikeproof.base import InputError, write_atomic
from spikeproof.report import plots, tables
from spikeproof.report.drawing import Drawing
from spikeproof.report.drawing.marks import shifted
from spikeproof.report.figures import Chart, Figure, draw

__all__ = ["picture"]


def picture(folder: Path | str, path: Path | str) -> Path:
    """Draw accuracy by training and threat at the standard radius, one panel per data set.

    Args:
        folder: A run folder.
        path: PNG file to write.
    Returns:
        The file.
    Raises:
        FileProblem: no run there, a file in it that is not whole, or nowhere to write.
        InputError: no attack of the run is complete.
        SettingError: the package ``matplotlib`` is not installed.
    Cost:
        About one second, most of it to import matplotlib.
    """
    measured = results(folder)
    ladders = [(data, tables.matrix(data_summary(measured, data))) for data in measured.data()]
    panels = [
        plots.matrices(data, [ladder[len(ladder) // 2]])[0] for data, ladder in ladders if ladder
    ]
    if not panels:
        raise InputError(f"No attack in {folder} is complete; run the study first.")
    columns = min(2, len(panels))
    width = max(panel.width for panel in panels) * columns + _GAP * (columns - 1)
    chart = _Panels(charts=[panel.chart for panel in panels], columns=columns)
    alt = " ".join(panel.alt for panel in panels)
    figure = Figure(
        name="matrix", title="Accuracy", alt=alt, chart=chart, kind="matrix", width=width
    )
    write_atomic(Path(path), draw(figure, form="png"))
    return Path(path)


_GAP = 28.0


@dataclass(frozen=True, kw_only=True)
class _Panels:
    """Several charts on one sheet, row by row."""

    charts: list[Chart]
    columns: int

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet."""
        wide = (width - _GAP * (self.columns - 1)) / self.columns
        marks, top, tallest = [], 0.0, 0.0
        for number, chart in enumerate(self.charts):
            column = number % self.columns
            if number and column == 0:
                top, tallest = top + tallest + _GAP, 0.0
            sheet = chart.drawing(wide, keyed)
            marks += [shifted(mark, column * (wide + _GAP), top) for mark in sheet.marks]
            tallest = max(tallest, sheet.height)
        return Drawing(width=width, height=top + tallest, marks=marks)
