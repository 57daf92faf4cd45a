"""Verdicts on run folders made so that the answer to each claim is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis.claims import SEVEN, Verdict, verdicts
from spikeproof.analysis.results import results
from spikeproof.analysis.rows import plain
from support import made_run

N, SEEDS, DRAWS = 200, (0, 1), 200
PREDICTION, BEATS, LINF, NOISE, BOUND, HELPS, EVERYWHERE = SEVEN
NORMS = ("linf", "l2", "l1", "l0")
RADII = {"linf": (0.05, 0.1, 0.2), "l2": (0.4, 0.8, 1.6), "l1": (2, 4, 8), "l0": (2, 4, 8)}


def kept(*shares: float) -> Any:
    """Broken flags at each radius: all but the first ``share`` of the items."""
    return [np.arange(N) >= share * N for share in shares]


def attacked(made: Any, data: str, training: str, middle: dict[str, float], **arrays: Any) -> None:
    """Attack cells of every norm with the given robust accuracy at the middle radius."""
    for seed in SEEDS:
        for norm, share in middle.items():
            broken = kept(min(1.0, share + 0.2), share, max(0.0, share - 0.2))
            made.attack(data, training, seed, norm, RADII[norm], [True] * N, broken, **arrays)


def probed(made: Any, data: str, training: str, items: int = 100, **factors: float) -> None:
    """A probe in perfect agreement with first-order theory, but for the given factors."""
    n = 64
    for seed in SEEDS:
        draws = np.random.default_rng(seed)
        # Gradients of n entries of which few are not zero, all of one size.
        few = draws.integers(5, n, items).astype(float)
        size = draws.uniform(0.5, 1.5, items)
        arrays = {"g_l0": few, "g_pr": few, "g_l1": few * size}
        arrays |= {"g_l2": np.sqrt(few) * size, "g_linf": size}
        theory = {"linf": 3 * few, "l2": np.full(items, n + 2.0), "l1": (n + 1) * (n + 2) / 2 / few}
        dual = {"linf": "g_l1", "l2": "g_l2", "l1": "g_linf"}
        for norm, ratio in theory.items():
            worst = (RADII[norm][1] * arrays[dual[norm]]) ** 2
            random = worst / ratio * factors.get(f"random_{norm}", 1.0)
            worst = worst * factors.get(f"worst_{norm}", 1.0)
            arrays |= {f"rho_random_{norm}": random, f"rho_random_se_{norm}": 0.05 * random}
            arrays |= {f"rho_adv_{norm}": worst, f"ratio_{norm}": worst / random}
            arrays |= {f"theory_{norm}": ratio}
            arrays |= {f"lower_{norm}": ratio * 0.5, f"upper_{norm}": ratio}
        arrays["upper_linf"] = 3 * few
        made.probe(data, training, seed, {norm: RADII[norm][1] for norm in theory}, arrays)


def base(folder: Path, data: str = "digits") -> Any:
    """A run with an undefended and a sparse-gradient training, still without attacks."""
    made = made_run.MadeRun(folder)
    added(made, data)
    return made


def added(made: Any, data: str) -> None:
    for seed in SEEDS:
        made.train(data, "plain", seed, made_run.PLAIN)
        made.train(data, "SR", seed, made_run.SPARSE)


def judged(made: Any) -> dict[tuple[str, str], Verdict]:
    """Every verdict of a run by claim and data set."""
    rows = verdicts(results(made.plan(("plain", "SR")), draws=DRAWS))
    json.dumps(plain(rows), allow_nan=False)
    return {(row.claim, row.data): row for row in rows}


EVEN = dict.fromkeys(NORMS, 0.5)


def test_a_run_in_agreement_with_theory_supports_the_claims_about_vulnerability(
    tmp_path: Path,
) -> None:
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", items=400)
    found = judged(made)
    for claim in (PREDICTION, BEATS, BOUND):
        assert found[claim, "digits"].verdict == "supported", found[claim, "digits"].explanation
    first = found[PREDICTION, "digits"]
    assert first.estimate is not None
    assert first.estimate.value == pytest.approx(1.0)
    assert "not the definition" in first.explanation
    second = found[BEATS, "digits"].estimate
    assert second is not None
    assert second.value == 1.0
    assert second.low == pytest.approx(400 / (400 + 3.8415), abs=1e-6)  # of 400 items
    parts = {part.name: part for part in found[BOUND, "digits"].parts}
    assert parts["linf: rank correlation with theory"].verdict == "supported"
    assert parts["l2: ratio / (n + 2)"].verdict == "supported"
    assert parts["l1: rank correlation with ‖g‖₀"].estimate.value == pytest.approx(-1.0, abs=1e-3)
    assert parts["l1: rank correlation with ‖g‖₀"].verdict == "supported"


def test_a_vulnerability_far_from_its_prediction_contradicts_it(
    tmp_path: Path,
) -> None:
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", random_l2=5.0)
    row = judged(made)[PREDICTION, "digits"]
    assert row.verdict == "contradicted"
    assert row.estimate.value == pytest.approx(5.0)
    assert [part.verdict for part in row.parts] == ["supported", "contradicted", "supported"]


def test_an_attack_weaker_than_noise_contradicts_attacks_beat_random(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", worst_l2=1e-3)
    row = judged(made)[BEATS, "digits"]
    assert row.verdict == "contradicted"
    assert row.estimate.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("probed_items", "verdict", "detail"),
    [
        (40, "undecided", "n = 40 of the 381 items needed"),
        (380, "undecided", "n = 380 of the 381 items needed"),
        (381, "supported", ""),
    ],
)
def test_a_share_says_how_many_items_it_lacks(
    tmp_path: Path, probed_items: int, verdict: str, detail: str
) -> None:
    """Two networks and three norms on so many items, all of which agree: items alone count."""
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", items=probed_items)
    row = judged(made)[BEATS, "digits"]
    assert (row.verdict, row.detail) == (verdict, detail)
    assert detail in row.explanation


def test_a_gap_beyond_the_bound_contradicts_the_bound(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", worst_linf=1.5)
    assert judged(made)[BOUND, "digits"].verdict == "contradicted"


def test_the_bound_forgives_monte_carlo_noise_of_two_standard_errors(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    probed(made, "digits", "plain", worst_linf=1.09)  # the standard error is 5 %
    assert judged(made)[BOUND, "digits"].verdict == "supported"


def test_linf_destroys_most_is_decided_at_the_standard_radii(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    attacked(made, "digits", "plain", {"linf": 0.3, "l2": 0.5, "l0": 0.6})
    row = judged(made)[LINF, "digits"]
    assert row.verdict == "supported"
    assert row.estimate.value == pytest.approx(20.0)
    names = [part.name for part in row.parts]
    assert names[:2] == ["l2 minus linf at standard radii", "l0 minus linf at standard radii"]
    assert len(names) == 4


def test_linf_destroys_most_is_contradicted_by_one_norm_that_destroys_more(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    attacked(made, "digits", "plain", {"linf": 0.3, "l2": 0.5, "l0": 0.1})
    row = judged(made)[LINF, "digits"]
    assert row.verdict == "contradicted"
    assert row.parts[1].estimate.value == pytest.approx(-20.0)


def test_equal_length_can_turn_the_order_of_standard_radii_around(tmp_path: Path) -> None:
    """l_2 perturbations are half as long at every radius, so at equal length l_2 destroys more."""
    made = base(tmp_path / "run")
    shape = (3, N)
    for seed in SEEDS:
        for norm, long, share in (("linf", 2.0, 0.3), ("l2", 1.0, 0.5), ("l0", 4.0, 0.5)):
            length = long * np.broadcast_to([[0.5], [1.0], [1.5]], shape)
            broken = kept(share + 0.2, share, share - 0.2)
            made.attack(
                "digits", "plain", seed, norm, RADII[norm], [True] * N, broken, length=length
            )
    parts = judged(made)[LINF, "digits"].parts
    assert [part.verdict for part in parts[:2]] == ["supported", "supported"]
    # linf at its middle radius is 2 long but l_2 reaches 1.5 only: there l_2 keeps 30 % and linf
    # lies halfway between 50 % (length 1) and 30 % (length 2).
    assert parts[2].verdict == "contradicted"
    assert parts[2].estimate.value == pytest.approx(30 - 40)
    # l_0 at length 2 is its smallest radius: 70 % against 30 %.
    assert parts[3].estimate.value == pytest.approx(70 - 30)


@pytest.mark.parametrize(
    ("noise", "verdict"), [(0.95, "supported"), (0.30, "contradicted"), (0.60, "undecided")]
)
def test_noise_is_survived_asks_for_ten_points(tmp_path: Path, noise: float, verdict: str) -> None:
    made = base(tmp_path / "run")
    draws = np.random.default_rng(0).random((3, N)) < noise
    attacked(made, "digits", "plain", EVEN, random_correct=draws.astype(float))
    assert judged(made)[NOISE, "digits"].verdict == verdict


def test_the_largest_noise_is_compared_with_the_standard_attack(
    tmp_path: Path,
) -> None:
    made = base(tmp_path / "run")
    shares = np.broadcast_to([[0.0], [0.0], [0.9]], (3, N))
    attacked(made, "digits", "plain", EVEN, random_correct=shares)
    row = judged(made)[NOISE, "digits"]
    assert row.estimate.value == pytest.approx(40.0)


def test_sparse_training_helps_is_the_paired_gain_over_the_norms(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    attacked(made, "digits", "plain", EVEN)
    attacked(made, "digits", "SR", {"linf": 0.8, "l2": 0.6, "l1": 0.6, "l0": 0.4})
    row = judged(made)[HELPS, "digits"]
    assert row.verdict == "supported"
    assert row.estimate.value == pytest.approx(10.0)
    parts = {part.name: part for part in row.parts}
    assert parts["linf"].verdict == "supported"
    assert parts["l0"].verdict == "contradicted"
    assert parts["l0"].estimate.value == pytest.approx(-10.0)
    assert parts["union"].estimate.value == pytest.approx(-10.0)
    assert parts["clean accuracy"].estimate.value == 0.0
    assert parts["clean accuracy"].verdict == "undecided"
    assert "after Holm" in parts["linf"].note


def test_sparse_training_helps_is_contradicted_where_sparse_gradients_hurt(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    attacked(made, "digits", "plain", EVEN)
    attacked(made, "digits", "SR", dict.fromkeys(NORMS, 0.3))
    assert judged(made)[HELPS, "digits"].verdict == "contradicted"


def test_every_modality_needs_image_and_event_data_and_every_data_set(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    attacked(made, "digits", "plain", EVEN)
    attacked(made, "digits", "SR", dict.fromkeys(NORMS, 0.8))
    alone = judged(made)
    assert alone[EVERYWHERE, "digits"].verdict == "supported"
    assert alone[EVERYWHERE, "all"].verdict == "undecided"
    assert "no events data" in alone[EVERYWHERE, "all"].explanation
    added(made, "digits-events")
    attacked(made, "digits-events", "plain", EVEN)
    attacked(made, "digits-events", "SR", dict.fromkeys(NORMS, 0.7))
    both = judged(made)
    assert both[EVERYWHERE, "all"].verdict == "supported"
    assert both[EVERYWHERE, "all"].estimate.value == pytest.approx(20.0)
    added(made, "digits-audio")
    attacked(made, "digits-audio", "plain", EVEN)
    attacked(made, "digits-audio", "SR", dict.fromkeys(NORMS, 0.2))
    three = judged(made)[EVERYWHERE, "all"]
    assert three.verdict == "contradicted"
    assert "digits-audio (audio) contradicted" in three.explanation


def test_every_claim_has_a_verdict_and_a_reason_where_nothing_is_known(tmp_path: Path) -> None:
    found = judged(base(tmp_path / "run"))
    assert [claim for claim, data in found if data == "digits"] == list(SEVEN)
    for row in found.values():
        assert row.verdict == "undecided"
        assert row.estimate is None
        assert row.explanation.startswith("Undecided: ")


def test_a_run_without_an_undefended_training_says_so(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.train("digits", "SR", 0, made_run.SPARSE)
    rows = verdicts(results(made.plan()))
    assert all("cross-entropy alone" in row.explanation for row in rows if row.data == "digits")


def test_items_without_a_gradient_are_left_out_and_counted(tmp_path: Path) -> None:
    made = base(tmp_path / "run")
    arrays = {"g_l0": [0.0, 4.0], "g_l1": [0.0, 2.0], "g_l2": [0.0, 1.0], "g_linf": [0.0, 0.5]}
    arrays |= {"rho_random_linf": [0.0, 0.01], "rho_random_se_linf": [0.0, 0.001]}
    arrays |= {"rho_adv_linf": [0.1, 0.04], "ratio_linf": [np.inf, 4.0]}
    arrays |= {"theory_linf": [np.nan, 12.0], "upper_linf": [np.nan, 12.0]}
    for seed in SEEDS:
        made.probe("digits", "plain", seed, {"linf": 0.1}, arrays)
    row = judged(made)[BOUND, "digits"]
    assert row.estimate.value == 1.0
    assert "2 items without a gradient left out" in row.explanation
