"""A picture of the accuracy table as a PNG, for a README."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from spikeproof.analysis import data_summary, results
from spikeproof.base import InputError, SettingError, write_atomic
from spikeproof.report import tables
from spikeproof.report.colours import ACCURACY, painted
from spikeproof.report.labels import data_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise SettingError(
            "A picture needs matplotlib; run `pip install spikeproof[figures]`, or write the "
            "report, which does without."
        ) from None

    measured = results(folder)
    ladders = [(data, tables.matrix(data_summary(measured, data))) for data in measured.data()]
    panels = [(data, ladder[len(ladder) // 2]) for data, ladder in ladders if ladder]
    if not panels:
        raise InputError(f"No attack in {folder} is complete; run the study first.")
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    widest = max(len(heat.columns) for _, heat in panels)
    tallest = max(len(heat.rows) for _, heat in panels)
    size = (columns * (1.6 + 0.92 * widest), rows * (1.15 + 0.6 * tallest))
    figure = Figure(figsize=size, facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.1)
    canvas = FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (data, heat) in zip(grid, panels, strict=False):
        _panel(axes, data_title(data), heat)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    buffer = io.BytesIO()
    canvas.figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    write_atomic(Path(path), buffer.getvalue())
    return Path(path)


def _panel(axes: Axes, title: str, heat: tables.Heat) -> None:
    """One table as coloured squares with their numbers."""
    import numpy as np

    values = np.array(
        [[np.nan if c.value is None else c.value for c in row] for _, row in heat.rows]
    )
    pixels = painted(np.nan_to_num(values), ACCURACY)
    pixels[np.isnan(values)] = 235
    axes.imshow(pixels, aspect="auto")
    for y, (_, row) in enumerate(heat.rows):
        for x, cell in enumerate(row):
            ink = cell.ink or "#444444"
            axes.text(x, y - 0.1, cell.text, color=ink, ha="center", va="center", size=12)
            axes.text(x, y + 0.24, cell.small, color=ink, ha="center", va="center", size=7)
    axes.set_xticks(range(len(heat.columns)), [name for _, name, _ in heat.columns], size=10)
    axes.set_yticks(range(len(heat.rows)), [training for training, _ in heat.rows], size=10)
    axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False)
    about = f"accuracy (%) and 95 % interval, {heat.n} items × {heat.seeds} seeds"
    about += f", {heat.given}" if heat.given else ""
    axes.set_title(f"{title}: {about}", size=11, loc="left", pad=10)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(0.5, len(heat.columns) - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(heat.rows) - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
