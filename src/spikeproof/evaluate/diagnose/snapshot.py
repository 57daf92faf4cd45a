"""What a network holds and where the global generators stand, taken once and put back at will."""

from __future__ import annotations

import random
import types
from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.models import home_of

__all__ = ["Generators", "Snapshot"]

_CODE = (type, types.FunctionType, types.MethodType, types.ModuleType, types.BuiltinFunctionType)
# Classes whose insides are no state of a network, by the top of their module.
_FOREIGN = ("torch", "numpy", "builtins", "collections", "functools", "typing", "weakref")
_MOST = 100_000


class Snapshot:
    """Everything a network can carry from one call to the next, and a copy of what it was.

    Attributes of its modules and of objects in them, whatever containers hold, tensors and
    generators among them. What lies elsewhere, in a global variable or another library, is not
    seen.

    Args:
        model: Any module.
    Cost:
        One copy of its tensors.
    Example:
        >>> model = nn.Linear(1, 1)
        >>> before = Snapshot(model)
        >>> model.v = torch.ones(1)
        >>> before.changed()
        ['v']
        >>> before.put_back()
        >>> hasattr(model, "v")
        False
    """

    def __init__(self, model: nn.Module) -> None:
        self._seen: dict[int, Any] = {}  # id → the object, which keeps the id its own
        self._held: list[tuple[str, Any, Any]] = []  # containers
        self._tensors: list[tuple[str, Tensor, Tensor]] = []
        self._weights: list[tuple[str, Tensor, Tensor]] = []
        self._arrays: list[tuple[str, Any, Any]] = []
        self._sources: list[tuple[str, _Source, Any]] = []
        for name, module in model.named_modules():
            self._take(module, name)

    def _take(self, root: Any, where: str) -> None:
        """Copy what an object holds, and what that holds."""
        waiting = [(root, where)]
        while waiting and len(self._seen) < _MOST:
            value, name = waiting.pop()
            if id(value) in self._seen:
                continue
            inner = self._copied(value, name)
            if inner is not None:
                self._seen[id(value)] = value
                waiting += inner

    def _copied(self, value: Any, name: str) -> list[tuple[Any, str]] | None:
        """Copy one object, and return what it holds; None where it cannot change."""
        if isinstance(value, Tensor):
            kept = self._weights if isinstance(value, nn.Parameter) else self._tensors
            kept.append((name, value, value.detach().clone()))
            grad = value.grad if value.is_leaf else None  # torch warns where others are asked
            return [] if grad is None else [(grad, f"{name}.grad")]
        if isinstance(value, np.ndarray):
            self._arrays.append((name, value, value.copy()))
            return []
        if (source := _source(value)) is not None:
            self._sources.append((name, source, source.now()))
            return []
        if isinstance(value, dict | list | set | deque):
            self._held.append((name, value, _shallow(value)))
            return list(_inside(value, name))
        if isinstance(value, tuple):
            return [(each, f"{name}.{i}") for i, each in enumerate(value)]
        if isinstance(value, _CODE) or not hasattr(value, "__dict__"):
            return None
        if not isinstance(value, nn.Module) and _top(value) in _FOREIGN:
            return None
        return [(vars(value), name)]

    def changed(self) -> list[str]:
        """Names of what is not as it was, without parameters and generators."""
        names = []
        for name, held, copy in self._held:
            if not _same(held, copy):
                keys = _inside_changed(held, copy)
                names += [_joined(name, key) for key in keys] or [name]
        names += [name for name, tensor, copy in self._tensors if not _equal(tensor, copy)]
        names += [name for name, array, copy in self._arrays if not _equal(array, copy)]
        return list(dict.fromkeys(_public(name) for name in names))

    def put_back(self, *, weights: bool = False) -> None:
        """Make everything what it was, to the bit; parameters only where asked."""
        for _, held, copy in self._held:
            if not _same(held, copy):
                _refill(held, copy)
        for _, tensor, copy in [*self._tensors, *(self._weights if weights else ())]:
            if not _equal(tensor, copy):
                if tensor.shape == copy.shape and tensor.dtype == copy.dtype:
                    tensor.data.copy_(copy)
                else:
                    tensor.data = copy.clone()
        for _, array, copy in self._arrays:
            if not _equal(array, copy):
                np.copyto(array, copy)
        self.rewind()

    def drawn(self) -> list[str]:
        """Names of generators in the network that are not where they were."""
        return [
            _public(name) for name, source, was in self._sources if not _equal(source.now(), was)
        ]

    def rewind(self) -> None:
        """Put the generators in the network back, and nothing else."""
        for _, source, was in self._sources:
            if not _equal(source.now(), was):
                source.back(was)

    def advance(self) -> None:
        """Draw from every generator in the network."""
        for _, source, _ in self._sources:
            source.draw()


