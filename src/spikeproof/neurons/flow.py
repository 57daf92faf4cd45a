"""The scope in which an attacker chooses what of a gradient flows through reset and leak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from spikeproof.base import SettingError
from spikeproof.neurons.dynamics import Dynamics

__all__ = ["flow_of_scope", "gradient_flow", "shares_of_scope"]


class _Flow:
    """The shares of one scope, and how many calls of layers obeyed it."""

    def __init__(self, reset: float | None, leak: float | None, outer: _Flow | None) -> None:
        self.reset, self.leak, self.outer = reset, leak, outer
        self.served = 0
        for name, share in (("reset", reset), ("leak", leak)):
            if share is not None and not 0 <= share <= 1:
                raise SettingError(f"gradient_flow: {name} must lie in [0, 1]; got {share!r}.")

    def serve(self, dynamics: Dynamics) -> Dynamics:
        """The recursion of one call, with these shares where they say something."""
        # The innermost scope has the last word: what encloses it speaks first.
        outer = dynamics if self.outer is None else self.outer.serve(dynamics)
        self.served += 1
        reset = outer.reset if self.reset is None else float(self.reset)
        carry = outer.carry if self.leak is None else float(self.leak)
        return replace(outer, reset=reset, carry=carry)


_flow: ContextVar[_Flow | None] = ContextVar("spikeproof_flow", default=None)


@contextmanager
def gradient_flow(*, reset: float | None = None, leak: float | None = None) -> Iterator[_Flow]:
    """Let this share of every gradient flow through reset and leak of the layers called inside.

    Spikes stay what they are to the last bit. Of scopes within one another the inner one decides
    what it names. Only the forward pass must be inside.

    Args:
        reset: Share in [0, 1] that flows through the reset; 0 detaches it, 1 keeps it, None leaves
            it to the neuron (its ``detach_reset``).
        leak: Share in [0, 1] that flows through the leak, from a membrane to that of the step
            before, with or without a reset between them; 0 cuts it at every step, None keeps it.
            The gradient through a synapse or through the feedback of a recurrent layer stays.
    Returns:
        An object whose ``served`` counts the calls of layers inside. Other modules, such as
        another library's neurons, know nothing of the scope and are not counted.
    Raises:
        SettingError: a share outside [0, 1].
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking, Surrogate
        >>> layer = Spiking(LIF(leak=0.5, surrogate=Surrogate("rectangle", sharpness=1.0)))
        >>> current = torch.tensor([[1.25], [0.5]]).view(2, 1, 1).requires_grad_(True)
        >>> for reset in (1.0, 0.5, 0.0):  # du[2]/du[1] = .5 (1 - s - reset * u[1] / 2)
        ...     with gradient_flow(reset=reset):
        ...         spikes = layer(current)
        ...     print(torch.autograd.grad(spikes[1].sum(), current)[0].flatten().tolist())
        [-0.15625, 0.5]
        [-0.078125, 0.5]
        [0.0, 0.5]
    """
    scope = _Flow(reset, leak, _flow.get())
    token = _flow.set(scope)
    try:
        yield scope
    finally:
        _flow.reset(token)


def flow_of_scope(dynamics: Dynamics) -> Dynamics:
    """The recursion as the innermost open scope wants it; itself outside."""
    scope = _flow.get()
    return dynamics if scope is None else scope.serve(dynamics)


def shares_of_scope() -> tuple[float | None, float | None]:
    """The shares of reset and leak that open scopes ask for, None where they leave it to the layer.

    Looking obeys nothing: who can serve both asks :func:`flow_of_scope` then.
    """
    scope, reset, leak = _flow.get(), None, None
    while scope is not None:
        reset = scope.reset if reset is None else reset
        leak = scope.leak if leak is None else leak
        scope = scope.outer
    return reset, leak
