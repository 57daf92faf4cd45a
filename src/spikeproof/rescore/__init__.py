"""Adversarial inputs scored again by code that shares nothing with what found them"""

from spikeproof.rescore.ladder import Disagreement, KeptLadder, Rescored, rescore
from spikeproof.rescore.legality import illegal, unknown_threat
from spikeproof.rescore.network import StoredNetwork

__all__ = [
    "Disagreement",
    "KeptLadder",
    "Rescored",
    "StoredNetwork",
    "illegal",
    "rescore",
    "unknown_threat",
]
