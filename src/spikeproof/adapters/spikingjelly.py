"""SpikingJelly 2.x: memories that ``reset`` empties, surrogates that are modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from spikeproof.adapters.protocol import RESETS, Library
from spikeproof.base import SettingError

__all__ = ["SpikingJelly"]


class SpikingJelly(Library):
    """Layers of SpikingJelly 2.x, single-step and multi-step."""

    name = "spikingjelly"

    def neurons(self, network: nn.Module) -> list[nn.Module]:
        """Modules with a surrogate."""
        return [module for module, _ in self.swaps(network)]

    def one_step(self, network: nn.Module) -> bool:
        """Whether every neuron is in step mode ``"s"``."""
        return all(getattr(m, "step_mode", "s") == "s" for m in self.neurons(network))

    def prepare(self, network: nn.Module) -> None:
        """Empty every memory, as ``functional.reset_net`` does.

        Raises:
            SettingError: a version before 2.
        """
        if self.version.split(".")[0] in ("0", "1"):
            raise SettingError(
                f"adapt serves SpikingJelly 2.x; got {self.version}, whose neurons drop their "
                "surrogate in evaluation mode and run as TorchScript, so that attacks meet no "
                "gradient. Install spikingjelly>=2, build the same layers and load your state_dict."
            )
        super().prepare(network)

    def swaps(self, network: nn.Module) -> list[tuple[nn.Module, str]]:
        """Every neuron, with its surrogate."""
        name = "surrogate_function"
        return [
            (m, name) for m in network.modules() if isinstance(getattr(m, name, None), nn.Module)
        ]

    def resets(self, network: nn.Module) -> tuple[str, ...]:
        """Both, where its neurons say which (``detach_reset``)."""
        said = [hasattr(module, "detach_reset") for module in self.neurons(network)]
        return RESETS if said and all(said) else ()

    @contextmanager
    def choosing(self, network: nn.Module, *, detached: bool) -> Iterator[None]:
        """Set ``detach_reset`` of every neuron of the copy; its memory puts it back."""
        for module in self.neurons(network):
            module.detach_reset = detached  # type: ignore[assignment]
        yield
