"""What the tests themselves stand on: a cover leaves no pair out."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from support.contract_cases import CASES, EXAMPLES, THREATS, Case, factors
from support.pairwise import pairs, pairwise


@pytest.mark.parametrize("turn", range(4))
def test_a_cover_has_the_pairs_of_all_cases_and_few_more_cases_than_it_must(turn: int) -> None:
    cases = [case for case in itertools.product("abcde", "fghi", "jkl") if case[:2] != ("a", "f")]
    few = pairwise(cases, tuple, turn)
    assert set(few) <= set(cases) and len(set(few)) == len(few)
    assert pairs(few, tuple) == pairs(cases, tuple)
    assert 19 <= len(few) <= 25  # one for each of the 19 pairs of the two largest factors, at least
    assert few == pairwise(cases, tuple, turn) and few != pairwise(cases, tuple, turn + 1)


def test_a_cover_of_cases_with_one_factor_has_every_value() -> None:
    assert sorted(pairwise(["a", "b", "a", "c"], lambda case: [case], 0)) == ["a", "b", "c"]


@pytest.mark.parametrize("turn", range(4))
def test_attacks_and_threats_all_meet_in_a_third_of_the_cases_with_a_choice(turn: int) -> None:
    few = pairwise(CASES, factors, turn)
    # Where an attack meets a geometry on one kind of data alone, as attacks on the times of events
    # do, that one case is in every cover; the others stand for each other.
    kinds = Counter(factors(case)[:2] for case in CASES)

    def choice(cases: list[Case]) -> list[Case]:
        return [case for case in cases if kinds[factors(case)[:2]] > 1]

    assert len(choice(CASES)) > len(CASES) / 2
    assert len(choice(few)) <= len(choice(CASES)) / 3
    # Each attack meets each geometry that it serves, so no cover is smaller than that.
    assert len(kinds) <= len(few) <= 1.1 * len(kinds)

    def met(cases: list[Case], *which: int) -> set[tuple[str, ...]]:
        return {tuple(factors(case)[i] for i in which) for case in cases}

    for which in ((0, 1), (0, 2), (1, 2)):  # attack and geometry, attack and data, the threats
        assert met(few, *which) == met(CASES, *which)
    assert len(met(few, 0)) == len(EXAMPLES)
    assert {t.name for _, t in few} == {t.name for t in THREATS}
