"""Signs of gradient masking from probes and matrices known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from spikeproof.analysis import MatrixCell, masking_signs
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
        "attacks weaker than noise in 2 % of the cases",
    ]
    assert found[1].raised == []


@pytest.mark.parametrize(("blind", "raised"), [(2, 0), (3, 1)])
def test_a_sign_counts_above_one_in_a_hundred(blind: int, raised: int) -> None:
    probe = {"g_l2": np.where(np.arange(200) < blind, 0.0, 1.0)}
    (found,) = masking_signs("digits", {"SR": probe}, [])
    assert len(found.raised) == raised
