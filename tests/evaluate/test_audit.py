"""The audit: which items, which numbers, what it writes, what it refuses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spikeproof.base import FileProblem, InputError, SettingError, read_arrays, write_arrays
from spikeproof.data import Split
from spikeproof.evaluate import audit, open_test
from spikeproof.metrics import Intervals
from spikeproof.threats import L2, Joint, Linf, Threat
from support.lines import DOMAIN, QUICK, Half, line


def ends(kept: int, n: int) -> list[float]:
    """The interval that the matrix of a run has of one network."""
    found = Intervals(1, n).share((np.arange(n) < kept).astype(float)[None])
    return [found.low, found.high]


def test_robust_accuracy_is_the_share_of_items_beyond_the_radius() -> None:
    data = line(mislabelled=True)
    found = audit(Half(), data, suite=QUICK)
    content = found.to_dict()
    assert content["clean_accuracy"] == 0.95
    shares = {t["name"]: [row["robust"] for row in t["rows"]] for t in content["threats"]}
    # 20 items at distances .025, .075, ... on both sides; one of the farthest is wrong when clean.
    assert shares == {"linf": [0.85, 0.75, 0.55], "l2": [0.75, 0.35]}
    assert content["union_accuracy"] == 0.35
    # A waveform of one sample, full scale 1: 20 log10 of the radius, in either norm.
    assert content["union_of"] == [
        {"name": "linf", "radius": 0.1, "level": "-20.0 dBFS"},
        {"name": "l2", "radius": 0.3, "level": "-10.5 dBFS"},
    ]
    levels = {t["name"]: [row["level"] for row in t["rows"]] for t in content["threats"]}
    assert levels == {
        "linf": ["-26.0 dBFS", "-20.0 dBFS", "-14.0 dBFS"],
        "l2": ["-20.0 dBFS", "-10.5 dBFS"],
    }
    assert content["threats"][0]["rows"][0]["interval"] == ends(17, 20)


def test_the_table_says_n_intervals_and_what_robust_means() -> None:
    table = audit(Half(), line(mislabelled=True), suite=QUICK).table()
    assert "line: 20 test items, suite custom, seed 0" in table
    (row,) = [text for text in table.splitlines() if text.startswith("linf") and "0.05" in text]
    low, high = ends(17, 20)
    assert "85.0" in row
    assert f"{100 * low:.1f} to {100 * high:.1f}" in row
    assert row.endswith("-26.0 dBFS")
    assert "union: linf 0.1 (-20.0 dBFS), l2 0.3 (-10.5 dBFS)." in table


def test_threats_are_grouped_by_geometry_and_sorted() -> None:
    threats = [Threat(Linf(), 0.2, DOMAIN), Threat(L2(), 0.1, DOMAIN), Threat(Linf(), 0.1, DOMAIN)]
    seen = []
    found = audit(
        Half(), line(mislabelled=True), threats, QUICK, progress=lambda *step: seen.append(step)
    )
    assert [outcome.radii for outcome in found.outcomes] == [(0.1, 0.2), (0.1,)]
    assert seen == [("linf", 0, 2), ("l2", 1, 2), ("done", 2, 2)]
    with pytest.raises(SettingError, match="linf is there twice"):
        audit(Half(), line(mislabelled=True), [threats[0], threats[0]], QUICK)
    with pytest.raises(SettingError, match="at least one threat"):
        audit(Half(), line(mislabelled=True), [], QUICK)


def test_saved_numbers_come_back_and_the_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        audit(Half(), line(mislabelled=True), suite=QUICK).save(tmp_path / name)
    for name in ("audit.json", "items.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    arrays = read_arrays(tmp_path / "a" / "items.npz")
    assert arrays["linf.broken"].shape == (3, 20)
    assert arrays["l2.items"].tolist() == list(range(7, 27))
    content = json.loads((tmp_path / "a" / "audit.json").read_text())
    rows = content["threats"][0]["rows"]
    assert [row["robust"] for row in rows] == (~arrays["linf.broken"]).mean(1).tolist()


def test_fewer_items_are_part_of_more_items_and_keep_their_numbers() -> None:
    data = line(mislabelled=True)
    few, more, all_ = (open_test(data, n) for n in (5, 12, None))
    assert set(few.items.tolist()) < set(more.items.tolist()) < set(all_.items.tolist())
    assert few.items.tolist() == sorted(few.items.tolist())
    assert torch.equal(few.x[:, 0], (few.items - 7 + 0.5) / 20)
    assert torch.equal(few.items, open_test(data, 5).items)
    with pytest.raises(InputError, match="Cannot evaluate 21 test items; line has 20"):
        open_test(data, 21)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"y": torch.full((20,), 2)}, r"Labels must lie in 0\.\.1"),
        ({"y": torch.zeros(20, 2)}, "argmax"),
        ({"x": torch.full((20, 1), torch.nan)}, "not finite, first in item 0"),
        ({"x": torch.full((20, 1), 7.0)}, "0..255 data: divide it by 255"),
        ({"x": torch.zeros(1, 20)}, r"must have shape \(N, 1\), items first; got \(1, 20\)"),
        ({"items": torch.zeros(20, dtype=torch.int64)}, "some numbers occur twice"),
    ],
)
def test_bad_test_items_are_refused_with_the_reason(
    change: dict[str, Tensor], sentence: str
) -> None:
    data = line(mislabelled=True)

    def audited() -> None:  # labels are looked at when the items are made, all else before attacks
        bad = dataclasses.replace(data, sealed=dataclasses.replace(data.sealed, **change))
        audit(Half(), bad, suite=QUICK)

    with pytest.raises(InputError, match=sentence):
        audited()


def test_an_unknown_suite_is_refused_naming_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'standard'"):
        audit(Half(), line(mislabelled=True), suite="standart")


def test_two_ladders_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    from spikeproof.data import Views

    views = Views((("a", DOMAIN), ("b", DOMAIN)))
    data = line(mislabelled=True)
    split = Split(data.sealed.x.repeat(1, 2), data.sealed.y, data.sealed.items)
    packed = dataclasses.replace(data, domain=views, sealed=split)
    threats = [Threat(Joint({name: (Linf(), 0.1)}), 1.0, views) for name in "ab"]
    found = audit(Half(), packed, threats, QUICK)
    assert [o.robust_accuracy for o in found.outcomes] == [[0.75], [0.95]]
    found.save(tmp_path)
    arrays = read_arrays(tmp_path / "items.npz")
    assert (~arrays["joint-0.broken"]).mean() == 0.75
    assert (~arrays["joint-1.broken"]).mean() == 0.95


def test_arrays_come_back_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    arrays = {"x": np.arange(6.0).reshape(2, 3), "flag": np.array([True]), "one": np.array(0.5)}
    write_arrays(path, arrays)
    back = read_arrays(path)
    assert back.keys() == arrays.keys()
    assert all(
        np.array_equal(back[n], arrays[n]) and back[n].dtype == arrays[n].dtype for n in back
    )
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", whole[:60] + b"\xff" * 40 + whole[100:]):
        path.write_bytes(broken)
        with pytest.raises(FileProblem, match=r"a\.npz is not whole"):
            read_arrays(path)
    with pytest.raises(FileProblem, match=r"There is no array file at .*b\.npz"):
        read_arrays(tmp_path / "b.npz")


def test_pickled_objects_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        write_arrays(tmp_path / "a.npz", {"x": np.array([{}], dtype=object)})
    np.savez(tmp_path / "b.npz", x=np.array([{}], dtype=object))
    with pytest.raises(FileProblem, match="not whole"):
        read_arrays(tmp_path / "b.npz")
