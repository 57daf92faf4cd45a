"""Spiking networks, their specifications, and their files."""

from spikeproof.models.build import build, models
from spikeproof.models.layers import FilterBank, OverTime, Stem, direct
from spikeproof.models.network import NORMS, POOLINGS, STEMS, ModelSpec, Network
from spikeproof.models.norm import PerStepNorm
from spikeproof.models.store import (
    load_model,
    model_digest,
    read_tensors,
    restore,
    save_model,
    write_tensors,
)
from spikeproof.models.wrn import ConvexCombination

__all__ = [
    "NORMS",
    "POOLINGS",
    "STEMS",
    "ConvexCombination",
    "FilterBank",
    "ModelSpec",
    "Network",
    "OverTime",
    "PerStepNorm",
    "Stem",
    "build",
    "direct",
    "load_model",
    "model_digest",
    "models",
    "read_tensors",
    "restore",
    "save_model",
    "write_tensors",
]
