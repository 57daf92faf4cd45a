"""Objectives made of terms, adversarial training, and the loop that minimises them."""

from spikeproof.train.adversarial import Adversarial
from spikeproof.train.clean_pass import Pass, Term
from spikeproof.train.cross_entropy import CrossEntropy
from spikeproof.train.fit import fit
from spikeproof.train.history import Epoch, History
from spikeproof.train.objective import TERMS, Objective
from spikeproof.train.settings import Training
from spikeproof.train.sparse_gradient import SparseGradient

__all__ = [
    "TERMS",
    "Adversarial",
    "CrossEntropy",
    "Epoch",
    "History",
    "Objective",
    "Pass",
    "SparseGradient",
    "Term",
    "Training",
    "fit",
]
