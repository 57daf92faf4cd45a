"""Spiking neurons: surrogate derivatives, neuron settings, and the only loop over time."""

from spikeproof.neurons.drawing import averaging, draw_normal, draw_spikes, draw_uniform, drawing
from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.flow import flow_of_scope, gradient_flow, shares_of_scope
from spikeproof.neurons.kernels import Moments, fire, step
from spikeproof.neurons.lif import IF, LIF, PLIF, PSN, NoisyLIF
from spikeproof.neurons.observing import Trace, observing
from spikeproof.neurons.readout import Readout
from spikeproof.neurons.recurrent import Recurrent
from spikeproof.neurons.registry import NEURONS, Neuron
from spikeproof.neurons.rule import Firing, Rule
from spikeproof.neurons.spiking import Spiking, gradient_rule, rule_of_scope, second_order
from spikeproof.neurons.stepwise import stepwise, time_mean
from spikeproof.neurons.surrogate import SHAPES, Slope, Surrogate
from spikeproof.neurons.unseen import layers_unseen

__all__ = [
    "IF",
    "LIF",
    "NEURONS",
    "PLIF",
    "PSN",
    "SHAPES",
    "Dynamics",
    "Firing",
    "Moments",
    "Neuron",
    "NoisyLIF",
    "Readout",
    "Recurrent",
    "Rule",
    "Slope",
    "Spiking",
    "Surrogate",
    "Trace",
    "averaging",
    "draw_normal",
    "draw_spikes",
    "draw_uniform",
    "drawing",
    "fire",
    "flow_of_scope",
    "gradient_flow",
    "gradient_rule",
    "layers_unseen",
    "observing",
    "rule_of_scope",
    "second_order",
    "shares_of_scope",
    "step",
    "stepwise",
    "time_mean",
]
