"""Signs of gradient masking from probes and matrices known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.analysis import (
    LARGEST_LEFT,
    MaskingSigns,
    MatrixCell,
    MemberUse,
    SuiteUse,
    masking_checks,
    masking_signs,
)
from spikeproof.metrics import Estimate


def cell(training: str, threat: str, level: int, value: float) -> MatrixCell:
    return MatrixCell(
        data="digits", training=training, threat=threat, radius=None, level=level,
        estimate=Estimate(value, 0.0, 1.0, 10, 2),
    )  # fmt: skip


def test_shares_are_those_of_the_probe_and_of_the_largest_radius() -> None:
    g = np.where(np.arange(200) < 3, 0.0, 1.0)
    random, attack = np.full(200, 0.1), np.where(np.arange(200) < 10, 0.05, 0.2)
    probe = {"g_l2": g, "rho_random_linf": random, "rho_adv_linf": attack}
    probe |= {"rho_random_l2": random, "rho_adv_l2": random}
    matrix = [cell("SR", "union", level, value) for level, value in ((2, 0.1), (0, 0.7), (1, 0.4))]
    matrix += [cell("SR", "linf", 3, 0.9)]
    found = masking_signs("digits", {"SR": probe, "plain": {}}, matrix)
    assert [row.training for row in found] == ["SR", "plain"]
    assert (found[0].flat, found[0].weaker, found[0].left) == (0.015, 10 / 400, 0.1)
    assert (found[1].flat, found[1].weaker, found[1].left) == (None, None, None)
    assert found[0].raised == [
        "2 % of the items without any gradient",
        "attacks weaker than random changes in 2 % of the cases",
    ]
    assert found[1].raised == []


@pytest.mark.parametrize(("blind", "raised"), [(2, 0), (3, 1)])
def test_a_sign_counts_above_one_in_a_hundred(blind: int, raised: int) -> None:
    probe = {"g_l2": np.where(np.arange(200) < blind, 0.0, 1.0)}
    (found,) = masking_signs("digits", {"SR": probe}, [])
    assert len(found.raised) == raised


def test_a_curve_that_ends_high_is_told_with_what_is_left() -> None:
    matrix = [cell("SR", "linf", 0, 0.9), cell("SR", "linf", 1, 0.425)]
    matrix += [cell("SR", "l2", 0, 0.6), cell("SR", "l2", 1, LARGEST_LEFT)]
    (row,) = masking_signs("digits", {"SR": {}}, matrix)
    assert [(one.threat, one.left.value) for one in row.standing] == [("linf", 0.425)]
    assert row.curves == 2
    (alone,) = masking_signs("digits", {"SR": {}}, [cell("SR", "linf", 0, 0.9)])
    assert (alone.curves, alone.standing) == (0, ())


def use(name: str, *, forward: int = 10, backward: int = 10) -> MemberUse:
    return MemberUse(name=name, record={}, tried=5, broke=2, forward=forward, backward=backward)


def suite(*members: MemberUse) -> SuiteUse:
    return SuiteUse(name="core", members=members, items=5, forward=10, backward=10)


def test_checks_that_were_not_made_are_named() -> None:
    signs = [MaskingSigns(data="d", training="t", flat=0.0, weaker=0.0, left=0.0, probed=3)]
    found = masking_checks(signs, [suite(use("pgd own margin"))], diagnosed=False)
    assert found.made == (
        "whether input gradients of probed items are exactly zero (3 items)",
        "whether attacks move the answer further than random changes (3 items)",
    )
    assert "attacks without gradients (none in the suite core)" in found.lacking
    assert found.lacking[-1] == "an attack made for the training at hand"


def test_attacks_without_gradients_are_a_check_where_they_attacked() -> None:
    square = use("square own margin", backward=0)
    found = masking_checks([], [suite(use("pgd own margin"), square)], diagnosed=True)
    assert "attacks without gradients (square; they broke 2 items)" in found.made
    assert not any(told.startswith("attacks without") for told in found.lacking)
    idle = use("square own margin", forward=0, backward=0)
    found = masking_checks([], [suite(use("pgd own margin"), idle)], diagnosed=True)
    assert any(told.startswith("attacks without") for told in found.lacking)
