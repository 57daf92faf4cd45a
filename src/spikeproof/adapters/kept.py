"""Values of attributes and buffers as they are remembered, tensors and containers of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "MANY",
    "Kept",
    "again",
    "changed",
    "contents",
    "differs",
    "inside",
    "items_of",
    "kept_of",
]

MANY = (dict, list, deque, tuple)
_MISSING = object()
# A longer list is no state of neurons but data that somebody keeps there.
_LONGEST = 1000


class Kept:
    """A tensor and its values.

    Args:
        value: The tensor.
    """

    def __init__(self, value: Tensor) -> None:
        self.axis: int | None = None
        self._remember(value)
        self.first = self.values  # what it was when it was found

    def _remember(self, value: Tensor) -> None:
        self.value = value
        self.version = _version(value)
        self.values = value.detach().clone()

    def fit(self, axis: int | None) -> None:
        """Begin anew from now on, with rows along this axis; None begins as it was found."""
        self.axis = axis
        if axis is None:
            self._remember(self.first.clone())
        else:
            self.begin(0)

    def begin(self, rows: int) -> None:
        """Begin with so many rows: equal ones as they are, others with zeros."""
        if self.axis is not None and self.values.shape[self.axis] != rows:
            row = self.first.narrow(self.axis, 0, 1)
            begun = row if self.uniform else torch.zeros_like(row)
            shape = list(row.shape)
            shape[self.axis] = rows
            self._remember(begun.expand(shape).clone())

    @property
    def uniform(self) -> bool:
        """Whether all rows were the same, as where nobody has been shown an item."""
        axis = 0 if self.axis is None else self.axis
        return bool((self.first == self.first.narrow(axis, 0, 1)).all())

    def same(self, now: Any) -> bool:
        """Whether this is the tensor, and as it was."""
        return now is self.value and self._whole()

    def again(self) -> Tensor:
        """The tensor, or one with its values where somebody wrote into it."""
        if not self._whole():
            self._remember(self.values.clone())
        return self.value

    def _whole(self) -> bool:
        """Whether nobody wrote into it; batch norm does, and no version of a tensor counts it."""
        if _version(self.value) != self.version:
            return False
        now, then = self.value.detach(), self.values
        return torch.equal(now, then) or bool(((now == then) | (now != now) & (then != then)).all())


class _Many:
    """A dictionary, list, queue or tuple, and what is in it."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.parts = {key: kept_of(part) for key, part in items_of(value)}

    def same(self, now: Any) -> bool:
        if now is not self.value or len(now) != len(self.parts):
            return False
        return not any(differs(part, self.parts.get(key, _MISSING)) for key, part in items_of(now))

    def again(self) -> Any:
        if not self.same(self.value):
            parts = {key: again(part) for key, part in self.parts.items()}
            if isinstance(self.value, tuple):  # what was in it was written into, or begins anew
                self.value = tuple.__new__(type(self.value), parts.values())
                return self.value
            self.value.clear()
            if isinstance(self.value, dict):
                self.value.update(parts)
            else:
                self.value.extend(parts.values())
        return self.value


def items_of(value: Any) -> Iterable[tuple[Any, Any]]:
    """What a container holds, by key or number."""
    return value.items() if isinstance(value, dict) else enumerate(value)


def kept_of(value: Any) -> Any:
    """A value as it is remembered; itself where nothing can change inside it."""
    if isinstance(value, Tensor):
        return Kept(value)
    if isinstance(value, MANY) and len(value) <= _LONGEST:
        return _Many(value)
    return value


def again(kept: Any) -> Any:
    """The remembered value."""
    return kept.again() if isinstance(kept, Kept | _Many) else kept


def differs(now: Any, kept: Any) -> bool:
    """Whether a value is not the remembered one any more."""
    return not kept.same(now) if isinstance(kept, Kept | _Many) else now is not kept


def _version(tensor: Tensor) -> int:
    """How often a tensor was written into; nobody counts for those of inference mode."""
    return 0 if tensor.is_inference() else tensor._version


def inside(name: str, kept: Any, now: Any) -> Iterator[tuple[str, Kept, Any]]:
    """Remembered tensors with something in them, each with what is in its place."""
    if isinstance(kept, Kept) and kept.first.numel():
        yield name, kept, now
    elif isinstance(kept, _Many):
        there = dict(items_of(now)) if isinstance(now, MANY) else {}
        if isinstance(now, list | deque) and len(now) > len(kept.parts):
            there = dict.fromkeys(there, now[-1])  # a call adds to it, and its last is the newest
        for key, part in kept.parts.items():
            yield from inside(f"{name}.{key}", part, there.get(key))


def contents(value: Any) -> Any:
    """What a value holds, in lists of its own."""
    if not isinstance(value, MANY) or len(value) > _LONGEST:
        return value
    return [contents(part) for _, part in items_of(value)]


def changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A value with other tensors in it; dictionaries, lists and queues stay the same objects."""
    if isinstance(value, Tensor):
        return change(value)
    if not isinstance(value, MANY) or len(value) > _LONGEST:
        return value
    if isinstance(value, tuple):
        parts = [changed(part, change) for part in value]
        same = all(a is b for a, b in zip(parts, value, strict=True))
        return value if same else tuple.__new__(type(value), parts)
    for key, part in list(items_of(value)):
        value[key] = changed(part, change)
    return value
