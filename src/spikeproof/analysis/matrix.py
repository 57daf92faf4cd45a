"""The transfer matrix: robust accuracy of trainings under threats, as a list that shows itself."""

from __future__ import annotations

from collections.abc import Mapping

from spikeproof.analysis.rows import MatrixCell
from spikeproof.base import html_table
from spikeproof.metrics import Estimate
from spikeproof.names import radius_text

__all__ = ["Matrix", "share_text"]


class Matrix(list[MatrixCell]):
    """Robust accuracy of every training under every threat at every radius, and the unions.

    A list of :class:`MatrixCell`, which a notebook shows as a table.
    """

    def standard(self) -> Matrix:
        """The cells at the standard radius of each threat, the middle one of its ladder."""
        levels: dict[str, set[int]] = {}
        for cell in self:
            levels.setdefault(cell.threat, set()).add(cell.level)
        return Matrix(cell for cell in self if cell.level == len(levels[cell.threat]) // 2)

    def columns(self) -> list[str]:
        """Heads of the columns: each threat with its radius, the unions last."""
        heads = {self.head(cell): cell.threat == "union" for cell in self}
        return sorted(heads, key=lambda head: heads[head])

    def head(self, cell: MatrixCell) -> str:
        """The head of a cell's column: ``"linf 0.1"``, ``"union"``, ``"union, level 2"``.

        A radius on a sound has its decibels beside it: ``"linf 0.1 (-20.0 dBFS)"``.
        """
        if cell.radius is not None:
            loud = f" ({cell.decibels})" if cell.decibels else ""
            return f"{cell.threat} {radius_text(cell.radius)}{loud}"
        levels = {other.level for other in self if other.threat == cell.threat}
        return cell.threat if len(levels) == 1 else f"{cell.threat}, level {cell.level + 1}"

    def table(self, clean: Mapping[str, Estimate] | None = None) -> list[list[str]]:
        """Rows of text under ``training``, ``clean`` where it is given, and ``columns``.

        Args:
            clean: Training → clean accuracy; its trainings all have a row.
        """
        rows: dict[str, dict[str, str]] = {name: {} for name in clean or ()}
        for cell in self:
            rows.setdefault(cell.training, {})[self.head(cell)] = share_text(cell.estimate)
        for training, estimate in (clean or {}).items():
            rows[training]["clean"] = share_text(estimate)
        heads = self.columns() if clean is None else ["clean", *self.columns()]
        return [[name, *(row.get(head, "–") for head in heads)] for name, row in rows.items()]

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        data = ", ".join(dict.fromkeys(cell.data for cell in self))
        caption = f"{data}: robust accuracy in %, with 95 % intervals"
        return html_table(["training", *self.columns()], self.table(), caption=caption)


def share_text(estimate: Estimate) -> str:
    """A share in percent with its interval."""
    value, low, high = (100 * end for end in (estimate.value, estimate.low, estimate.high))
    return f"{value:.0f} ({low:.0f}–{high:.0f})"
