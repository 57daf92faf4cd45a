"""A network as one chain of layers, for whatever walks it layer by layer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from spikeproof.models.network import Network
from spikeproof.neurons import time_mean

__all__ = ["Chained", "TimeMean", "chain"]


@runtime_checkable
class Chained(Protocol):
    """A module whose forward pass is the passes of its layers, one after the other."""

    def chain(self) -> tuple[nn.Module, ...]:
        """The layers, in the order in which they run."""
        ...


class TimeMean(nn.Module):
    """The mean over time, ``(T, N, ...)`` to ``(N, ...)``, as a layer of a chain."""

    def forward(self, x: Tensor) -> Tensor:
        """The mean."""
        return time_mean(x)


def chain(model: nn.Module) -> tuple[nn.Module, ...]:
    """Return the layers of a network in the order in which they run.

    A ``Network`` is its body, a module with a method ``chain()`` what that says, a plain
    ``nn.Sequential`` its children, all of them taken apart in turn; anything else is one layer.

    Example:
        >>> [type(layer).__name__ for layer in chain(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))]
        ['Flatten', 'Linear']
    """
    if isinstance(model, Network):
        return chain(model.body)
    if isinstance(model, Chained):
        parts = model.chain()
    elif type(model) is nn.Sequential:  # a subclass may do anything
        parts = tuple(model)
    else:
        return (model,)
    return tuple(layer for part in parts for layer in chain(part))
