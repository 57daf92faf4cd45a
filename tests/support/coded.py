"""Every encoder, and the small network of images that it is tried on."""

from __future__ import annotations

from spikeproof.data import Domain
from spikeproof.models import SQE, Direct, Encoder, Latency, ModelSpec, Phase, Poisson, Temporal
from spikeproof.neurons import LIF, Surrogate

IMAGE = Domain(kind="image", shape=(3, 8, 8))
AUDIO = Domain(kind="audio", shape=(800,), low=-1.0)
# Fires although it was never trained, and has a gradient everywhere.
ALIVE = LIF(threshold=0.1, surrogate=Surrogate("arctan", 1.0))
SPEC = ModelSpec(name="cnn-small", domain=IMAGE, classes=4, width=4, timesteps=6, neuron=ALIVE)
ALL: list[Encoder] = [
    Direct(),
    Poisson(),
    Latency(),
    Phase(),
    Phase(bits=3, weighted=True),
    Temporal(),
    Temporal(code="post", slope="spike"),
    SQE(),
    SQE(levels=5),
]
