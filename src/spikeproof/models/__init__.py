"""Spiking networks, their encoders and specifications, and their files."""

from spikeproof.models.build import architecture, build, check_model, models, spec_of
from spikeproof.models.chain import Chained, TimeMean, chain
from spikeproof.models.encode import ENCODERS, Direct, Encoder, Latency, Phase, Poisson
from spikeproof.models.encode_sqe import SQE
from spikeproof.models.encode_temporal import Temporal
from spikeproof.models.eval_norm import input_gradients_only, is_compiled
from spikeproof.models.evaluating import (
    check_logits,
    evaluating,
    restoring_modes,
    spiking_layers,
)
from spikeproof.models.event_filters import (
    BackgroundActivity,
    EventFilter,
    RateLimit,
    Refractory,
)
from spikeproof.models.hearing import GammatoneBank, LearnedBank, MelBank
from spikeproof.models.layers import FilterBank, OverTime, Stem, direct, framing
from spikeproof.models.network import FRONT_ENDS, NORMS, POOLINGS, STEMS, ModelSpec, Network
from spikeproof.models.norm import PerStepNorm
from spikeproof.models.onsets import Onsets, raster
from spikeproof.models.placing import home_of, on_device
from spikeproof.models.pooling import SpikePool
from spikeproof.models.store import check_fit, load_model, model_digest, restore, save_model
from spikeproof.models.tensors import parse_tensors, read_tensors, tensors_sha256, write_tensors
from spikeproof.models.wrn import ConvexCombination

__all__ = [
    "ENCODERS",
    "FRONT_ENDS",
    "NORMS",
    "POOLINGS",
    "SQE",
    "STEMS",
    "BackgroundActivity",
    "Chained",
    "ConvexCombination",
    "Direct",
    "Encoder",
    "EventFilter",
    "FilterBank",
    "GammatoneBank",
    "Latency",
    "LearnedBank",
    "MelBank",
    "ModelSpec",
    "Network",
    "Onsets",
    "OverTime",
    "PerStepNorm",
    "Phase",
    "Poisson",
    "RateLimit",
    "Refractory",
    "SpikePool",
    "Stem",
    "Temporal",
    "TimeMean",
    "architecture",
    "build",
    "chain",
    "check_fit",
    "check_logits",
    "check_model",
    "direct",
    "evaluating",
    "framing",
    "home_of",
    "input_gradients_only",
    "is_compiled",
    "load_model",
    "model_digest",
    "models",
    "on_device",
    "parse_tensors",
    "raster",
    "read_tensors",
    "restore",
    "restoring_modes",
    "save_model",
    "spec_of",
    "spiking_layers",
    "tensors_sha256",
    "write_tensors",
]
