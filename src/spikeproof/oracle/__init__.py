"""How the attacker sees a model, and how its gradient crosses the spikes."""

from spikeproof.oracle.convergence import Trend
from spikeproof.oracle.gradient import (
    GradientEstimator,
    GradientRule,
    Openable,
    Question,
    averages,
    name_of,
    passes,
    without_rules,
)
from spikeproof.oracle.gradients.assg import ASSG
from spikeproof.oracle.gradients.backward import Backward
from spikeproof.oracle.gradients.bptr import BPTR
from spikeproof.oracle.gradients.conversion import Conversion
from spikeproof.oracle.gradients.expectation import (
    CommonRandomNumbers,
    Expectation,
    ExpectedNetwork,
)
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.gradients.layer_sharpness import LayerSharpness
from spikeproof.oracle.gradients.learned_mixture import LearnedMixture
from spikeproof.oracle.gradients.mixture import Mixture
from spikeproof.oracle.gradients.pdsg import PDSG
from spikeproof.oracle.gradients.rga import RGA
from spikeproof.oracle.gradients.smoothing import Smoothing
from spikeproof.oracle.known import Known
from spikeproof.oracle.obeyed import Obedience
from spikeproof.oracle.oracle import Oracle
from spikeproof.oracle.prediction import prediction_seeds, stochastic
from spikeproof.oracle.registry import GRADIENTS, gradient_from, gradient_record
from spikeproof.oracle.view import Passes

__all__ = [
    "ASSG",
    "BPTR",
    "GRADIENTS",
    "HART",
    "PDSG",
    "RGA",
    "Backward",
    "CommonRandomNumbers",
    "Conversion",
    "Expectation",
    "ExpectedNetwork",
    "GradientEstimator",
    "GradientRule",
    "Known",
    "LayerSharpness",
    "LearnedMixture",
    "Mixture",
    "Obedience",
    "Openable",
    "Oracle",
    "Passes",
    "Question",
    "Smoothing",
    "Trend",
    "averages",
    "gradient_from",
    "gradient_record",
    "name_of",
    "passes",
    "prediction_seeds",
    "stochastic",
    "without_rules",
]
