"""Spiking networks, their encoders and specifications, and their files."""

from spikeproof.models.build import build, models
from spikeproof.models.encode import ENCODERS, Direct, Encoder, Latency, Phase, Poisson
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
    "ENCODERS",
    "Direct",
    "Encoder",
    "FilterBank",
    "Latency",
    "ModelSpec",
    "Network",
    "OverTime",
    "Phase",
    "Poisson",
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
