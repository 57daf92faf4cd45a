"""What a run says, for readers: one HTML file, and figures for a paper or a README."""

from spikeproof.report.attack_words import attack_title, gradient_words, kind_title, loss_words
from spikeproof.report.budgets import grid_figures
from spikeproof.report.document import compose, write_report
from spikeproof.report.figures import Figure, draw
from spikeproof.report.joint_page import GridExample, joint_page, write_joint_page
from spikeproof.report.leaderboard import write_leaderboard
from spikeproof.report.run_figures import figures_of
from spikeproof.report.static import picture

__all__ = [
    "Figure",
    "GridExample",
    "attack_title",
    "compose",
    "draw",
    "figures_of",
    "gradient_words",
    "grid_figures",
    "joint_page",
    "kind_title",
    "loss_words",
    "picture",
    "write_joint_page",
    "write_leaderboard",
    "write_report",
]
