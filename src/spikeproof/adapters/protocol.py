"""What an adapter says of a network of others, and what each library has to answer for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from inspect import getattr_static
from typing import Any

from torch import nn

__all__ = ["REDUCTIONS", "RESETS", "TIMES", "Library", "Reading", "version_of"]

TIMES = ("none", "first", "second", "inside")
REDUCTIONS = ("logits", "rate", "last", "max")
RESETS = ("kept", "detached")
_NAMED = 4  # places of state that are named


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found out about a network of others, for users and for records.

    Args:
        library: ``"spikingjelly"``, ``"snntorch"``, ``"norse"``, ``"nir"`` or ``"torch"``.
        version: Of that library.
        spiking: Spiking layers found.
        rules: Whether gradient rules of ours reach its spikes.
        resets: Which of ``"kept"`` and ``"detached"`` an attacker may choose for its reset; empty
            where the network decides.
        time: Where the time axis of its input is: ``"none"`` (it takes no such axis), ``"first"``
            ``(T, N, ...)``, ``"second"`` ``(N, T, ...)``, or ``"inside"`` (it makes its own steps).
        reduce: How its answers became logits: ``"logits"`` (they were), ``"rate"`` (the mean over
            the steps), ``"last"`` or ``"max"`` (the last step, the largest); with ``":1"`` or
            ``":key"`` where that one of several values was asked for.
        stateful: Whether the network itself carries state from one call to the next; it begins anew
            before every forward pass here. State that is handed on inside a call is none.
        state: Where it carries that state, ``"layer.attribute"``.
        notes: What else a user should know, a sentence each.
    """

    library: str
    version: str
    spiking: int
    rules: bool
    resets: tuple[str, ...]
    time: str
    reduce: str
    stateful: bool
    state: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain data.

        Example:
            >>> import torch
            >>> from spikeproof.adapters import adapt
            >>> adapt(torch.nn.Linear(2, 3), example=torch.rand(4, 2)).reading.record()["time"]
            'none'
        """
        lists = {name: list(getattr(self, name)) for name in ("resets", "state", "notes")}
        return {**asdict(self), **lists}

    def __str__(self) -> str:
        rules = "obeyed" if self.rules else "not obeyed: one gradient, its own"
        lines = [
            f"{self.library} {self.version}, {self.spiking} spiking layers",
            f"gradient rules: {rules}",
            f"reset: {' or '.join(self.resets) or 'as the network has it'}",
            f"time axis: {self.time}; logits: {self.reduce}",
            f"carries state from call to call: {self._carried()}",
        ]
        return "\n".join([*lines, *(f"- {note}" for note in self.notes)])

    def _carried(self) -> str:
        """What is said of state."""
        if not self.stateful:
            return "no"
        more = f" and {len(self.state) - _NAMED} more" if len(self.state) > _NAMED else ""
        where = f", in {', '.join(self.state[:_NAMED])}{more}" if self.state else ""
        return f"yes{where}; begins anew before every call"


class Library:
    """What a library's layers need; the answers here are those for plain torch.

    Every method is asked about the adapter's own copy of a network, never about the user's.
    """

    name = "torch"

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version_of(self.name)

    def claims(self, model: nn.Module) -> bool:
        """Whether a network holds layers of this library; nothing is imported to find out."""
        return any(self.made(module) for module in model.modules())

    def made(self, module: nn.Module) -> bool:
        """Whether the class of a module, or one that it inherits from, is of this library."""
        return any(kind.__module__.split(".")[0] == self.name for kind in type(module).__mro__)

    def neurons(self, network: nn.Module) -> list[nn.Module]:
        """The spiking layers that are modules; spikes written as functions are found by probing."""
        return []

    def one_step(self, network: nn.Module) -> bool:
        """Whether the neurons take one time step a call."""
        return True

    def prepare(self, network: nn.Module) -> None:
        """Bring the network's state to its beginning."""
        weights = [parameter._version for parameter in network.parameters()]
        kept = {name: value.clone() for name, value in network.state_dict().items()}
        for call in _calls(network, ("reset", "reset_state", "reset_states")):
            call()
        if weights != [parameter._version for parameter in network.parameters()]:
            network.load_state_dict(kept)  # that reset was one of the weights

    def swaps(self, network: nn.Module) -> list[tuple[nn.Module, str]]:
        """Modules, and the name of the child that turns membranes into spikes."""
        return []

    def resets(self, network: nn.Module) -> tuple[str, ...]:
        """Which of ``RESETS`` can be chosen."""
        return ()

    def notes(self, network: nn.Module) -> tuple[str, ...]:
        """What a user should know of such a network, a sentence each."""
        return ()

    def choosing(self, network: nn.Module, *, detached: bool) -> AbstractContextManager[None]:
        """Let gradients inside flow through the reset, or stop there."""
        return nullcontext()


def _calls(network: nn.Module, names: tuple[str, ...]) -> Iterator[Any]:
    """Methods of the modules by which state begins anew, as far as they need no argument."""
    for module in network.modules():
        if type(module).__module__.startswith("torch."):
            continue
        for name in names:
            method = getattr_static(type(module), name, None)
            code = getattr(method, "__code__", None)
            if code is None:  # none, or one of the class, which would reach other networks
                continue
            given = len(getattr(method, "__defaults__", None) or ())
            if code.co_argcount - given == 1:
                yield getattr(module, name)
                break


def version_of(package: str) -> str:
    """The version of an installed package; ``"unknown"`` where nothing says so.

    Example:
        >>> version_of("no-such-package")
        'unknown'
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
