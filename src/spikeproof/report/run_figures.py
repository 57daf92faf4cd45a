"""Every figure of a run that a paper may want."""

from __future__ import annotations

from collections.abc import Iterator

from spikeproof.analysis import DataSummary, Summary
from spikeproof.report import plots, tables
from spikeproof.report.budgets import shown_grids
from spikeproof.report.figures import Figure
from spikeproof.report.gallery import gallery_of, wall
from spikeproof.report.labels import data_title
from spikeproof.report.origin import origin

__all__ = ["figures_of"]

_WIDE = 480.0


def figures_of(summary: Summary) -> list[Figure]:
    """Describe the figures of a run; nothing is drawn yet.

    Args:
        summary: What the run says.
    Returns:
        Per data set the matrix at each radius (``kind`` ``"matrix"``), security curves
        (``"curves"``), gradients and vulnerability (``"scatter"``) and one attacked item under
        every training and norm (``"gallery"``), and the grids of joint budgets (``"matrix"``), as
        far as the run holds them; their names are file names. :func:`spikeproof.report.draw` draws
        one.
    Example:
        >>> from spikeproof.report import draw
        >>> def save(summary, folder):
        ...     for figure in figures_of(summary):
        ...         (folder / f"{figure.name}.pdf").write_bytes(draw(figure, form="pdf"))
    """
    own = [figure for one in summary.data for figure in _of_data(summary, one)]
    return own + [figure for grid in shown_grids(summary) for figure in grid.figures]


def _of_data(summary: Summary, one: DataSummary) -> Iterator[Figure]:
    """The figures of one data set."""
    colours, known = plots.series(summary), origin(summary.cells, one.data)
    yield from plots.matrices(one.data, tables.matrix(one))
    yield from plots.security(one, colours, known)
    yield from plots.gradients(one, colours)
    for item in gallery_of(summary, one, known)[0]:
        title = f"{data_title(one.data)}: item {item.item} under attack"
        told = "; ".join(
            f"{training} {column.title} {cell.head}"
            for training, row in item.rows
            for column, cell in zip(item.columns, row, strict=True)
        )
        yield Figure(
            name=plots.slug("gallery", one.data, item.item),
            title=title,
            alt=f"{title}, class {item.y}: {told}.",
            chart=wall(item),
            kind="gallery",
            width=max(_WIDE, 80.0 + 130.0 * len(item.columns)),
        )
