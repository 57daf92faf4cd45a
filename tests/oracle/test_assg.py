"""ASSG: moments followed by hand from question to question, item by item."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from spikeproof.base import SettingError
from spikeproof.oracle import ASSG, Expectation, Oracle, gradient_from, gradient_record
from support.traces import ABOVE, CURRENTS, One, unrolled, weighted


def arctan(u: float, alpha: float) -> float:
    return (alpha / 2) / (1 + (math.pi / 2 * alpha * u) ** 2)


def adapted(questions: int, a: float, memory: float = 0.9, relax: float = 1.5) -> list[float]:
    """Sharpness per step after so many questions at the same point."""
    found = []
    for u in ABOVE:
        mean, deviation = 1.0, 0.0
        for _ in range(questions):
            mean = memory * mean + (1 - memory) * abs(u)
            deviation = memory * deviation + (1 - memory) * abs(abs(u) - mean)
        found.append(a / (mean + relax * deviation + 1e-4))
    return found


def test_assg_follows_its_moments_from_question_to_question() -> None:
    a = 2 * math.tan(math.pi * 0.425) / math.pi
    with Oracle(One(), gradient=ASSG()) as oracle:
        for question in (1, 2, 3):
            oracle.logits(CURRENTS)  # looking moves nothing
            grad = oracle.logits_and_grad(CURRENTS, weighted)[1][0].tolist()
            slopes = [arctan(u, s) for u, s in zip(ABOVE, adapted(question, a), strict=True)]
            assert grad == pytest.approx(unrolled(slopes))


@pytest.mark.parametrize(
    ("shape", "derivative"),
    [
        ("rectangle", lambda u, s: s / 2 if abs(u) < 1 / s else 0.0),
        ("triangle", lambda u, s: s * max(0.0, 1 - s * abs(u))),
        ("sigmoid", lambda u, s: s * math.exp(-s * u) / (1 + math.exp(-s * u)) ** 2),
        ("gaussian", lambda u, s: s / math.sqrt(2 * math.pi) * math.exp(-((s * u) ** 2) / 2)),
    ],
)
def test_assg_has_five_shapes(shape: str, derivative: Callable[[float, float], float]) -> None:
    gradient = ASSG(shape=shape, memory=0.5, relax=0.5)
    with Oracle(One(), gradient=gradient) as oracle:
        oracle.logits_and_grad(CURRENTS, weighted)
        grad = oracle.logits_and_grad(CURRENTS, weighted)[1][0].tolist()
    sharpness = adapted(2, 0.8, memory=0.5, relax=0.5)
    slopes = [derivative(u, s) for u, s in zip(ABOVE, sharpness, strict=True)]
    assert grad == pytest.approx(unrolled(slopes))


def test_assg_forgets_when_the_oracle_is_opened_again() -> None:
    oracle = Oracle(One(), gradient=ASSG())
    with oracle:
        first = oracle.logits_and_grad(CURRENTS, weighted)[1]
        assert not torch.equal(oracle.logits_and_grad(CURRENTS, weighted)[1], first)
    with oracle:
        assert torch.equal(oracle.logits_and_grad(CURRENTS, weighted)[1], first)


def test_assg_keeps_the_moments_of_items_that_were_dropped() -> None:
    x = torch.tensor([[0.75, 0.5, 1.0], [0.1, 0.2, 0.3], [1.0, 1.0, 0.1]], dtype=torch.float64)
    asked = [[0, 1, 2], [2, 0], [2], [1, 2]]
    with Oracle(One(), gradient=ASSG()) as oracle:
        found = []
        for who in asked:
            rows = torch.tensor(who)
            found.append(
                dict(zip(who, oracle.logits_and_grad(x[rows], weighted, rows)[1], strict=True))
            )
    for item in range(3):
        with Oracle(One(), gradient=ASSG()) as oracle:
            for each in found:
                if item in each:
                    alone = oracle.logits_and_grad(x[item : item + 1], weighted)[1][0]
                    assert torch.equal(each[item], alone)


def test_under_an_average_only_the_first_sample_moves_the_moments() -> None:
    with (
        Oracle(One(), gradient=ASSG()) as one,
        Oracle(One(), gradient=Expectation(samples=3, gradient=ASSG())) as several,
    ):
        for _ in range(3):
            single = one.logits_and_grad(CURRENTS, weighted)[1]
            assert torch.equal(single, several.logits_and_grad(CURRENTS, weighted)[1])


@pytest.mark.parametrize("warm", [1, 4, 20])
def test_a_warm_start_is_as_if_the_first_point_had_been_asked_about_before(warm: int) -> None:
    a = 2 * math.tan(math.pi * 0.455) / math.pi
    with Oracle(One(), gradient=ASSG(vanishing=0.455, warm=warm)) as oracle:
        for question in (1, 2, 3):
            grad = oracle.logits_and_grad(CURRENTS, weighted)[1][0].tolist()
            sharpness = adapted(warm + question, a)
            slopes = [arctan(u, s) for u, s in zip(ABOVE, sharpness, strict=True)]
            assert grad == pytest.approx(unrolled(slopes))


def test_every_item_is_warmed_at_its_own_first_point() -> None:
    x = torch.tensor([[0.75, 0.5, 1.0], [0.1, 0.2, 0.3], [1.0, 1.0, 0.1]], dtype=torch.float64)
    gradient, found = ASSG(warm=3), []
    with Oracle(One(), gradient=gradient) as oracle:
        for who in ([2], [0, 2], [1, 0], [2, 1, 0]):
            rows = torch.tensor(who)
            grads = oracle.logits_and_grad(x[rows] + 0.01 * len(found), weighted, rows)[1]
            found.append(dict(zip(who, grads, strict=True)))
    for item in range(3):
        with Oracle(One(), gradient=gradient) as oracle:
            for number, each in enumerate(found):
                if item in each:
                    point = x[item : item + 1] + 0.01 * number
                    assert torch.equal(each[item], oracle.logits_and_grad(point, weighted)[1][0])


def arctan_reach(half: float) -> float:
    """The sharpness at which ``2 half`` of the arctan's area lies within 1, by bisection.

    That area is the integral of the derivative, here by the midpoint rule.
    """
    n, low, high = 2000, 0.1, 100.0
    for _ in range(60):
        a = (low + high) / 2
        area = sum(2 / n * arctan((i + 0.5) / n, a) for i in range(n))
        low, high = (a, high) if area < 2 * half else (low, a)
    return low


@pytest.mark.parametrize(
    ("gradient", "bound", "name"),
    [
        (ASSG(), arctan_reach(0.425), "assg-arctan"),
        (ASSG(vanishing=0.41), arctan_reach(0.41), "assg-arctan-0.41"),
        (ASSG(vanishing=0.455), arctan_reach(0.455), "assg-arctan-0.455"),
        (ASSG(vanishing=0.485, warm=5), arctan_reach(0.485), "assg-arctan-0.485-warm-5"),
        (ASSG(shape="triangle"), 0.8, "assg-triangle"),
        (ASSG(shape="triangle", reach=1.5), 1.5, "assg-triangle-reach-1.5"),
    ],
)
def test_a_vanishing_degree_is_a_reach_and_the_name_says_what_is_not_usual(
    gradient: ASSG, bound: float, name: str
) -> None:
    assert gradient.bound == pytest.approx(bound, rel=1e-4) and gradient.name == name


def test_records_hold_the_younger_settings_where_they_say_something() -> None:
    assert set(gradient_record(ASSG()) or {}) == {"kind", "shape", "reach", "memory", "relax"}
    warm = gradient_record(ASSG(warm=2)) or {}
    assert warm["warm"] == 2 and "vanishing" not in warm
    assert gradient_from({"kind": "assg", "vanishing": 0.455}) == ASSG(vanishing=0.455)


@pytest.mark.parametrize(
    "wrong",
    [
        {"vanishing": 0.5},
        {"vanishing": 0.0},
        {"vanishing": 0.4, "reach": 1.0},
        {"vanishing": 0.4, "shape": "triangle"},
        {"warm": -1},
    ],
)
def test_settings_of_reach_and_warm_start_that_make_no_sense_are_refused(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(SettingError):
        ASSG(**wrong)
