"""The tiles under the answer: each data set at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from spikeproof.analysis import Results
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


def _union(results: Results, data: str) -> dict[str, Estimate]:
    """Training → accuracy under every threat at once, at the standard radius."""
    cells = [cell for cell in results.matrix(data) if cell.threat == "union"]
    steps = sorted({cell.level for cell in cells})
    middle = steps[len(steps) // 2] if steps else None
    return {cell.training: cell.estimate for cell in cells if cell.level == middle}


def tiles(results: Results, colours: dict[str, int]) -> list[Tile]:
    """Clean accuracy and accuracy under every norm at once, per data set and training."""
    out = []
    for data in results.data():
        union = _union(results, data)
        bars: list[Bar] = []
        sample = ""
        for training in results.trainings(data):
            clean, robust = results.clean(data, training), union.get(training)
            if clean is None:
                continue
            sample = sample or f"{clean.n} {results.split} items × {clean.seeds} seeds"
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
        out.append(Tile(title=data_title(data), data=data, sample=sample, bars=bars))
    return out
