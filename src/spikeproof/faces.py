"""The public face of a room: names that are imported when they are first asked for, not before.

Importing torch takes seconds; what needs none of it, as ``spikeproof list`` does, must not pay.
"""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["lazy_face"]


def lazy_face(room: str) -> None:
    """Let a package import what it hands on when somebody asks for it.

    What it hands on is what its own source imports under ``if TYPE_CHECKING:``, which type
    checkers, the documentation and the hashes of code read too: nothing is said twice.

    Args:
        room: The package's ``__name__``; called at the end of its ``__init__.py``.
    Example:
        >>> from spikeproof import base
        >>> base.nearest("aple", ["apple"])
        'apple'
    """
    module = sys.modules[room]
    module.__dict__["_homes"] = _homes(Path(str(module.__file__)))
    module.__class__ = _Face


class _Face(ModuleType):
    """A package whose names come when they are asked for."""

    _homes: dict[str, tuple[str, str]]

    def __getattr__(self, name: str) -> Any:
        if name in self._homes:
            home, there = self._homes[name]
            value = getattr(import_module(home), there)
        elif not name.startswith("__") and find_spec(f"{self.__name__}.{name}") is not None:
            # A module of the room, as if its names had been imported at once.
            value = import_module(f"{self.__name__}.{name}")
        else:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Python hangs every module into its package when it is imported. Where a name and its
        # module are called alike (seeds, audit, status) the package means the name.
        hung = isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if not (hung and name in self._homes):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._homes})


def _homes(path: Path) -> dict[str, tuple[str, str]]:
    """Name → the module that it comes from, and what it is called there."""
    blocks = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        alias.asname or alias.name: (str(node.module), alias.name)
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
