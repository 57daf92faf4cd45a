"""A network of others as attacks want it: items in, logits out, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters.copies import tensor_type
from spikeproof.adapters.feeding import Entrance, Exit, Feed
from spikeproof.adapters.memory import ModuleState
from spikeproof.adapters.protocol import Library, Reading
from spikeproof.adapters.replay import Replay, Uniform, slopes_of
from spikeproof.adapters.spikes import Recorder, SpikeFunction, Watcher, watching
from spikeproof.base import InputError
from spikeproof.neurons import Dynamics, Surrogate, flow_of_scope, rule_of_scope, shares_of_scope

__all__ = ["Adapted", "devices_of"]


class Adapted(nn.Module):
    """A network of another library, or of plain torch, as a function of items.

    Made by :func:`adapt`. It is a copy: whatever is done to it, the user's network keeps its
    weights, gradients, buffers, state and modes. Before every forward pass it begins anew; batch
    norm and dropout are in evaluation mode whatever mode it is put in, while surrogate gradients
    stay on. Under ``gradient_rule`` its spikes take the gradient of the rule, where ``reading``
    says that rules reach them.

    Cost:
        The network's own passes; under a rule that looks at membranes, such as ASSG, one forward
        pass more.
    """

    def __init__(self, network: nn.Module, library: Library, entrance: Entrance) -> None:
        super().__init__()
        self.network = network
        self.entrance = entrance
        self._library = library
        self._swaps = library.swaps(network)
        self._resets = library.resets(network)
        self._functions: tuple[SpikeFunction, ...] = ()
        self._feed, self._exit = Feed(), Exit()
        self._reading: Reading | None = None
        self._learn: Callable[[Adapted, Tensor], None] | None = None
        self._trained: tuple[nn.Module, ...] = ()
        self._memory = ModuleState(network)
        super().train(False)

    @property
    def reading(self) -> Reading:
        """What was found out about the network.

        Raises:
            InputError: nobody has shown it an item yet.
        """
        if self._reading is None:
            raise InputError(
                "Nothing is known of this network before its first batch; adapt it with "
                "example=x, a few of your items, or call it once."
            )
        return self._reading

    def note(self, sentence: str) -> None:
        """Add a sentence to what is known of the network."""
        self._reading = replace(self.reading, notes=(*self.reading.notes, sentence))

    def train(self, mode: bool = True) -> Adapted:
        """Keep batch norm and dropout in evaluation mode; the flag of this module follows."""
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)`` of items ``(N, ...)``."""
        if self._reading is None and self._learn is not None:
            self._learn(self, x)
        scope, shares = rule_of_scope(), shares_of_scope()
        chosen = None if scope is None else scope.rule
        if chosen is None and shares == (None, None):
            return self._pass(x)
        detached = self._flows(*shares)
        if chosen is None or not self._obeys():
            return self._pass(x, detached=detached)
        if not torch.is_grad_enabled():
            scope.served += isinstance(chosen, Surrogate)  # type: ignore[union-attr]
            return self._pass(x)
        watcher = self._watcher(chosen, x)
        if watcher is not None:
            scope.served += 1  # type: ignore[union-attr]
        return self._pass(x, watcher, detached=detached)

    def _obeys(self) -> bool:
        """Whether a rule reaches any spike."""
        return bool(self._functions or self._swaps)

    def _watcher(self, rule: Any, x: Tensor) -> Watcher | None:
        """What hands a rule's slopes to the spikes; None where the rule wants more than slopes."""
        if isinstance(rule, Surrogate):
            return Uniform(rule.slope)
        seen = Recorder()
        with torch.no_grad(), torch.random.fork_rng(devices=devices_of(x)):
            self._pass(x, seen)
        slopes = slopes_of(rule, seen, len(x))
        return None if slopes is None else Replay(slopes)

    def _flows(self, reset: float | None, leak: float | None) -> bool | None:
        """Whether the reset is to be detached; None leaves it to the network."""
        if (reset is None and leak is None) or leak not in (None, 1.0):
            return None
        word = {None: "", 1.0: "kept", 0.0: "detached"}.get(reset)
        if word and word not in self._resets:
            return None
        if word is None:  # a share
            return None
        flow_of_scope(Dynamics())  # obeyed
        return None if not word else word == "detached"

    def _pass(
        self, x: Tensor, watcher: Watcher | None = None, *, detached: bool | None = None
    ) -> Tensor:
        """One forward pass of the network, from its beginning."""
        return self._exit(self._answer(x, watcher, detached=detached))

    def _answer(
        self,
        x: Tensor,
        watcher: Watcher | None = None,
        *,
        detached: bool | None = None,
        functions: Sequence[SpikeFunction] | None = None,
    ) -> Any:
        """What the network itself says, put together from its beginning."""
        given = x
        x = self.entrance(x)
        if x is given:
            x = x.clone()  # a network may write into it
        self._memory.restore(len(x))
        self._set_modes()
        try:
            with ExitStack() as scopes:
                if detached is not None:
                    choice = self._library.choosing(self.network, detached=detached)
                    scopes.enter_context(choice)
                if watcher is not None:
                    chosen = self._functions if functions is None else functions
                    scopes.enter_context(watching(chosen, self._swaps, watcher))
                return self._feed(self.network, x)
        finally:
            self._memory.leave()

    def _set_modes(self) -> None:
        """Evaluation mode, but for neurons whose surrogate is on in training mode only."""
        for module in self.network.modules():
            if module.training:
                module.training = False
        for module in self._trained:
            module.training = True

    def _apply(self, fn: Any, recurse: bool = True) -> Adapted:
        """Move the network, and remember the beginning where it now is."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.entrance.kind = tensor_type(self.network)
        self._memory = ModuleState(self.network, self._memory.fitted)
        return self

    def load_state_dict(self, *args: Any, **settings: Any) -> Any:
        """Load weights, and remember the beginning that they bring."""
        found = super().load_state_dict(*args, **settings)
        self._memory = ModuleState(self.network, self._memory.fitted)
        return found

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return "" if self._reading is None else str(self._reading)


def devices_of(x: Tensor) -> list[torch.device]:
    """The devices whose generators a pass may move, beside the CPU's."""
    return [x.device] if x.device.type == "cuda" else []
