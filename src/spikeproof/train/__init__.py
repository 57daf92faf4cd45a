"""Objectives made of terms, adversarial training, and the loop that minimises them."""

from spikeproof.train.adversarial import Adversarial
from spikeproof.train.assignment import Assignment
from spikeproof.train.augment import AUGMENTATIONS, Augmentation
from spikeproof.train.augment_audio import Gain, Noise, ShiftAudio
from spikeproof.train.augment_events import DropEvents, JitterTime, ShiftEvents
from spikeproof.train.augment_images import Cutout, Flip, ShiftImage
from spikeproof.train.card import card, write_card
from spikeproof.train.clean_pass import Pass, Term
from spikeproof.train.crafting import Inputs
from spikeproof.train.cross_entropy import CrossEntropy
from spikeproof.train.estimate import Estimate, estimate
from spikeproof.train.exam import Exam
from spikeproof.train.failure import Failure, load_failure
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
from spikeproof.train.logs import LOG, WALL, Logger, TensorBoard
from spikeproof.train.moment import Moment, Rule
from spikeproof.train.objective import TERMS, Objective
from spikeproof.train.parallel import Group, processes
from spikeproof.train.rules import (
    RULES,
    SSDP,
    EpochFusion,
    NaturalFusion,
    OverfittingWatch,
    Retraction,
)
from spikeproof.train.settings import OPTIMIZERS, PRECISIONS, SCHEDULES, SELECTIONS, Training
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
    "AUGMENTATIONS",
    "EAT",
    "INPUTS",
    "LOG",
    "MPDSGR",
    "MSD",
    "OPTIMIZERS",
    "PRECISIONS",
    "RULES",
    "SAT",
    "SCHEDULES",
    "SELECTIONS",
    "SSDP",
    "TERMS",
    "TET",
    "WALL",
    "Adversarial",
    "Assignment",
    "Augmentation",
    "Average",
    "CleanCrossEntropy",
    "CorruptionNoise",
    "CrossEntropy",
    "Cutout",
    "DropEvents",
    "Epoch",
    "EpochFusion",
    "Estimate",
    "Exam",
    "Failure",
    "Flip",
    "Gain",
    "GaussianNoise",
    "GradientNorm",
    "Group",
    "History",
    "Inputs",
    "JitterTime",
    "Logger",
    "Moment",
    "NaturalFusion",
    "Noise",
    "Objective",
    "OverfittingWatch",
    "ParticipationRatio",
    "Pass",
    "Ramp",
    "Retraction",
    "Rule",
    "ShiftAudio",
    "ShiftEvents",
    "ShiftImage",
    "SparseGradient",
    "TensorBoard",
    "Term",
    "ThresholdGuarding",
    "Trades",
    "Training",
    "Worst",
    "card",
    "estimate",
    "fit",
    "load_failure",
    "processes",
    "write_card",
]
