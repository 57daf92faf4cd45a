"""Tables, curves and transfer from run folders whose numbers are known by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis.results import Results, results
from spikeproof.analysis.tables import Table, align
from spikeproof.base import SettingError, digest
from spikeproof.metrics import wilson
from support import made_run
from support.resealed import reseal

T, F = True, False
Made = Callable[[Path], Any]


@pytest.fixture
def run(tmp_path: Path, four_items: Made) -> Results:
    return results(four_items(tmp_path / "run").plan(("plain", "SR", "AT")))


def test_means_and_paired_differences_are_the_counted_ones(run: Results) -> None:
    def eighths(table: Table | None) -> float:
        found = run.share(table)
        assert found is not None
        return 8 * found.value

    # plain at linf .2: items 2 and 3, of which seed 0 has item 3 wrong; at l2 2: 0, 1 and 3.
    assert eighths(run.right_when_clean("digits", "plain")) == 7
    assert eighths(run.survival("digits", "plain", "linf")) == 3
    assert eighths(run.survival("digits", "plain", "l2")) == 5
    assert eighths(run.survival("digits", "plain", "linf", "l2")) == 1
    pair = [run.survival("digits", training, "linf") for training in ("SR", "plain")]
    gap = run.difference(*pair)
    assert gap is not None
    assert gap.value == 2 / 8  # items 1 and, under seed 1, no other: 2 + 3 of 8 against 1 + 2
    assert gap.low <= gap.value <= gap.high
    assert gap.over == "items"  # two networks


def test_what_was_not_measured_has_no_mean_and_no_difference(run: Results) -> None:
    absent = [
        run.survival("digits", "AT", "l2"),
        run.survival("digits", "AT", "linf", "l2"),
        run.survival("digits", "plain", "l1"),
        run.right_under_timing("digits", "plain", "jitter 1"),
        run.probed("digits", "plain", "g_l1"),
    ]
    assert absent == [None] * 5
    assert run.mean(None) is None
    assert run.difference(None, run.survival("digits", "plain", "l2")) is None


def test_names_come_in_the_order_of_the_plan(run: Results) -> None:
    assert run.data() == ["digits"]
    assert run.trainings("digits") == ["plain", "SR", "AT"]
    assert run.threats("digits") == ["linf", "l2"]
    assert run.seeds() == [0, 1]
    with pytest.raises(SettingError, match="digits"):
        run.trainings("digit")


def test_the_kinds_of_training_are_read_from_their_objectives(run: Results) -> None:
    assert run.undefended("digits") == "plain"
    assert run.sparse("digits") == ["SR"]
    assert run.dedicated("digits", "linf") == "AT"
    assert run.dedicated("digits", "l2") is None


def test_a_sparse_adversarial_training_is_neither_dedicated_nor_sparse_alone(
    tmp_path: Path, four_items: Made
) -> None:
    made = four_items(tmp_path / "run")
    made.train("digits", "SR+AT", 0, made_run.against("linf", sparse=True))
    run = results(made.plan(("SR+AT", "plain", "SR", "AT")))
    assert run.dedicated("digits", "linf") == "AT"
    assert run.sparse("digits") == ["SR"]
    assert run.kind("digits", "SR+AT").against == "linf"


def test_the_clean_accuracy_is_the_mean_over_seeds_and_items(run: Results) -> None:
    clean = run.clean("digits", "plain")
    assert clean is not None
    assert clean.value == 7 / 8
    assert (clean.n, clean.seeds) == (4, 2)
    assert clean.low <= 7 / 8 <= clean.high


def test_the_matrix_holds_the_shares_by_hand(run: Results) -> None:
    rows = {(r.training, r.threat, r.level): r for r in run.matrix("digits")}
    by_hand = {
        ("plain", "linf"): (5, 3, 0),
        ("plain", "l2"): (7, 5, 0),
        ("SR", "linf"): (7, 5, 3),
        ("SR", "l2"): (7, 7, 7),
        ("AT", "linf"): (7, 7, 7),
        ("SR", "union"): (7, 5, 3),
        ("plain", "union"): (5, 1, 0),
    }
    found = {(t, q): tuple(8 * rows[t, q, i].estimate.value for i in range(3)) for t, q in by_hand}
    assert found == by_hand
    assert rows["plain", "linf", 1].radius == 0.2
    assert rows["plain", "union", 1].radius is None
    assert rows["plain", "union", 1].members == ("linf", "l2")
    assert ("AT", "union", 0) not in rows, "a union needs every threat of the data set"
    assert len(rows) == 3 * len(by_hand)


def test_the_union_is_below_both_of_its_threats_where_they_break_other_items(run: Results) -> None:
    middle = {
        r.threat: r.estimate.value
        for r in run.matrix("digits")
        if r.training == "plain" and r.level == 1
    }
    assert middle["union"] < min(middle["linf"], middle["l2"])


def test_a_curve_starts_clean_and_its_area_is_that_of_the_trapezoids(run: Results) -> None:
    curve = run.curve("digits", "plain", "linf")
    assert curve is not None
    assert curve.radii == (0.0, 0.1, 0.2, 0.4)
    assert curve.accuracy == (7 / 8, 5 / 8, 3 / 8, 0.0)
    assert curve.random_accuracy == (7 / 8,) * 4
    by_hand = (0.1 * (7 + 5) / 2 + 0.1 * (5 + 3) / 2 + 0.2 * (3 + 0) / 2) / 8 / 0.4
    assert curve.area.value == pytest.approx(by_hand)
    # None of four items survived: Wilson's interval of 0 of 4, with two networks as with one.
    assert (curve.low[3], curve.high[3]) == pytest.approx(wilson(0, 4))
    assert run.curve("digits", "AT", "l2") is None


def test_transfer_is_the_share_of_the_dedicated_gain_or_says_why_not(tmp_path: Path) -> None:
    made, n = made_run.MadeRun(tmp_path / "run"), 100
    kept = {"plain": 20, "SR": 50, "AT": 80}
    for training, objective in zip(
        kept, (made_run.PLAIN, made_run.SPARSE, made_run.against("linf")), strict=True
    ):
        made.train("digits", training, 0, objective)
        broken = np.arange(n) >= kept[training]
        for threat in ("linf", "l2"):
            made.attack("digits", training, 0, threat, (0.1, 0.2, 0.3), [T] * n, [broken] * 3)
    run = results(made.plan())
    rows = {(row.training, row.threat): row for row in run.transfer("digits")}
    assert set(rows) == {(t, q) for t in ("SR", "AT") for q in ("linf", "l2")}
    row = rows["SR", "linf"]
    assert row.defined
    assert row.tau == pytest.approx(0.5)
    assert row.low < 0.5 < row.high
    assert (row.radius, row.dedicated) == (0.2, "AT")
    own = rows["AT", "linf"]
    assert (own.low, own.tau, own.high) == (1.0, 1.0, 1.0)
    assert not rows["SR", "l2"].defined
    assert "dedicated to l2" in rows["SR", "l2"].reason
    competing = {row.training: row for row in run.competing("digits")}
    assert competing["SR"].average == pytest.approx(50 / 80)
    assert competing["plain"].worst == pytest.approx(20 / 80)
    assert competing["AT"].threats == ("linf",)


def test_seeds_and_items_that_are_not_shared_are_left_out_of_a_comparison(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.train("digits", "plain", 0, made_run.PLAIN)
    made.train("digits", "AT", 0, made_run.against("linf"))
    shape = ((0.1,), [T, T, T])
    made.attack("digits", "plain", 0, "linf", *shape, [[T, T, F]], items=[5, 3, 9])
    made.attack("digits", "plain", 1, "linf", *shape, [[T, T, T]], items=[3, 5, 9])
    made.attack("digits", "AT", 0, "linf", *shape, [[F, F, F]], items=[3, 5, 7])
    run = results(made.plan())
    plain, other = (run.table("digits", t, "linf") for t in ("plain", "AT"))
    assert plain is not None
    assert other is not None
    assert plain.items.tolist() == [3, 5, 9]
    assert plain.values["alive"][:, 0].tolist() == [[0, 0, 1], [0, 0, 0]]
    aligned = align(plain, other)
    assert aligned is not None
    assert [table.seeds for table in aligned] == [(0,), (0,)]
    assert [table.items.tolist() for table in aligned] == [[3, 5], [3, 5]]


def test_probes_activity_and_gallery_come_with_their_origin(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.train("digits", "plain", 0, made_run.PLAIN)
    for seed in (1, 0):
        rates = {"hidden": {"rate": 0.1 + 0.2 * seed, "dead": 0.5 * seed, "saturated": 0.0}}
        arrays = {"g_l2": [1.0 + seed, 2.0 + seed], "rho_random_linf": [0.1, 0.2]}
        made.probe("digits", "plain", seed, {"linf": 0.1}, arrays, rates)
    found = {"margin": [[0.5, -0.7]], "distance": [[0.09, 0.0]], "member": [[0, -1]]}
    place = made.attack("digits", "plain", 0, "linf", (0.1,), [T, T], [[T, F]], **found)
    pictures = {"x": np.zeros((1, 1, 2, 2)), "x_adv": np.ones((1, 1, 2, 2)), "y": np.array([0])}
    np.savez(place / "gallery.npz", **pictures, predicted=[3], predicted_adv=[5], radius=0.1)
    made.plan()
    reseal(made.folder)
    run = results(made.folder)
    probes = run.probes("digits", "plain")
    assert probes["g_l2"].tolist() == [1.0, 2.0, 2.0, 3.0]
    assert probes["seed"].tolist() == [0, 0, 1, 1]
    assert probes["item"].tolist() == [0, 1, 0, 1]
    assert run.probe_radii("digits", "plain") == {"linf": 0.1}
    (layer,) = run.activity("digits", "plain")
    assert (layer.layer, layer.rate, layer.dead, layer.seeds) == (
        "hidden",
        pytest.approx(0.2),
        0.25,
        2,
    )
    (shown,) = run.gallery("digits")
    assert (shown.item, shown.seed, shown.y, shown.x.shape) == (0, 0, 0, (1, 2, 2))
    example = shown.under("plain", "linf")
    assert example is not None
    assert (example.outcome, example.radius, example.distance) == ("broken", 0.1, 0.09)
    assert (example.lead, example.clean_lead, example.predicted_adv) == (0.5, -1.0, 5)
    assert example.x_adv is not None
    assert shown.under("plain", "l2") is None
    assert run.probes("digits", "plain").keys() >= {"rho_random_linf"}


def test_provenance_counts_cells_adds_time_and_names_versions(run: Results) -> None:
    told = run.provenance()
    assert told["cells"] == {"complete": 16, "total": 16}
    assert told["wall_seconds"] == 16 * 1.5
    assert told["versions"] == [{"torch": "2.13"}]
    assert told["code_sha256"] == ["co"]
    assert told["data_sha256"] == {"digits": ["da"]}
    assert told["plan_sha256"] == digest(run.plan)
    assert len(told["models"]) == 6


def test_everything_is_plain_json_and_the_same_on_every_call(run: Results) -> None:
    text = json.dumps(run.to_dict(), allow_nan=False, sort_keys=True)
    again = json.dumps(results(run.folder).to_dict(), allow_nan=False, sort_keys=True)
    assert text == again
    rows = json.loads(text)["data"]["digits"]["matrix"]
    assert len(rows) == len(run.matrix("digits"))


def test_an_incomplete_run_says_what_it_has(tmp_path: Path) -> None:
    made = made_run.MadeRun(tmp_path / "run")
    made.train("digits", "plain", 0, made_run.PLAIN)
    (made.folder / "cells" / "half").mkdir()
    run = results(made.plan())
    assert run.trainings("digits") == ["plain"]
    assert run.threats("digits") == []
    assert run.clean("digits", "plain") is None
    assert run.matrix("digits") == []
    assert run.probes("digits", "plain") == {}
    empty = results(made_run.MadeRun(tmp_path / "empty").plan())
    assert empty.data() == []
    assert empty.to_dict()["provenance"]["cells"]["complete"] == 0


def test_cells_of_an_earlier_plan_are_not_mixed_in(tmp_path: Path, four_items: Made) -> None:
    made = four_items(tmp_path / "run")
    run = results(made.plan(("plain", "SR", "AT"), cells=made.ids[:5]))
    assert len(run.cells) == 5
