"""Objectives made of terms, adversarial training, and the loop that minimises them."""

from spikeproof.train.augment.audio import Gain, Noise, ShiftAudio
from spikeproof.train.augment.events import DropEvents, JitterTime, ShiftEvents
from spikeproof.train.augment.images import Cutout, Flip, ShiftImage
from spikeproof.train.augment.registry import AUGMENTATIONS, Augmentation
from spikeproof.train.hooks import (
    HOOKS,
    SSDP,
    EpochFusion,
    NaturalFusion,
    OverfittingWatch,
    Retraction,
)
from spikeproof.train.hooks.hook import Hook
from spikeproof.train.inputs import (
    AVG,
    EAT,
    INPUTS,
    MAX,
    MSD,
    SAT,
    Adversarial,
    CorruptionNoise,
    GaussianNoise,
)
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.keep.card import card, write_card
from spikeproof.train.keep.estimate import TimeEstimate, estimate
from spikeproof.train.keep.failure import TrainingFailure, load_failure
from spikeproof.train.keep.history import Epoch, History
from spikeproof.train.keep.logs import LOG, WALL, Logger, TensorBoard
from spikeproof.train.loop.fit import fit
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.parallel import Group, processes
from spikeproof.train.loop.robust_validation import RobustValidation
from spikeproof.train.loop.settings import (
    OPTIMIZERS,
    PRECISIONS,
    SCHEDULES,
    SELECTIONS,
    TrainingSettings,
)
from spikeproof.train.loop.step import Step
from spikeproof.train.objective import Objective
from spikeproof.train.terms import (
    MPDSGR,
    TERMS,
    TET,
    CleanCrossEntropy,
    CrossEntropy,
    GradientNorm,
    ParticipationRatio,
    Ramp,
    SparseGradient,
    TGReg,
    ThresholdGuarding,
    Trades,
)
from spikeproof.train.terms.forward import Forward, Term

__all__ = [
    "AUGMENTATIONS",
    "AVG",
    "EAT",
    "HOOKS",
    "INPUTS",
    "LOG",
    "MAX",
    "MPDSGR",
    "MSD",
    "OPTIMIZERS",
    "PRECISIONS",
    "SAT",
    "SCHEDULES",
    "SELECTIONS",
    "SSDP",
    "TERMS",
    "TET",
    "WALL",
    "Adversarial",
    "Augmentation",
    "CleanCrossEntropy",
    "CorruptionNoise",
    "CrossEntropy",
    "Cutout",
    "DropEvents",
    "Epoch",
    "EpochFusion",
    "Flip",
    "Forward",
    "Gain",
    "GaussianNoise",
    "GradientNorm",
    "Group",
    "History",
    "Hook",
    "Inputs",
    "JitterTime",
    "Job",
    "Logger",
    "NaturalFusion",
    "Noise",
    "Objective",
    "OverfittingWatch",
    "ParticipationRatio",
    "Ramp",
    "Retraction",
    "RobustValidation",
    "ShiftAudio",
    "ShiftEvents",
    "ShiftImage",
    "SparseGradient",
    "Step",
    "TGReg",
    "TensorBoard",
    "Term",
    "ThresholdGuarding",
    "TimeEstimate",
    "Trades",
    "TrainingFailure",
    "TrainingSettings",
    "card",
    "estimate",
    "fit",
    "load_failure",
    "processes",
    "write_card",
]
