"""How the attacker sees a model, and how its gradient crosses the spikes."""

from spikeproof.oracle.oracle import Oracle
from spikeproof.oracle.path import Ascent, Openable, Path, Question, name_of
from spikeproof.oracle.paths.assg import ASSG
from spikeproof.oracle.paths.bptr import BPTR
from spikeproof.oracle.paths.conversion import Conversion
from spikeproof.oracle.paths.expectation import Expectation, Mean, Replay
from spikeproof.oracle.paths.hart import HART
from spikeproof.oracle.paths.mixture import Mixture
from spikeproof.oracle.paths.pdsg import PDSG
from spikeproof.oracle.paths.rga import RGA
from spikeproof.oracle.paths.smoothing import Smoothing
from spikeproof.oracle.prediction import prediction_seeds, stochastic
from spikeproof.oracle.registry import PATHS, path_from, path_record
from spikeproof.oracle.trend import Trend
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
