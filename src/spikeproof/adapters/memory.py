"""What modules hold between two calls, kept once and put back before every forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from spikeproof.adapters.kept import (
    Kept,
    again,
    changed,
    contents,
    differs,
    inside,
    kept_of,
)

__all__ = ["ModuleState"]

_MODULE = frozenset(vars(nn.Module()))
_MISSING = object()
# Name, module, its attributes (None of torch's own layers), its buffers, and how many attributes.
_Held = tuple[str, nn.Module, dict[str, Any] | None, dict[str, Any], int]


class ModuleState:
    """The attributes and buffers of every module as they are now, to be put back.

    A neuron may keep its membrane as an attribute, a buffer, in a dictionary, a list or a tuple,
    assigned or written in place; whatever it is, it is found by comparing. Attributes of torch's
    own layers are settings and are not looked at, their buffers are. What a module keeps in objects
    of its own classes is not seen.

    Args:
        network: Whose modules.
        fitted: Names of tensors that are state of one batch, and their axis of items: each is
            begun anew, with as many rows as a pass has items.
    Example:
        >>> class Count(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.calls = 0
        ...     def forward(self, x):
        ...         self.calls += 1
        ...         return x
        >>> net = Count()
        >>> memory = ModuleState(net)
        >>> net(1), memory.moved()
        (1, ['calls'])
        >>> memory.restore()
        >>> net.calls
        0
    """

    def __init__(self, network: nn.Module, fitted: Mapping[str, int] | None = None) -> None:
        self._modules: list[_Held] = []
        self._left: list[Any] = []
        for name, module in network.named_modules():
            own = None
            if not type(module).__module__.startswith("torch.nn."):
                own = {k: kept_of(v) for k, v in vars(module).items() if k not in _MODULE}
            buffers = {k: kept_of(v) for k, v in module._buffers.items()}
            if own is not None or buffers:
                self._modules.append((name, module, own, buffers, len(vars(module))))
        self._fitted: dict[str, Kept] = {}
        if fitted:
            self.fit({name: (kept, fitted[name]) for name, kept in self.held() if name in fitted})

    def __getstate__(self) -> dict[str, Any]:
        """Without what the last pass left, of which torch makes no copy."""
        return {**vars(self), "_left": []}

    @property
    def fitted(self) -> dict[str, int]:
        """State of one batch by name, with its axis of items."""
        return {name: kept.axis for name, kept in self._fitted.items() if kept.axis is not None}

    def fit(self, state: Mapping[str, tuple[Kept, int | None]]) -> None:
        """Let tensors begin anew with as many rows as a pass has items; no axis takes that back."""
        for name, (kept, axis) in state.items():
            kept.fit(axis)
            self._fitted[name] = kept

    def restore(self, rows: int | None = None) -> None:
        """Put everything back.

        Args:
            rows: How many items come next.
        """
        self._left = []
        if rows is not None:
            for kept in self._fitted.values():
                kept.begin(rows)
        self._put_back([])

    def leave(self) -> None:
        """Put everything back, and hold what a pass left until the next one begins.

        A library holds it, too. Given up at once, the end of the heap goes with it, is returned to
        the system and fetched again page by page: up to a tenth of the time of every pass.
        """
        self._left = []
        self._put_back(self._left)

    def _put_back(self, left: list[Any]) -> None:
        """Put everything back, and add to a list what was there instead."""
        for _, module, own, buffers, size in self._modules:
            if own is not None:
                _restore(vars(module), own, size, left)
            if buffers or module._buffers:
                _restore(module._buffers, buffers, len(buffers), left)

    def moved(self) -> list[str]:
        """Names of what is not as it was kept, ``"layer.attribute"``."""
        found = []
        for name, module, own, buffers, _ in self._modules:
            for where, kept in ((vars(module), own), (module._buffers, buffers)):
                if kept is None:
                    continue
                skip = _MODULE if kept is own else frozenset[str]()
                names = [key for key in where if key not in skip]
                for key in dict.fromkeys([*kept, *names]):
                    now, then = where.get(key, _MISSING), kept.get(key, _MISSING)
                    if differs(now, then):
                        found.append(f"{name}.{key}" if name else key)
        return found

    def change(self, change: Callable[[Tensor], Tensor]) -> None:
        """Put other tensors in the place of those that are not as they were kept."""
        for _, module, own, buffers, _ in self._modules:
            if own is not None:
                _change(vars(module), own, change)
            _change(module._buffers, buffers, change)

    def tensors(self, names: list[str]) -> list[str]:
        """Those of these names under which a tensor was kept: state that had begun already."""
        kept = {
            (f"{name}.{key}" if name else key): value
            for name, _, own, buffers, _ in self._modules
            if own is not None
            for key, value in {**own, **buffers}.items()
        }
        return [
            name
            for name in names
            if any(full not in self._fitted for full, _, _ in inside(name, kept.get(name), None))
        ]

    def held(self) -> Iterator[tuple[str, Kept]]:
        """Every tensor that modules other than torch's own hold, by name, but for parameters."""
        return ((name, kept) for name, kept, _ in self._pairs())

    def replaced(self) -> Iterator[tuple[str, Kept, Any]]:
        """Those of them in whose place there is something else, and what that is."""
        return (found for found in self._pairs() if not found[1].same(found[2]))

    def _pairs(self) -> Iterator[tuple[str, Kept, Any]]:
        """Kept tensors, each with what is in its place."""
        for name, module, own, buffers, _ in self._modules:
            if own is None:
                continue
            for where, kept in ((vars(module), own), (module._buffers, buffers)):
                for key, value in kept.items():
                    full = f"{name}.{key}" if name else key
                    yield from inside(full, value, where.get(key))


def _restore(where: dict[str, Any], kept: dict[str, Any], size: int, left: list[Any]) -> None:
    """Put remembered values back, and drop what was not there when there were ``size``."""
    for key, value in kept.items():
        now = where.get(key, _MISSING)
        if differs(now, value):
            left.append(contents(now))
            where[key] = again(value)
    if len(where) != size:
        for key in [key for key in where if key not in kept and key not in _MODULE]:
            left.append(where.pop(key))


def _change(
    where: dict[str, Any], kept: dict[str, Any], change: Callable[[Tensor], Tensor]
) -> None:
    """Put other tensors where something else than the remembered values is."""
    for key in [key for key in where if key not in _MODULE]:
        if differs(where[key], kept.get(key, _MISSING)):
            where[key] = changed(where[key], change)
