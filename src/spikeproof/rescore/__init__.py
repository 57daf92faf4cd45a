"""Adversarial inputs scored again by code that shares nothing with what found them"""

from spikeproof.rescore.ladder import Disagreement, KeptLadder, Rescored, rescore
from spikeproof.rescore.legality import illegal, unknown_threat
from spikeproof.rescore.network import StoredNetwork
from spikeproof.rescore.sound import masking_threshold, sound_length

__all__ = [
    "Disagreement",
    "KeptLadder",
    "Rescored",
    "StoredNetwork",
    "illegal",
    "masking_threshold",
    "rescore",
    "sound_length",
    "unknown_threat",
]
