"""Verdicts on claims about modalities, on cells worked out by hand; the page is current."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from research import PLANS
from research.modalities import flips, fusion, members, retiming, sponge, timestamps
from research.modalities.cells import packed, read, table, unpacked, verdict
from research.modalities.networks import trained
from research.modalities.record import CLAIMS, content
from research.pages import modalities
from research.pages.protected import PLANS_OF, protected
from research.tests.made_study import CROSS, Study
from spikeproof.base import write_json
from spikeproof.data import load
from spikeproof.metrics import Estimate
from spikeproof.study import DataPlan
from support.made_run import SPARSE


def cell(settings: dict[str, Any], **measured: Any) -> dict[str, Any]:
    """A cell as it is stored."""
    return {"about": {"settings": settings}, **measured}


def by_name(found: dict[str, Any]) -> dict[str, str]:
    """The rulings of a verdict, by the first word of what decides."""
    return {one["name"]: one["verdict"] for one in found["parts"]}


def test_every_cell_of_a_plan_has_a_name_of_its_own_and_three_networks_stand_behind_a_number() -> (
    None
):
    for _, claim in CLAIMS.values():
        names = [settings["name"] for settings in claim.PLAN]
        assert len(set(names)) == len(names)
        assert judged(claim, [])["verdict"] == "undecided"
    assert len(retiming.FOLDS) == 3


def judged(claim: Any, found: list[Any]) -> dict[str, Any]:
    """The verdict of a claim."""
    return dict(claim.judge(found))


def test_a_verdict_needs_every_cell_and_one_contradiction_is_enough() -> None:
    yes, no, open_ = ({"verdict": v} for v in ("supported", "contradicted", "undecided"))
    assert verdict([yes, yes], complete=True) == "supported"
    assert verdict([yes, no, open_], complete=True) == "contradicted"
    assert verdict([yes, open_], complete=True) == "undecided"
    assert verdict([no], complete=False) == "undecided"
    assert verdict([], complete=True) == "undecided"


def retimed(wins: dict[int, list[int]], relative: dict[int, list[int]]) -> list[dict[str, Any]]:
    """Three folds whose middle B_0 breaks some items, by the number of steps."""
    found = []
    for settings in retiming.PLAN:
        steps = settings["steps"]
        moved = {"200": [0] * len(wins[steps]), "300": wins[steps], "400": [1] * len(wins[steps])}
        broken = {
            "retiming-inf": {"1": [1] * 40},
            "retiming-l0": moved,
            "retiming-l0-relative": {"0.16": relative[steps]},
        }
        found.append(cell(settings, broken=broken))
    return found


def test_retiming_is_supported_where_the_relative_budget_carries_over_and_not_elsewhere() -> None:
    falls = {10: [1] * 40, 20: [1] * 20 + [0] * 20, 40: [0] * 40}
    same = dict.fromkeys(retiming.STEPS, [1] * 40)
    assert retiming.spreads(retimed(falls, same)) == (1.0, 0.0)
    assert judged(retiming, retimed(falls, same))["verdict"] == "supported"
    assert judged(retiming, retimed(falls, falls))["verdict"] == "contradicted"
    # Where the absolute budget carries over, there is nothing to halve.
    assert judged(retiming, retimed(same, same))["verdict"] == "undecided"


def test_an_item_that_a_larger_budget_misses_counts_against_monotony() -> None:
    falls = {10: [1] * 40, 20: [1] * 20 + [0] * 20, 40: [0] * 40}
    found = retimed(falls, dict.fromkeys(retiming.STEPS, [1] * 40))
    assert retiming.stands_again(found) == (0, 9 * 2 * 40)
    for one in found:
        one["broken"]["retiming-l0"]["400"] = [0] * 40
    assert retiming.stands_again(found) == (3 * 60, 9 * 2 * 40)
    assert by_name(judged(retiming, found))["broken, and not by a larger budget"] == "contradicted"


def test_budgets_stand_by_their_size_whatever_the_order_of_their_names(tmp_path: Path) -> None:
    """Stored by name, 1000 comes before 500; what was broken grows with the budget all the same."""
    broken = {"500": [1, 0, 0, 0], "750": [1, 1, 0, 0], "1000": [1, 1, 1, 0]}
    for settings in retiming.PLAN:
        if settings["steps"] == retiming.STEPS[0]:
            content = cell(settings, broken={"retiming-l1": broken})
            write_json(tmp_path / "retiming" / f"{settings['name']}.json", content)
    found = read("retiming", retiming.PLAN, tmp_path)
    shares = [retiming.success(found, 10, "retiming-l1", level) for level in range(3)]
    assert [share.value for share in shares if share] == [0.25, 0.5, 0.75]
    assert retiming.stands_again(found) == (0, 3 * 2 * 4)


def test_a_larger_budget_breaks_what_a_smaller_one_broke_and_its_miss_is_counted() -> None:
    broken = {"500": [1, 1, 0, 0], "750": [0, 0, 1, 0], "1000": [0, 0, 0, 0]}
    here = [s for s in retiming.PLAN if s["steps"] == retiming.STEPS[0]]
    found = [cell(settings, broken={"retiming-l1": broken}) for settings in here]
    shares = [retiming.success(found, 10, "retiming-l1", level) for level in range(3)]
    assert [share.value for share in shares if share] == [0.5, 0.75, 0.75]
    assert retiming.stands_again(found) == (3 * 3, 3 * 2 * 4)


def flipped(sda: int, top_k: int, swap: int) -> list[dict[str, Any]]:
    """Cells whose items all break at one level of the ladder per attack."""
    level = {"sda": [sda] * 40, "top-k": [top_k] * 40, "swap": [swap] * 40, "random": [9] * 40}
    return [cell(settings, level=level) for settings in flips.PLAN]


def test_sda_is_held_against_both_others_in_doublings_of_flips() -> None:
    rulings = by_name(judged(flips, flipped(2, 4, 2)))
    assert rulings["n-mnist: SDA less top-k"] == "supported"
    assert set(by_name(judged(flips, flipped(3, 4, 2))).values()) >= {"contradicted"}
    gap = flips.doublings(flipped(3, 4, 2), "n-mnist", "swap")
    assert gap is not None and gap.value == pytest.approx(1.0)
    # Unbroken items count as the double of the largest budget.
    last = len(flips.LADDER)
    gap = flips.doublings(flipped(last, last - 1, 2), "n-mnist", "top-k")
    assert gap is not None and gap.value == pytest.approx(1.0)
    middle = flips.median_flips(flipped(3, last, 2), "n-mnist", "top-k")
    assert middle is not None and middle.value == np.inf
    assert flips.no_more(Estimate(0.0, 0.0, 0.0, 40, 3)) == "supported"
    assert flips.no_more(Estimate(0.0, -0.1, 0.1, 40, 3)) == "undecided"


def timed(broken: int, jitter: float) -> list[dict[str, Any]]:
    """Cells in which so many of 40 items break, and jitter takes a share of each."""
    rows = [1] * broken + [0] * (40 - broken)
    radii = [str(radius) for radius in timestamps.RADII_MS]
    return [
        cell(s, broken=dict.fromkeys(radii, rows), jitter=dict.fromkeys(radii, [jitter] * 40))
        for s in timestamps.PLAN
    ]


def test_timestamps_need_success_and_harmless_jitter() -> None:
    assert judged(timestamps, timed(40, 0.0))["verdict"] == "supported"
    assert judged(timestamps, timed(4, 0.0))["verdict"] == "contradicted"
    assert judged(timestamps, timed(40, 0.4))["verdict"] == "contradicted"
    assert judged(timestamps, timed(32, 0.0))["verdict"] == "undecided"
    assert judged(timestamps, timed(40, 0.0)[:2])["verdict"] == "undecided"


def soaked(ratio: float, sparse: float) -> list[dict[str, Any]]:
    """Cells of 24 items whose operations grow by a factor."""
    found = []
    for settings in sponge.PLAN:
        times = sparse if settings["training"] == "SR" else ratio
        before = [100.0] * 24
        after = {f"after-{share:g}": [100.0 * times] * 24 for share in sponge.SHARES}
        found.append(cell(settings, before=before, **after))
    return found


def test_a_sponge_is_judged_by_the_median_of_plain_networks() -> None:
    assert judged(sponge, soaked(1.5, 1.0))["verdict"] == "supported"
    assert judged(sponge, soaked(1.1, 9.0))["verdict"] == "contradicted"
    change = sponge.change(soaked(1.0, 2.0), "SR")
    assert change is not None and change.value == pytest.approx(1.0)
    assert sponge.change(soaked(1.0, 2.0)[:1], "SR") is None


def fused(kept: dict[str, int]) -> list[dict[str, Any]]:
    """Cells in which so many of 40 items of a network stand under everything."""
    found = []
    for settings in fusion.PLAN:
        network = settings["network"]
        rows = [0] * kept[network] + [1] * (40 - kept[network])
        names = [f"joint-split-{share}" for share in fusion.SHARES]
        if network in fusion.VIEWS:
            names = [f"joint-split-{fusion.VIEWS[network]}"]
        elif network.startswith("late"):
            names += ["joint", "joint-only-events", "joint-only-audio", *fusion.NORMS]
        found.append(cell(settings, broken=dict.fromkeys(names, rows)))
    return found


def test_fusion_lowers_robustness_where_one_fusion_keeps_clearly_less_than_the_best_view() -> None:
    kept = dict.fromkeys(fusion.NETWORKS, 20) | {"late-AT-joint": 38, "late-E-AT": 38}
    low = kept | {"audio": 36, "early": 36}
    assert fusion.best_view(fused(low)) == "audio"
    assert judged(fusion, fused(low))["verdict"] == "supported"
    high = kept | {"early": 38, "late": 38}
    assert judged(fusion, fused(high))["verdict"] == "contradicted"
    assert judged(fusion, fused(low | {"late-E-AT": 4}))["verdict"] == "contradicted"
    assert judged(fusion, fused(kept))["verdict"] == "undecided"


def test_an_item_that_one_view_breaks_and_the_joint_attack_does_not_is_counted() -> None:
    found = fused(dict.fromkeys(fusion.NETWORKS, 40))
    share = fusion.missed(found)
    assert share is not None and share.value == 0
    for one in found:
        if "joint-only-audio" in one["broken"]:
            one["broken"] = one["broken"] | {"joint-only-audio": [1] * 10 + [0] * 30}
    share = fusion.missed(found)
    assert share is not None and share.value == pytest.approx(0.25)


def test_lists_of_numbers_are_packed_and_come_back() -> None:
    value = {"a": {"b": [1, 0, 0.25], "c": ["text"]}, "d": [], "e": "numbers"}
    assert unpacked(packed(value)) == value
    assert isinstance(packed(value)["a"]["b"], str)
    assert table([[1, 2, 3], [4, 5]]).shape == (2, 2)


def attacked(network: str, broken: dict[str, list[int]]) -> dict[str, Any]:
    """A cell of flips in which members broke some of four items, ten passes an item each."""
    (settings,) = (s for s in members.PLAN if (s["network"], s["threat"]) == (network, "flips"))
    each = {n: {"broken": rows, "forward": 40, "backward": 20} for n, rows in broken.items()}
    return cell(settings, order=list(broken), members=each)


def test_a_member_is_counted_alone_first_and_where_no_other_breaks() -> None:
    one = attacked("n-mnist", {"z": [1, 1, 0, 0], "a": [1, 0, 1, 0], "idle": [0, 0, 0, 0]})
    assert members.summed(one) == {
        "z": (2, 2, 1, 10, 5), "a": (2, 1, 1, 10, 5), "idle": (0, 0, 0, 10, 5)
    }  # fmt: skip
    other = attacked("i2e-fashion-mnist", {"z": [0, 0, 0, 0], "late": [0, 0, 0, 0]})
    assert members.never([one, other]) == {"flips": ["idle", "late"]}
    assert members.never([other]) == {"flips": ["z", "late"]}
    assert members.named([one, other], "i2e-fashion-mnist", "flips") is other
    assert members.named([one], "n-mnist", "counts") is None
    said = modalities.members_section([one, other])
    assert "| `z` | 2, 2, 1; 10 + 5 | 0, 0, 0; 10 + 5 |" in said
    assert "- `flips`: `idle`, `late`" in said and "2 of 10 planned" in said
    assert modalities.members_section([]) == ""


def test_members_are_stored_beside_the_claims_and_kept(tmp_path: Path) -> None:
    before = json.loads(modalities.RESULT.read_text(encoding="utf-8"))
    new = attacked("n-mnist", {"z": [1, 0, 0, 0]})
    write_json(tmp_path / "members" / f"{new['about']['settings']['name']}.json", new)
    after = content(tmp_path, before)
    assert new in [unpacked(one) for one in after["members"]]
    assert content(tmp_path / "none", after)["members"] == after["members"]
    assert after["claims"] == before["claims"]


def test_a_record_keeps_its_cells_and_takes_in_what_was_measured_since(tmp_path: Path) -> None:
    before = json.loads(modalities.RESULT.read_text(encoding="utf-8"))
    assert content(tmp_path, before) == {"members": [], **before}
    settings = next(s for s in timestamps.PLAN)
    radii = [str(radius) for radius in timestamps.RADII_MS]
    new = cell(
        settings, broken=dict.fromkeys(radii, [1] * 40), jitter=dict.fromkeys(radii, [0.0] * 40)
    )
    write_json(tmp_path / "timestamps" / f"{settings['name']}.json", new)
    after = content(tmp_path, before)["claims"]["timestamps"]["cells"]
    assert unpacked(after[0]) == new
    assert after[1:] == before["claims"]["timestamps"]["cells"][1:]


def test_the_page_is_current_and_its_verdicts_follow_from_its_cells() -> None:
    assert modalities.PAGE.read_text(encoding="utf-8") == modalities.page(), (
        "run python -m research.pages.modalities"
    )
    stored = json.loads(modalities.RESULT.read_text(encoding="utf-8"))["claims"]
    for name, (_, claim) in CLAIMS.items():
        again = judged(claim, [unpacked(one) for one in stored[name]["cells"]])
        assert again["verdict"] == stored[name]["verdict"]
        for one, kept in zip(again["parts"], stored[name]["parts"], strict=True):
            assert one["estimate"] == pytest.approx(kept["estimate"], abs=1e-6)
            assert {**one, "estimate": 0} == {**kept, "estimate": 0}


def test_a_network_is_trained_again_where_its_settings_are_others(tmp_path: Path) -> None:
    data = load("digits-events")
    part = DataPlan(name="digits-events", model="dense", width=8, epochs=1, train_items=64)

    def made(part: DataPlan) -> tuple[int, str]:
        net, said = trained(tmp_path, "net", part, data, "plain", seed=0)
        return net.spec.width, said["made"]

    first = made(part)
    stored = (tmp_path / "net.json").stat().st_mtime_ns
    assert made(part) == first and (tmp_path / "net.json").stat().st_mtime_ns == stored
    wider = made(replace(part, width=12))
    assert wider[0] == 12 and wider[1] != first[1]


def test_a_plan_of_modalities_has_tables_once_it_has_an_extract(tmp_path: Path) -> None:
    assert set(PLANS_OF) == {path.stem for path in PLANS.glob("modalities-*.toml")}
    empty = protected(tmp_path / "studies")
    assert all(f"`{name}`" in empty for name in PLANS_OF) and "|" not in empty
    made = Study(tmp_path)
    made.add("plain", {"terms": CROSS, "inputs": None}, clean=38, linf=2, l2=4, l1=6, l0=8)
    made.add("SR", SPARSE, clean=36, linf=20, l2=4, l1=6, l0=8)
    made.store(tmp_path / "studies", "modalities-fsdd", "standard")
    text = protected(tmp_path / "studies")
    assert "| training | clean | l_inf 0.2 | l_2 0.2 | l_1 0.2 | l_0 0.2 |" in text
    row = next(line for line in text.splitlines() if line.startswith("| SR | 90.0 ["))
    assert "| 50.0 [" in row
    gap = next(line for line in text.splitlines() if line.startswith("| SR | -5.0 ["))
    assert "**+45.0 [" in gap and "+0.0 [" in gap
    assert "Clean accuracy of plain networks on digits: 95.0 [" in text
    assert "93 was asked for: met." in text
    assert "`modalities-pairs`" in text and "`modalities-fsdd`," not in text


def test_folds_of_one_data_set_are_one_table(tmp_path: Path) -> None:
    made, plain = Study(tmp_path), {"terms": CROSS, "inputs": None}
    for fold in range(3):
        one: dict[str, Any] = {"data": f"n-mnist-fold-{fold + 1}", "seeds": (0,)}
        made.add("plain", plain, clean=40 - 2 * fold, linf=2 * fold, **one)
        made.add("SR", SPARSE, clean=36, linf=20 + 2 * fold, **one)
    made.store(tmp_path / "studies", "modalities-folds", "standard")
    text = protected(tmp_path / "studies")
    lines = text.splitlines()
    # 40, 38 and 36 of 40 are right, 0, 2 and 4 stand.
    assert any(line.startswith("| plain | 95.0 [") and "| 5.0 [" in line for line in lines)
    # Each fold is paired with itself: +20 items of 40 in all three.
    gap = next(line for line in lines if line.startswith("| SR | -5.0 ["))
    assert "**+50.0 [" in gap
    assert text.count("less plain") == 1 and "N-MNIST, its folds together, %:" in text
    assert (
        "networks on N-MNIST, its folds together: 95.0 [" in text
        and "90 was asked for: met." in text
    )
