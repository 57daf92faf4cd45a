"""Terms of an objective, one paper to a file."""

from spikeproof.train.terms.clean_cross_entropy import CleanCrossEntropy
from spikeproof.train.terms.cross_entropy import CrossEntropy
from spikeproof.train.terms.gradient_norm import GradientNorm
from spikeproof.train.terms.mpd_sgr import MPDSGR
from spikeproof.train.terms.participation_ratio import ParticipationRatio
from spikeproof.train.terms.ramp import Ramp
from spikeproof.train.terms.registry import TERMS
from spikeproof.train.terms.sparse_gradient import SparseGradient
from spikeproof.train.terms.tet import TET
from spikeproof.train.terms.tg_reg import TGReg
from spikeproof.train.terms.threshold_guarding import ThresholdGuarding
from spikeproof.train.terms.trades import Trades

__all__ = [
    "MPDSGR",
    "TERMS",
    "TET",
    "CleanCrossEntropy",
    "CrossEntropy",
    "GradientNorm",
    "ParticipationRatio",
    "Ramp",
    "SparseGradient",
    "TGReg",
    "ThresholdGuarding",
    "Trades",
]
