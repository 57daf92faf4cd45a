"""Objectives made of terms, adversarial training, and the loop that minimises them."""

from spikeproof.train.augment.audio import Gain, Noise, ShiftAudio
from spikeproof.train.augment.events import DropEvents, JitterTime, ShiftEvents
from spikeproof.train.augment.images import Cutout, Flip, ShiftImage
from spikeproof.train.augment.registry import AUGMENTATIONS, Augmentation
from spikeproof.train.hooks import (
    RULES,
    SSDP,
    EpochFusion,
    NaturalFusion,
    OverfittingWatch,
    Retraction,
)
from spikeproof.train.hooks.hook import Moment, Rule
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
from spikeproof.train.inputs.adversarial import Adversarial
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.keep.card import card, write_card
from spikeproof.train.keep.estimate import Estimate, estimate
from spikeproof.train.keep.failure import Failure, load_failure
from spikeproof.train.keep.history import Epoch, History
from spikeproof.train.keep.logs import LOG, WALL, Logger, TensorBoard
from spikeproof.train.loop.fit import fit
from spikeproof.train.loop.job import Assignment
from spikeproof.train.loop.parallel import Group, processes
from spikeproof.train.loop.robust_validation import Exam
from spikeproof.train.loop.settings import OPTIMIZERS, PRECISIONS, SCHEDULES, SELECTIONS, Training
from spikeproof.train.objective import TERMS, Objective
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
from spikeproof.train.terms.cross_entropy import CrossEntropy
from spikeproof.train.terms.forward import Pass, Term
from spikeproof.train.terms.sparse_gradient import SparseGradient

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
