"""Bars: one group per layer of the networks, one bar per training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from spikeproof.report.drawing import (
    Bunch,
    Drawing,
    Frame,
    LegendEntry,
    Plate,
    Scale,
    frame,
    linear,
)

__all__ = ["BarGroup", "Bars"]


@dataclass(frozen=True, kw_only=True)
class BarGroup:
    """The bars of one training, one per layer."""

    name: str
    colour: str
    symbol: int
    layers: Sequence[str]
    values: Sequence[float]
    classes: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars side by side.

    Args:
        groups: What to draw.
        unit: What the values are.
    """

    groups: Sequence[BarGroup]
    unit: str

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        each = "; ".join(
            f"{g.name}: "
            + ", ".join(f"{k} {v:.3g}" for k, v in zip(g.layers, g.values, strict=True))
            for g in self.groups
        )
        return f"{self.unit}. {each}."

    def drawing(self, width: float, keyed: bool = True) -> Drawing:
        """The sheet."""
        layers = list(dict.fromkeys(layer for group in self.groups for layer in group.layers))
        top = max((v for group in self.groups for v in group.values), default=0.0) or 1.0
        keys = [LegendEntry(name=g.name, colour=g.colour, symbol=g.symbol) for g in self.groups]
        plot = frame(
            width, 170, partial(_layers, layers), partial(linear, 0.0, 1.05 * top),
            x_title="layer", y_title=self.unit, keys=keys if keyed else (),
        )  # fmt: skip
        marks = [
            bar for turn, group in enumerate(self.groups) for bar in self._bars(plot, layers, turn)
        ]
        return plot.drawing(marks)

    def _bars(self, plot: Frame, layers: Sequence[str], turn: int) -> list[Bunch]:
        """The bars of one training."""
        group, room = self.groups[turn], (plot.x.end - plot.x.start) / len(layers)
        wide = 0.76 * room / len(self.groups)
        out = []
        for layer, value in zip(group.layers, group.values, strict=True):
            left = plot.x.at(layers.index(layer)) - 0.38 * room + turn * wide
            y = plot.y.at(value)
            bar = Plate(x=left, y=y, width=0.9 * wide, height=plot.y.start - y, colour=group.colour)
            tip = f"{group.name}, {layer}: {value:.3g}"
            out.append(Bunch(marks=[bar], tip=tip, classes=group.classes))
        return out


def _layers(layers: Sequence[str], start: float, end: float) -> Scale:
    """One place per layer."""
    ticks = tuple((float(i), layer) for i, layer in enumerate(layers))
    return Scale(low=-0.5, high=len(layers) - 0.5, start=start, end=end, ticks=ticks)
