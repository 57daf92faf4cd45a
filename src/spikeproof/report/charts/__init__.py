"""The kinds of figures: what each holds, and how it is drawn."""

from spikeproof.report.charts.bars import BarGroup, Bars
from spikeproof.report.charts.cloud import Cloud, PointGroup
from spikeproof.report.charts.curves import Curves, Line
from spikeproof.report.charts.forest import Forest, ForestRow
from spikeproof.report.charts.heat import HeatMap
from spikeproof.report.charts.wall import Wall, WallCell

__all__ = [
    "BarGroup",
    "Bars",
    "Cloud",
    "Curves",
    "Forest",
    "ForestRow",
    "HeatMap",
    "Line",
    "PointGroup",
    "Wall",
    "WallCell",
]
