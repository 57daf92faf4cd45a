"""Give the loops of ``loops.py`` their types and their surrogate, and compile them with numba."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numba
import numpy as np
import torch

from spikeproof.neurons import formulas
from spikeproof.neurons.kernels import loops

__all__ = ["backward", "forward", "look", "move"]

_NUMBERS = ("ZERO", "ONE", "LOW", "SHIFT", "LOG2_E", "LARGE", "SMALL", *(f"C{i}" for i in range(6)))
_njit: Any = functools.partial(numba.njit, nogil=True, error_model="numpy")


def _positive(x):  # type: ignore[no-untyped-def]
    return x if x > ZERO else ZERO  # type: ignore[name-defined]  # noqa: F821


def _below(x, limit):  # type: ignore[no-untyped-def]
    return ONE if x < limit else ZERO  # type: ignore[name-defined]  # noqa: F821


def _inner(function: Callable[..., Any], names: Mapping[str, Any]) -> Any:
    """A function that compiled code calls; it becomes part of its callers."""
    assert isinstance(function, FunctionType)
    meaning = {"np": np, "math": math, "__builtins__": __builtins__, **names}
    return _njit()(FunctionType(function.__code__, meaning, function.__name__))


def _outer(function: Callable[..., Any], names: Mapping[str, Any], title: str) -> Any:
    """A compiled loop that numba keeps on disk, under a name that says all that went into it.

    The name is needed: numba's cache looks at the file of the loop alone, not at the formula.
    """
    assert isinstance(function, FunctionType)
    meaning = {"np": np, "__builtins__": __builtins__, **names}
    built = FunctionType(function.__code__, meaning, function.__name__)
    built.__qualname__ = f"{function.__name__}_{title}"
    built.__module__ = __name__
    return _njit(cache=True)(built)


def _exact(x):  # type: ignore[no-untyped-def]
    return math.exp(x)


@functools.cache
def _names(dtype: torch.dtype) -> dict[str, Any]:
    """Typed constants, and the operations that formulas use."""
    kind: Any = np.float32 if dtype == torch.float32 else np.float64
    names = {name: kind(getattr(loops, name)) for name in _NUMBERS}
    names |= {name: kind(getattr(formulas, name)) for name in formulas.CONSTANTS}
    names["BLOCK"] = loops.BLOCK
    names["exp"] = _inner(loops.exponential if kind is np.float32 else _exact, names)
    names["relu"], names["below"] = _inner(_positive, names), _inner(_below, names)
    names["fabs"] = abs
    return names | {part.__name__: _inner(part, names) for part in loops.PARTS}


@functools.cache
def forward(dtype: torch.dtype) -> Callable[..., bool]:
    """The compiled ``loops.forward`` for float32 or float64."""
    built: Callable[..., bool] = _outer(loops.forward, _names(dtype), str(dtype).split(".")[1])
    return built


@functools.cache
def look(dtype: torch.dtype) -> Callable[..., bool]:
    """The compiled ``loops.look`` for float32 or float64."""
    built: Callable[..., bool] = _outer(loops.look, _names(dtype), str(dtype).split(".")[1])
    return built


@functools.cache
def move(dtype: torch.dtype) -> Callable[..., None]:
    """The compiled ``loops.move`` for float32 or float64."""
    built: Callable[..., None] = _outer(loops.move, _names(dtype), str(dtype).split(".")[1])
    return built


@functools.cache
def backward(dtype: torch.dtype, shape: str) -> Callable[..., None]:
    """The compiled ``loops.backward`` for one type and one shape of surrogate."""
    names, formula = _names(dtype), formulas.SHAPES[shape]
    assert isinstance(formula, FunctionType)
    parts = (formula, loops.exponential, _positive, _below, *loops.PARTS)
    codes = [part.__code__ for part in parts if isinstance(part, FunctionType)]
    text = repr([(code.co_code, code.co_consts, code.co_names) for code in codes])
    text += repr(sorted((k, repr(v)) for k, v in names.items() if isinstance(v, np.generic)))
    title = f"{shape}_{str(dtype).split('.')[1]}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    slope = _inner(formula, names)
    built: Callable[..., None] = _outer(
        loops.backward, {**names, "slope": slope}, title.replace("-", "_")
    )
    return built
