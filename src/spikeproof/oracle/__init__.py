"""How the attacker sees a model, and how its gradient crosses the spikes."""

from spikeproof.oracle.convergence import Trend
from spikeproof.oracle.gradient import Ascent, Openable, Path, Question, name_of
from spikeproof.oracle.gradients.assg import ASSG
from spikeproof.oracle.gradients.bptr import BPTR
from spikeproof.oracle.gradients.conversion import Conversion
from spikeproof.oracle.gradients.expectation import Expectation, Mean, Replay
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.gradients.mixture import Mixture
from spikeproof.oracle.gradients.pdsg import PDSG
from spikeproof.oracle.gradients.rga import RGA
from spikeproof.oracle.gradients.smoothing import Smoothing
from spikeproof.oracle.oracle import Oracle
from spikeproof.oracle.prediction import prediction_seeds, stochastic
from spikeproof.oracle.registry import PATHS, path_from, path_record
from spikeproof.oracle.view import Passes

__all__ = [
    "ASSG",
    "BPTR",
    "HART",
    "PATHS",
    "PDSG",
    "RGA",
    "Ascent",
    "Conversion",
    "Expectation",
    "Mean",
    "Mixture",
    "Openable",
    "Oracle",
    "Passes",
    "Path",
    "Question",
    "Replay",
    "Smoothing",
    "Trend",
    "name_of",
    "path_from",
    "path_record",
    "prediction_seeds",
    "stochastic",
]
