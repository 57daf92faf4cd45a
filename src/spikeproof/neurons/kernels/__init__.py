"""Kernels: interchangeable programs for the one loop over time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spikeproof.neurons.kernels.fused import available, fused
from spikeproof.neurons.kernels.reference import reference
from spikeproof.neurons.lif import Neuron
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["KERNELS", "Kernel", "auto", "fused", "reference"]

Kernel = Callable[[Tensor, Neuron, Surrogate], Tensor]


def auto(currents: Tensor, neuron: Neuron, surrogate: Surrogate) -> Tensor:
    """Run the fastest kernel that serves this tensor: fused on the CPU, else the reference.

    While torch traces a network (``torch.compile``, ``torch.export``) it is the reference, whose
    operations a trace can hold.
    """
    if torch.compiler.is_compiling():
        return reference(currents, neuron, surrogate)
    compiled = currents.dtype in (torch.float32, torch.float64) and currents.device.type == "cpu"
    return (fused if compiled and available() else reference)(currents, neuron, surrogate)


KERNELS: dict[str, Kernel] = {"auto": auto, "fused": fused, "reference": reference}
