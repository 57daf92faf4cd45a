"""Spiking networks, their specifications, and their files."""

from spikeproof.models.build import build, models
from spikeproof.models.layers import FilterBank, OverTime, direct
from spikeproof.models.network import ModelSpec, Network
from spikeproof.models.store import (
    load_model,
    model_digest,
    read_tensors,
    restore,
    save_model,
    write_tensors,
)

__all__ = [
    "FilterBank",
    "ModelSpec",
    "Network",
    "OverTime",
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
