"""Kernels: interchangeable programs for the one loop over time."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from spikeproof.neurons.dynamics import Dynamics
from spikeproof.neurons.kernels.fused import TYPES as FUSED_TYPES
from spikeproof.neurons.kernels.fused import available as has_numba
from spikeproof.neurons.kernels.fused import fused, look
from spikeproof.neurons.kernels.gpu import TYPES, gpu
from spikeproof.neurons.kernels.gpu import available as has_triton
from spikeproof.neurons.kernels.moments import Moments
from spikeproof.neurons.kernels.reference import (
    drives,
    fire,
    membranes,
    reference,
    refuse_non_finite,
    step,
)
from spikeproof.neurons.surrogate import Slope

__all__ = [
    "KERNELS",
    "Kernel",
    "Moments",
    "auto",
    "drives",
    "fastest",
    "fire",
    "fused",
    "gpu",
    "look",
    "membranes",
    "reference",
    "refuse_non_finite",
    "step",
]

Kernel = Callable[[Tensor, Dynamics, Slope], Tensor]


def auto(currents: Tensor, dynamics: Dynamics, slope: Slope) -> Tensor:
    """Run the fastest kernel that serves this tensor: fused on the CPU, triton on CUDA.

    The reference runs what neither serves, and whatever torch traces (compile, export).
    """
    return fastest(currents)(currents, dynamics, slope)


def fastest(currents: Tensor) -> Kernel:
    """The kernel that ``auto`` runs for these currents."""
    fast = {"cpu": (FUSED_TYPES, "numba", fused), "cuda": (TYPES, "triton", gpu)}
    types, needed, kernel = fast.get(currents.device.type, ((), "", reference))
    if torch.compiler.is_compiling() or currents.dtype not in types:
        return reference
    if not (has_numba() if needed == "numba" else has_triton()):
        warnings.warn(
            f"{needed} cannot be imported, so neurons run on the slow reference kernel; "
            f"`pip install {needed}` makes them several times faster.",
            stacklevel=6,
        )
        return reference
    return kernel


KERNELS: dict[str, Kernel] = {
    "auto": auto,
    "fused": fused,
    "reference": reference,
    "triton": gpu,
}
