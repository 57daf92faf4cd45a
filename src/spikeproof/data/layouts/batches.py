"""CIFAR's two layouts: binary records, and Python batches read without unpickling anything."""

from __future__ import annotations

import pickletools
from typing import Any

import numpy as np

from spikeproof.base import FileProblem

__all__ = ["binary_records", "python_batch"]

Array = np.ndarray[Any, Any]
_LEVELS = 3 * 32 * 32
_MOST_STEPS = 1_000_000
# What a batch is made of. Nothing is imported or called: these names only say how to read what
# follows them.
_ARRAY = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_NAMES = {*_ARRAY, "numpy ndarray", "numpy dtype"}


def binary_records(content: bytes, name: str, *, labels: int = 1) -> tuple[Array, Array]:
    """Return levels and labels of a binary file.

    Args:
        content: Records of ``labels`` bytes and 3072 levels, channel by channel.
        name: What an error calls the file.
        labels: Label bytes of a record: 1 in CIFAR-10; 2 in CIFAR-100, coarse and fine.
    Returns:
        uint8 ``(N, 3, 32, 32)`` and the last label of each record, uint8 ``(N,)``.
    Raises:
        FileProblem: the file does not hold whole records.
    """
    records = np.frombuffer(content, np.uint8)
    size = labels + _LEVELS
    if not len(records) or len(records) % size:
        raise FileProblem(f"{name} does not hold whole records of {size} bytes.")
    table = records.reshape(-1, size)
    return table[:, labels:].reshape(-1, 3, 32, 32), table[:, labels - 1]


def python_batch(content: bytes, name: str, *, labels: str = "labels") -> tuple[Array, Array]:
    """Return levels and labels of a batch of the Python version, without unpickling it.

    A pickle is a program. This reads the opcodes and follows the few that build plain tables,
    lists, texts, numbers and one array of bytes; a batch with any other is refused, and nothing
    that the file names is imported or called.

    Args:
        content: The file.
        name: What an error calls it.
        labels: The entry that holds the labels, ``"fine_labels"`` in CIFAR-100.
    Returns:
        uint8 ``(N, 3, 32, 32)`` and int64 ``(N,)``.
    Raises:
        FileProblem: it is no such batch.
    """
    table = _followed(content, name)
    levels, y = table.get("data"), table.get(labels)
    whole = isinstance(levels, np.ndarray) and levels.ndim == 2 and levels.shape[1] == _LEVELS
    fine = isinstance(y, list) and all(type(one) is int and 0 <= one < 256 for one in y)
    if not (whole and fine and isinstance(y, list) and len(y) == len(levels)):  # type: ignore[arg-type]
        raise FileProblem(
            f"{name} is no batch of CIFAR: expected are 'data' of shape (N, 3072) and as many "
            f"{labels!r}; download the file again."
        )
    assert isinstance(levels, np.ndarray)
    return levels.reshape(-1, 3, 32, 32), np.array(y, dtype=np.int64)


class _Mark:
    """The mark on the stack of a pickle."""


def _followed(content: bytes, name: str) -> dict[str, Any]:
    """The table that a pickle of plain data builds."""
    machine = _Machine()
    try:
        for step, (opcode, argument, _) in enumerate(pickletools.genops(content)):
            if step > _MOST_STEPS:
                raise ValueError("it has too many steps")
            machine.do(opcode.name, argument)
        (table,) = machine.stack
        if not isinstance(table, dict):
            raise TypeError("it holds no table")
    except (ValueError, TypeError, LookupError, AttributeError, MemoryError) as problem:
        raise FileProblem(
            f"{name} is no batch of CIFAR of plain data ({str(problem)[:80]}), and nothing else is "
            "read from a pickle, which can run code; download the binary version instead."
        ) from None
    return {str(key): value for key, value in table.items()}


class _Machine:
    """A stack, a memory, and the opcodes of plain data."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def do(self, opcode: str, argument: Any) -> None:
        """Follow one opcode."""
        if opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _LITERALS:
            self.stack.append(argument)
        elif opcode in ("EMPTY_DICT", "EMPTY_LIST", "MARK"):
            self.stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "MARK": _Mark}[opcode]())
        elif opcode in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif opcode == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET", "GET"):
            self.stack.append(self.memo[int(argument)])
        elif opcode == "GLOBAL":
            if argument not in _NAMES:
                raise ValueError(f"it names {argument!r}")
            self.stack.append(_Name(argument))
        elif opcode not in ("PROTO", "STOP", "FRAME"):
            self._build(opcode)

    def _build(self, opcode: str) -> None:
        """Follow an opcode that puts what lies on the stack together."""
        if opcode in ("APPENDS", "SETITEMS", "TUPLE"):
            parts = self._to_mark()
            if opcode == "TUPLE":
                self.stack.append(tuple(parts))
            elif opcode == "APPENDS":
                self._top(list).extend(parts)
            else:
                self._top(dict).update(zip(parts[::2], parts[1::2], strict=True))
        elif opcode in ("TUPLE1", "TUPLE2", "TUPLE3"):
            size = int(opcode[-1])
            self.stack[-size:] = [tuple(self.stack[-size:])]
        elif opcode == "APPEND":
            last = self.stack.pop()
            self._top(list).append(last)
        elif opcode == "SETITEM":
            key, value = self.stack[-2:]
            del self.stack[-2:]
            self._top(dict)[key] = value
        elif opcode == "REDUCE":
            arguments, what = self.stack.pop(), self.stack.pop()
            self.stack.append(_Made(what, arguments))
        elif opcode == "BUILD":
            state = self.stack.pop()
            made = self._top(_Made)
            made.state = state
            # The array stands where its parts stood, and wherever the memory names it.
            if made.what in _ARRAY:
                self.stack[-1] = _array(state)
                self.memo = {k: self.stack[-1] if v is made else v for k, v in self.memo.items()}
        else:
            raise ValueError(f"it has the opcode {opcode}")

    def _to_mark(self) -> list[Any]:
        """What lies above the last mark, taken off with it."""
        last = max(n for n, one in enumerate(self.stack) if isinstance(one, _Mark))
        parts = self.stack[last + 1 :]
        del self.stack[last:]
        return parts

    def _top(self, kind: type) -> Any:
        """What lies on top, of a kind."""
        if not self.stack or type(self.stack[-1]) is not kind:
            raise TypeError("its parts do not fit each other")
        return self.stack[-1]


class _Name(str):
    """A name that the pickle would import."""


class _Made:
    """What the pickle would call, and with what."""

    def __init__(self, what: Any, arguments: Any) -> None:
        if not isinstance(what, _Name) or what == "numpy ndarray":
            raise ValueError("it calls something")
        if what == "numpy dtype" and (not isinstance(arguments, tuple) or arguments[:1] != ("u1",)):
            raise ValueError("it holds an array of something else than bytes")
        self.what, self.state = str(what), None


def _array(state: Any) -> Array:
    """The array of bytes of a state ``(version, shape, type, order, bytes)``."""
    _, shape, kind, fortran, content = state
    if isinstance(content, str):
        content = content.encode("latin-1")
    if not isinstance(kind, _Made) or kind.what != "numpy dtype" or not isinstance(content, bytes):
        raise ValueError("its array is not one of bytes")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = {
    "BININT", "BININT1", "BININT2", "INT", "LONG1", "LONG", "BINSTRING", "SHORT_BINSTRING",
    "STRING", "BINUNICODE", "SHORT_BINUNICODE", "UNICODE", "BINBYTES", "SHORT_BINBYTES",
}  # fmt: skip
