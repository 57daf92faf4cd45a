"""The surrogate derivatives, each written once.

As it stands every formula computes with torch. Compiled kernels take the same functions and give
their names another meaning (:func:`bind`), so a new surrogate is one function and one entry here.
A formula may use the names below, its arguments, and nothing else: no literal numbers, because a
compiled kernel has to give constants the type of its data. A constant stands behind what it
multiplies, as one of the compilers wants it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from torch import Tensor

__all__ = [
    "CONSTANTS",
    "SHAPES",
    "Formula",
    "arctan",
    "below",
    "bind",
    "exp",
    "exponential",
    "fabs",
    "gaussian",
    "multi_gaussian",
    "rectangle",
    "relu",
    "shifted_gaussian",
    "sigmoid",
    "straight_through",
    "triangle",
]

Formula = Callable[[Any, Any], Any]

ZERO, HALF, ONE = 0.0, 0.5, 1.0
HALF_PI, PEAK = math.pi / 2, 1 / math.sqrt(2 * math.pi)
# The multi-Gaussian's side lobes: height, and width as a multiple of the centre's.
SIDE, WIDE = 0.15, 6.0

CONSTANTS = ("ZERO", "HALF", "ONE", "HALF_PI", "PEAK", "SIDE", "WIDE")


def fabs(x: Any) -> Any:
    """Absolute value."""
    return abs(x)


def relu(x: Tensor) -> Tensor:
    """The positive part."""
    return x.clamp_min(0)


def exp(x: Tensor) -> Tensor:
    """Exponential of a number that is not positive."""
    return x.exp()


def below(x: Tensor, limit: Any) -> Tensor:
    """1 where ``x < limit``, else 0."""
    under: Tensor = x < limit
    return under.to(x.dtype)


def triangle(u: Any, s: Any) -> Any:
    """``s max(0, 1 - s|u|)``."""
    return s * relu(ONE - s * fabs(u))


def rectangle(u: Any, s: Any) -> Any:
    """``s/2`` where ``s|u| < 1``."""
    return HALF * s * below(s * fabs(u), ONE)


def sigmoid(u: Any, s: Any) -> Any:
    """``s σ(su) (1 - σ(su))``, from the side where the exponential is small."""
    e = exp(-(s * fabs(u)))
    return s * e / ((ONE + e) * (ONE + e))


def arctan(u: Any, s: Any) -> Any:
    """``(s/2) / (1 + (π s u / 2)²)``."""
    z = HALF_PI * s * u
    return HALF * s / (ONE + z * z)


def gaussian(u: Any, s: Any) -> Any:
    """``s φ(su)`` with the standard normal density φ."""
    z = s * u
    return s * exp(-(z * z * HALF)) * PEAK


def shifted_gaussian(u: Any, s: Any) -> Any:
    """``s φ(su - 1/2)``: the peak half a width above the threshold."""
    z = s * u - HALF
    return s * exp(-(z * z * HALF)) * PEAK


def exponential(u: Any, s: Any) -> Any:
    """``(s/2) exp(-s|u|)``."""
    return HALF * s * exp(-(s * fabs(u)))


def straight_through(u: Any, s: Any) -> Any:
    """1 everywhere, whatever the sharpness."""
    return ONE + ZERO * (s * u)


def multi_gaussian(u: Any, s: Any) -> Any:
    """``(1+h) s φ(su) - h (s/w) (φ((su-1)/w) + φ((su+1)/w))`` with h = .15, w = 6."""
    z, side = s * u, s / WIDE
    left, right = (z + ONE) / WIDE, (z - ONE) / WIDE
    lobes = exp(-(left * left * HALF)) + exp(-(right * right * HALF))
    return (s * exp(-(z * z * HALF)) * (ONE + SIDE) - side * lobes * SIDE) * PEAK


SHAPES: Mapping[str, Formula] = {
    "arctan": arctan,
    "exponential": exponential,
    "gaussian": gaussian,
    "multi-gaussian": multi_gaussian,
    "rectangle": rectangle,
    "shifted-gaussian": shifted_gaussian,
    "sigmoid": sigmoid,
    "straight-through": straight_through,
    "triangle": triangle,
}


def bind(formula: Formula, names: Mapping[str, Any]) -> FunctionType:
    """The same formula with another meaning of its names.

    Args:
        formula: One of ``SHAPES``.
        names: What ``fabs``, ``relu``, ``exp``, ``below`` and the constants stand for.
    Returns:
        A plain function, not compiled yet.
    """
    # A function is code, which holds the names it uses, and a dictionary in which they are looked
    # up. The same code with another dictionary is another function:
    #
    #   triangle.__code__ :  s * relu(ONE - s * fabs(u))
    #      ├ the names of this module    relu = clamp_min of torch      ->  whole tensors
    #      ├ names that numba knows      relu = x if x > 0 else 0       ->  a loop over floats
    #      └ names that triton knows     relu = maximum of a block      ->  a GPU kernel
    #
    # So every formula is written once, and no source text is generated or parsed.
    assert isinstance(formula, FunctionType)
    meaning = {"__builtins__": __builtins__, "__name__": __name__, **names}
    return FunctionType(formula.__code__, meaning, formula.__name__)