class Generators:
    """The global generators of torch, NumPy and Python, while others may draw from them.

    Args:
        model: Its device may have a generator of its own.
        seed: Where they are to begin.
    """

    def __init__(self, model: nn.Module, seed: int) -> None:
        home = home_of(model)
        self._sources: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
            "torch": (torch.get_rng_state, torch.set_rng_state),
            "NumPy": (np.random.get_state, np.random.set_state),
            "Python": (random.getstate, random.setstate),
        }
        if home.type == "cuda":
            self._sources[f"torch on {home}"] = (
                lambda: torch.cuda.get_rng_state(home),
                lambda state: torch.cuda.set_rng_state(state, home),
            )
        self._was = {name: now() for name, (now, _) in self._sources.items()}
        self._begun = _states(seed, home)

    def begin(self) -> None:
        """Put each where it begins."""
        self._set(self._begun)

    def other(self, seed: int) -> None:
        """Put each where another seed begins."""
        self._set(_states(seed, torch.device("cpu")))

    def moved(self) -> list[str]:
        """Which have been drawn from since they began."""
        sources = self._sources.items()
        return [name for name, (now, _) in sources if not _equal(now(), self._begun[name])]

    def close(self) -> None:
        """Give each the state that it had at first."""
        self._set(self._was)

    def _set(self, states: dict[str, Any]) -> None:
        for name, (_, back) in self._sources.items():
            if name in states:
                back(states[name])


def _states(seed: int, home: torch.device) -> dict[str, Any]:
    """What every global generator holds after a seed."""
    states = {
        "torch": torch.Generator().manual_seed(seed).get_state(),
        "NumPy": np.random.RandomState(seed % 2**32).get_state(),
        "Python": random.Random(seed).getstate(),
    }
    if home.type == "cuda":
        states[f"torch on {home}"] = torch.Generator(home).manual_seed(seed).get_state()
    return states


@dataclass(frozen=True)
class _Source:
    """How the state of a generator is read, written and moved on."""

    now: Callable[[], Any]
    back: Callable[[Any], Any]
    draw: Callable[[], Any]


def _source(value: Any) -> _Source | None:
    """A generator that a network holds; None for anything else."""
    if isinstance(value, torch.Generator):
        draw = partial(torch.rand, 17, generator=value, device=value.device)
        return _Source(value.get_state, value.set_state, draw)
    if isinstance(value, np.random.RandomState):
        return _Source(value.get_state, value.set_state, value.random_sample)
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        now = partial(_state_of, bits)
        return _Source(now, lambda was: setattr(bits, "state", was), value.random)
    if isinstance(value, random.Random):
        return _Source(value.getstate, value.setstate, value.random)
    return None


def _state_of(bits: Any) -> Any:
    """A copy of the state of NumPy's generators, which may hand out their own."""
    return deepcopy(bits.state)


def _top(value: Any) -> str:
    """Where the class of an object comes from."""
    return str(type(value).__module__).partition(".")[0]


def _shallow(value: Any) -> Any:
    """A copy of a container that holds the same things, in the same order."""
    return dict(value) if isinstance(value, dict) else list(value)


def _inside(value: Any, name: str) -> Iterator[tuple[Any, str]]:
    """What a container holds, named."""
    if isinstance(value, dict):
        return ((each, _joined(name, key)) for key, each in value.items())
    return ((each, f"{name}.{i}") for i, each in enumerate(value))


def _inside_changed(held: Any, copy: Any) -> list[str]:
    """The keys of a table under which something else stands now."""
    if not isinstance(held, dict):
        return []
    keys = [*copy, *(key for key in held if key not in copy)]
    missing = object()
    return [str(k) for k in keys if held.get(k, missing) is not copy.get(k, missing)]


def _same(held: Any, copy: Any) -> bool:
    """Whether a container holds the very things that it held."""
    if isinstance(held, dict):
        if list(held) != list(copy):
            return False
        return all(held[key] is copy[key] for key in copy)
    now = list(held)
    return len(now) == len(copy) and all(a is b for a, b in zip(now, copy, strict=True))


def _refill(held: Any, copy: Any) -> None:
    """Let a container hold again what it held."""
    held.clear()
    if isinstance(held, dict | set):
        held.update(copy)
    else:
        held.extend(copy)


def _equal(now: Any, was: Any) -> bool:
    """Whether two states are the same, NaN in the same places."""
    if isinstance(now, Tensor):
        if now.shape != was.shape or now.dtype != was.dtype:
            return False
        return torch.equal(now, was) or bool(((now == was) | ((now != now) & (was != was))).all())
    if isinstance(now, np.ndarray):
        return bool(np.array_equal(now, was, equal_nan=now.dtype.kind in "fc"))
    if isinstance(now, dict):
        return now.keys() == was.keys() and all(_equal(now[key], was[key]) for key in now)
    if isinstance(now, tuple | list):
        return len(now) == len(was) and all(map(_equal, now, was))
    return bool(now == was)


def _joined(name: str, key: object) -> str:
    """The name of what a table holds under a key."""
    return f"{name}.{key}" if name else str(key)


def _public(name: str) -> str:
    """A name as a person would write it: without the tables in which modules keep things."""
    parts = [part for part in name.split(".") if part not in ("_buffers", "_parameters")]
    return ".".join(parts)
