"""What a run says, for readers: one HTML file, and figures for a paper or a README."""

from spikeproof.report.document import compose, write_report
from spikeproof.report.figures import Figure, draw
from spikeproof.report.joint_page import GridExample, grid_figures, joint_page, write_joint_page
from spikeproof.report.run_figures import figures_of
from spikeproof.report.static import picture

__all__ = [
    "Figure",
    "GridExample",
    "compose",
    "draw",
    "figures_of",
    "grid_figures",
    "joint_page",
    "picture",
    "write_joint_page",
    "write_report",
]
