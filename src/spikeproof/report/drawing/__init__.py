"""Drawing without a library: marks on a sheet, written as SVG for a page or a paper, and as PDF."""

from spikeproof.report.drawing.axes import Frame, LegendEntry, frame
from spikeproof.report.drawing.marks import (
    Blob,
    Bunch,
    Drawing,
    Pixels,
    Plate,
    Spots,
    Stroke,
    Words,
    text_width,
)
from spikeproof.report.drawing.scales import Scale, linear, logarithmic
from spikeproof.report.drawing.svg import svg

__all__ = [
    "Blob",
    "Bunch",
    "Drawing",
    "Frame",
    "LegendEntry",
    "Pixels",
    "Plate",
    "Scale",
    "Spots",
    "Stroke",
    "Words",
    "frame",
    "linear",
    "logarithmic",
    "svg",
    "text_width",
]
