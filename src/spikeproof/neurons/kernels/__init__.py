"""Kernels: interchangeable programs for the one loop over time."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels.fused import available, fused
from spikeproof.neurons.kernels.reference import fire, reference, refuse_non_finite, step
from spikeproof.neurons.surrogate import Slope

__all__ = ["KERNELS", "Kernel", "auto", "fire", "fused", "reference", "refuse_non_finite", "step"]

Kernel = Callable[[Tensor, Dynamics, Slope], Tensor]

_COMPILED = (torch.float32, torch.float64)


def auto(currents: Tensor, dynamics: Dynamics, slope: Slope) -> Tensor:
    """Run the fastest kernel that serves this tensor: fused on the CPU, else the reference.

    While torch traces the network (compile, export) it is the reference, which can be traced.
    """
    if torch.compiler.is_compiling() or currents.device.type != "cpu":
        return reference(currents, dynamics, slope)
    if currents.dtype not in _COMPILED or not available():
        if currents.dtype in _COMPILED:
            warnings.warn(
                "numba cannot be imported, so neurons run on the slow reference kernel; "
                "`pip install numba` makes them several times faster.",
                stacklevel=4,
            )
        return reference(currents, dynamics, slope)
    return fused(currents, dynamics, slope)


KERNELS: dict[str, Kernel] = {"auto": auto, "fused": fused, "reference": reference}
