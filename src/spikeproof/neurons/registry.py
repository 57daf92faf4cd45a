"""The names of the neurons."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.neurons.lif import IF, LIF, PLIF, PSN, NoisyLIF

__all__ = ["NEURONS", "Neuron"]

Neuron = LIF | PLIF | NoisyLIF | IF | PSN

NEURONS: Registry[Neuron] = Registry(
    "neuron",
    {"if": IF, "lif": LIF, "noisy-lif": NoisyLIF, "plif": PLIF, "psn": PSN},
    group="spikeproof.neurons",
    of=Neuron,
)
