"""The spiking layer, and the scope in which an attacker swaps its surrogate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn

from spikeproof.base import InputError, check_one_of
from spikeproof.neurons.kernels import KERNELS
from spikeproof.neurons.lif import Neuron
from spikeproof.neurons.surrogate import Surrogate

__all__ = ["Spiking", "using"]

# A context variable, not a field of the layers: what a gradient means never depends on who
# touched the model last, and leaving the scope cannot be forgotten.
_swapped: ContextVar[Surrogate | None] = ContextVar("spikeproof_surrogate", default=None)


@contextmanager
def using(surrogate: Surrogate | None) -> Iterator[None]:
    """Let every spiking layer called inside use ``surrogate`` in its backward pass.

    Args:
        surrogate: The stand-in; None keeps each layer's own.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> current = torch.full((1, 1, 1), 1.25, requires_grad=True)
        >>> with using(Surrogate("rectangle", sharpness=1.0)):
        ...     spikes = Spiking(LIF())(current)
        >>> spikes.sum().backward()
        >>> current.grad.item()
        0.5
    """
    token = _swapped.set(surrogate)
    try:
        yield
    finally:
        _swapped.reset(token)


class Spiking(nn.Module):
    """A layer of independent neurons; it keeps no state from one call to the next.

    Args:
        neuron: What each unit computes.
        kernel: Which program runs the loop over time: ``"auto"``, ``"fused"`` or ``"reference"``.
    Raises:
        SettingError: an unknown kernel.
        InputError: currents that are not ``(T, N, ...)`` with at least one step.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF
        >>> Spiking(LIF(leak=0.5))(torch.full((4, 1, 1), 0.75)).flatten()
        tensor([0., 1., 0., 1.])
    """

    def __init__(self, neuron: Neuron, kernel: str = "auto") -> None:
        super().__init__()
        self.neuron = neuron
        self.kernel = check_one_of(kernel, KERNELS, "kernel")

    def forward(self, currents: Tensor) -> Tensor:
        """Spikes ``(T, N, ...)`` for input currents ``(T, N, ...)``."""
        if currents.ndim < 2 or not len(currents):
            raise InputError(
                "Spiking needs currents (T, N, ...) with at least one step; "
                f"got shape {tuple(currents.shape)}."
            )
        return self._unroll(currents, _swapped.get() or self.neuron.surrogate)

    def _unroll(self, currents: Tensor, surrogate: Surrogate) -> Tensor:
        """Run the loop over time."""
        return KERNELS[self.kernel](currents, self.neuron, surrogate)

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{self.neuron}, kernel={self.kernel!r}"
