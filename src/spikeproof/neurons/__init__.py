"""Spiking neurons: surrogate derivatives, neuron settings, and the only loop over time."""

from spikeproof.neurons.lif import IF, LIF, NEURONS, Neuron
from spikeproof.neurons.recurrent import Recurrent
from spikeproof.neurons.spiking import Spiking, using
from spikeproof.neurons.surrogate import SHAPES, Surrogate

__all__ = ["IF", "LIF", "NEURONS", "SHAPES", "Neuron", "Recurrent", "Spiking", "Surrogate", "using"]
