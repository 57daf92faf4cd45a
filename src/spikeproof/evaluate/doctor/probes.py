"""A check of single modules: does the surrogate stand where the neuron fires?"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.neurons import Spiking, drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["centre_check", "surrogate_centre"]

CENTRE = Inquiry(
    name="centre",
    weight="sign",
    why="The surrogate is largest where the neuron does not fire, so gradients lead to membranes "
    "at which nothing happens.",
    settles="The attack through a surrogate centred on the threshold.",
    mend="Let the surrogate take the membrane minus the threshold of the neuron.",
)
_LOW, _HIGH, _POINTS = -4.0, 8.0, 2401


def centre_check(model: nn.Module, thresholds: Thresholds) -> Check:
    """Return whether every module that fires has its surrogate where it fires.

    Every module without children is driven once, from rest, by currents from -4 to 8; those that
    answer 0 and 1 are neurons. Copies are asked, so nothing of the network changes.

    Args:
        model: Any network.
        thresholds: Where the check begins to count.
    Cost:
        One call of every module with 2401 numbers.
    """
    found: dict[str, float] = {}
    for name, module in model.named_modules():
        if next(module.children(), None) is None or isinstance(module, Spiking):
            measured = surrogate_centre(module)
            if measured is not None:
                fires, centre, width = measured
                found[name or type(module).__name__] = abs(centre - fires) / width
    if not found:
        return CENTRE.not_made("No module by itself answered currents with spikes and a gradient.")
    worst = max(found, key=lambda name: found[name])
    return CENTRE.found(
        found[worst],
        f"The surrogate of {worst} has its centre {found[worst]:.2f} of its widths from where the "
        f"neuron fires; it is the worst of {len(found)} modules.",
        thresholds,
        detail={"modules": found},
    )


def surrogate_centre(module: nn.Module) -> tuple[float, float, float] | None:
    """Return where a neuron fires, where its surrogate has its centre, and how wide that is.

    Args:
        module: Anything; asked about currents ``(1, 1, M)`` of one step and one item, as a copy.
    Returns:
        The lowest current at which it fires, and middle and width of the currents at which the
        derivative is half its peak or more; None for what is no neuron or has no gradient.
    Example:
        >>> from spikeproof.neurons import LIF, Surrogate
        >>> layer = Spiking(LIF(threshold=1.0, surrogate=Surrogate("triangle", 1.0)))
        >>> [round(number, 2) for number in surrogate_centre(layer)]
        [1.0, 1.0, 1.0]
    """
    if not isinstance(module, Spiking) and type(module).__module__.startswith("torch."):
        return None
    home = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    currents = torch.linspace(_LOW, _HIGH, _POINTS, device=home).view(1, 1, -1)
    currents.requires_grad_(True)
    try:
        with torch.enable_grad(), drawing(prediction_seeds(torch.arange(1))):
            spikes = deepcopy(module).eval()(currents)
            if not _fires(spikes, currents):
                return None
            (slope,) = torch.autograd.grad(spikes.sum(), currents, allow_unused=True)
    except Exception:  # whatever a module says that is asked about what it was not made for
        return None
    if slope is None or not (slope > 0).any():
        return None
    u, d = currents.detach().double().flatten().cpu(), slope.double().flatten().cpu()
    high = u[d >= d.max() / 2]
    fires = float(u[spikes.detach().flatten().cpu() > 0][0])
    width = float(high[-1] - high[0]) + (_HIGH - _LOW) / (_POINTS - 1)
    return fires, float(high[0] + high[-1]) / 2, width


def _fires(spikes: object, currents: Tensor) -> bool:
    """Whether an answer is one of a neuron: 0 and 1, both, and with a graph."""
    if not isinstance(spikes, Tensor) or spikes.shape != currents.shape:
        return False
    values = set(spikes.detach().flatten().tolist())
    return values == {0.0, 1.0} and spikes.requires_grad
