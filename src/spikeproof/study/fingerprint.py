"""Which code and which versions computed a number."""

from __future__ import annotations

import ast
import hashlib
import sys
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
import torch

__all__ = ["code_sha256", "versions"]

# Rooms whose code a record depends on; what only reads records is left out.
_ROOMS = (
    "base", "data", "neurons", "models", "adapters", "threats", "oracle", "metrics", "attacks",
    "train", "evaluate",
)  # fmt: skip
_STUDY = ("store.py", "compute.py")


@cache
def code_sha256() -> str:
    """Return one hash over what the code does that computes records.

    Syntax trees without docstrings are hashed, so that a comment, a docstring or a new layout
    leaves every record valid, and a change of a single constant does not.
    """
    total = hashlib.sha256()
    root = resources.files("spikeproof")
    for room in _ROOMS:
        if (root / room).is_dir():
            _add(total, root / room, room)
    for name in _STUDY:
        _add(total, root / "study" / name, f"study/{name}")
    return total.hexdigest()


def _add(total: hashlib._Hash, place: Traversable, name: str) -> None:
    """Add a file, or every file below a folder, in the order of the names."""
    if place.is_dir():
        for part in sorted(place.iterdir(), key=lambda part: part.name):
            if part.name != "__pycache__":
                _add(total, part, f"{name}/{part.name}")
    elif name.endswith((".py", ".json")):
        content = place.read_bytes()
        total.update(f"{name}\0".encode())
        total.update(_meaning(content) if name.endswith(".py") else content)


def _meaning(source: bytes) -> bytes:
    """The syntax tree of a file without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree).encode()


def versions() -> dict[str, str]:
    """Versions of what computes: this package, torch, numpy, and Python's minor version."""
    package = sys.modules[__name__.split(".")[0]]
    return {
        "numpy": np.__version__,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "spikeproof": str(package.__version__),
        "torch": str(torch.__version__),
    }
