"""The tiles under the answer: each data set at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from spikeproof.analysis import DataSummary, Summary
from spikeproof.metrics import Estimate
from spikeproof.report.labels import data_title, percent

__all__ = ["Bar", "Tile", "tiles"]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Clean and robust accuracy of one training, as text and as widths in per cent."""

    training: str
    series: int
    clean: str
    robust: str
    clean_width: float
    robust_width: float


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One data set at a glance."""

    title: str
    data: str
    sample: str
    bars: list[Bar]


def _union(summary: DataSummary) -> dict[str, Estimate]:
    """Training → accuracy under every threat at once, at the standard radius."""
    cells = [cell for cell in summary.matrix if cell.threat == "union"]
    steps = sorted({cell.level for cell in cells})
    middle = steps[len(steps) // 2] if steps else None
    return {cell.training: cell.estimate for cell in cells if cell.level == middle}


def tiles(summary: Summary, colours: dict[str, int]) -> list[Tile]:
    """Clean accuracy and accuracy under every norm at once, per data set and training."""
    return [_tile(one, summary.split, colours) for one in summary.data]


def _tile(summary: DataSummary, split: str, colours: dict[str, int]) -> Tile:
    """One data set at a glance."""
    union, sample = _union(summary), ""
    bars: list[Bar] = []
    for training, clean in summary.clean.items():
        robust = union.get(training)
        sample = sample or f"{clean.n} {split} items × {clean.seeds} seeds"
        bars.append(
            Bar(
                training=training,
                series=colours[training],
                clean=percent(clean.value),
                robust=percent(robust.value) if robust else "–",
                clean_width=100 * clean.value,
                robust_width=100 * robust.value if robust else 0.0,
            )
        )
    return Tile(title=data_title(summary.data), data=summary.data, sample=sample, bars=bars)
