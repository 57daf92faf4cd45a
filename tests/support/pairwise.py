"""A few cases in place of all: every two things that ever meet still meet.

Most mistakes need one thing to show, or two that meet (an attack and a kind of data, say). A
promise that does not hang on how three things meet is tried on such a cover; what must hold in
every case, as legality must, is tried on all of them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")
Factors = Callable[[T], Sequence[Hashable]]


def pairs(cases: Sequence[T], factors: Factors[T]) -> set[Hashable]:
    """Every two values of two factors that meet in some case."""
    return {pair for case in cases for pair in _met(factors(case))}


def pairwise(cases: Sequence[T], factors: Factors[T], turn: int) -> list[T]:
    """Few cases with the pairs of all; another ``turn`` tends to choose others.

    Greedy: the case that brings most of what is missing comes next. A case of one factor is its
    own pair, so every value is met.
    """
    shuffled = random.Random(turn).sample(range(len(cases)), len(cases))
    met = {i: set(_met(factors(cases[i]))) for i in shuffled}
    missing: set[Hashable] = set().union(*met.values())
    chosen = []
    while missing:
        chosen.append(max(shuffled, key=lambda i: len(met[i] & missing)))
        missing -= met[chosen[-1]]
    return [cases[i] for i in sorted(chosen)]


def _met(values: Sequence[Hashable]) -> list[Hashable]:
    """The pairs of one case, each value with the number of its factor."""
    numbered = list(enumerate(values))
    return list(itertools.combinations(numbered, 2)) if len(numbered) > 1 else list(numbered)
