"""norse 1.x: states that are handed on, spikes made by functions of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from torch import Tensor, nn

from spikeproof.adapters.protocol import RESETS, Library

__all__ = ["Norse"]

# Steps that detach their reset themselves.
_DETACHED = ("lif_step",)


class Norse(Library):
    """Layers of norse 1.x: cells of one step, and modules of all."""

    name = "norse"

    def neurons(self, network: nn.Module) -> list[nn.Module]:
        """Modules with a threshold."""
        found = [module for module in network.modules() if self.made(module)]
        return [m for m in found if hasattr(getattr(m, "p", None), "v_th")]

    def one_step(self, network: nn.Module) -> bool:
        """Whether its neurons are cells."""
        return all(
            any(kind.__name__.endswith("Cell") for kind in type(module).__mro__)
            for module in self.neurons(network)
        )

    def resets(self, network: nn.Module) -> tuple[str, ...]:
        """Both for neurons whose step keeps it; the recurrent LIF detaches its own."""
        steps = [getattr(module, "activation", None) for module in self.neurons(network)]
        codes = [getattr(step, "__code__", None) for step in steps]
        if not codes or not all(c is not None and "threshold" in c.co_names for c in codes):
            return ()
        return RESETS[1:] if any(s.__name__ in _DETACHED for s in steps if s) else RESETS

    @contextmanager
    def choosing(self, network: nn.Module, *, detached: bool) -> Iterator[None]:
        """Give each neuron of the copy another step for one pass; its memory puts it back."""
        for module in self.neurons(network):
            step: Any = module.activation
            if detached and step.__name__ not in _DETACHED:
                vars(module)["activation"] = _detached(step)
        yield


def _detached(step: Any) -> Callable[..., Any]:
    """A step whose next state is computed with spikes that carry no gradient."""
    own, sent = step.__globals__["threshold"], list[Tensor]()

    def threshold(*args: Any, **named: Any) -> Tensor:
        sent.append(own(*args, **named))
        return sent[-1].detach()

    # The same code, with this threshold among its globals: the library's own stay what they are.
    names = {**step.__globals__, "threshold": threshold}
    copied = FunctionType(step.__code__, names, step.__name__, step.__defaults__, step.__closure__)

    def activation(*args: Any, **named: Any) -> Any:
        _, state = copied(*args, **named)
        spikes = sent.pop()
        return spikes, state._replace(z=spikes) if hasattr(state, "z") else state

    return activation
