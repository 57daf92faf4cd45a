"""snnTorch 1.x: hidden states in buffers, resets that are detached where they are delayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from spikeproof.adapters.protocol import RESETS, Library

__all__ = ["SnnTorch"]


class SnnTorch(Library):
    """Layers of snnTorch 1.x, with hidden or explicit states."""

    name = "snntorch"

    def neurons(self, network: nn.Module) -> list[nn.Module]:
        """Modules with a surrogate."""
        found = [module for module in network.modules() if self.made(module)]
        return [module for module in found if callable(getattr(module, "spike_grad", None))]

    def prepare(self, network: nn.Module) -> None:
        """Empty the hidden states of these layers alone.

        A ``reset`` that the user wrote is not called: the library's own, which it would ask, goes
        through every network there is.
        """
        for module in network.modules():
            if self.made(module):
                for name in module._non_persistent_buffers_set:
                    state = module._buffers.get(name)
                    if state is not None:  # of no size: the next call makes it anew
                        module._buffers[name] = state.detach().new_zeros(0)
                if isinstance(vars(module).get("reset"), Tensor):  # of the last call; made anew
                    del vars(module)["reset"]

    def resets(self, network: nn.Module) -> tuple[str, ...]:
        """Both, where every neuron resets its membrane (``mem_reset``)."""
        said = [hasattr(module, "mem_reset") for module in self.neurons(network)]
        return RESETS if said and all(said) else ()

    @contextmanager
    def choosing(self, network: nn.Module, *, detached: bool) -> Iterator[None]:
        """Give each neuron of the copy other methods for one pass; its memory puts them back."""
        for module in self.neurons(network):
            delayed = bool(getattr(module, "reset_delay", True))
            if delayed and not detached:
                vars(module)["mem_reset"] = _kept(module)
            elif not delayed and detached:
                _detach(module)
        yield


def _kept(module: Any) -> Callable[[Tensor], Tensor]:
    """The reset of the last step's spike, with its gradient."""

    def mem_reset(mem: Tensor) -> Tensor:
        reset: Tensor = module.spike_grad(mem - module.threshold)
        return reset

    return mem_reset


def _detach(module: Any) -> None:
    """Let a neuron that resets at once compute with spikes that carry no gradient."""
    own, whole, sent = module.fire, module.forward, list[Tensor]()

    def fire(mem: Tensor) -> Tensor:
        sent.append(own(mem))
        return sent[-1].detach()

    def forward(*args: Any, **named: Any) -> Any:
        answer = whole(*args, **named)
        spikes = sent.pop()
        return (spikes, *answer[1:]) if isinstance(answer, tuple) else spikes

    vars(module).update(fire=fire, forward=forward)
