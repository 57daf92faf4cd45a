"""What makes the inputs of a training: attacks on one threat or several, and noise."""

from spikeproof.train.inputs.adversarial import Adversarial
from spikeproof.train.inputs.average import AVG
from spikeproof.train.inputs.base import Inputs, Memory
from spikeproof.train.inputs.corruption import CorruptionNoise
from spikeproof.train.inputs.eat import EAT
from spikeproof.train.inputs.gaussian import GaussianNoise
from spikeproof.train.inputs.msd import MSD
from spikeproof.train.inputs.registry import INPUTS
from spikeproof.train.inputs.sat import SAT
from spikeproof.train.inputs.worst import MAX

__all__ = [
    "AVG",
    "EAT",
    "INPUTS",
    "MAX",
    "MSD",
    "SAT",
    "Adversarial",
    "CorruptionNoise",
    "GaussianNoise",
    "Inputs",
    "Memory",
]
