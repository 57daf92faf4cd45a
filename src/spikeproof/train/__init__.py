"""Objectives made of terms, adversarial training, and the loop that minimises them."""

from spikeproof.train.adversarial import Adversarial
from spikeproof.train.clean_pass import Pass, Term
from spikeproof.train.crafting import Inputs
from spikeproof.train.cross_entropy import CrossEntropy
from spikeproof.train.fit import fit
from spikeproof.train.history import Epoch, History
from spikeproof.train.inputs import (
    EAT,
    INPUTS,
    MSD,
    SAT,
    Average,
    CorruptionNoise,
    GaussianNoise,
    Worst,
)
from spikeproof.train.moment import Moment, Rule
from spikeproof.train.objective import TERMS, Objective
from spikeproof.train.rules import RULES, SSDP, NaturalFusion, OverfittingWatch, Retraction
from spikeproof.train.settings import Training
from spikeproof.train.sparse_gradient import SparseGradient
from spikeproof.train.terms import (
    MPDSGR,
    TET,
    CleanCrossEntropy,
    GradientNorm,
    ParticipationRatio,
    Ramp,
    ThresholdGuarding,
    Trades,
)

__all__ = [
    "EAT",
    "INPUTS",
    "MPDSGR",
    "MSD",
    "RULES",
    "SAT",
    "SSDP",
    "TERMS",
    "TET",
    "Adversarial",
    "Average",
    "CleanCrossEntropy",
    "CorruptionNoise",
    "CrossEntropy",
    "Epoch",
    "GaussianNoise",
    "GradientNorm",
    "History",
    "Inputs",
    "Moment",
    "NaturalFusion",
    "Objective",
    "OverfittingWatch",
    "ParticipationRatio",
    "Pass",
    "Ramp",
    "Retraction",
    "Rule",
    "SparseGradient",
    "Term",
    "ThresholdGuarding",
    "Trades",
    "Training",
    "Worst",
    "fit",
]
