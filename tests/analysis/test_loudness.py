"""Decibels beside the radii of sounds, wherever these are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from spikeproof.analysis import Results, loudness, results, summarise
from spikeproof.cli.main import run
from spikeproof.cli.matrix import matrix_record
from spikeproof.export.methods import methods
from spikeproof.export.table import MATRIX_COLUMNS, matrix_rows, matrix_table, radii_table
from spikeproof.report.attacked import attacked
from spikeproof.report.section import sections
from spikeproof.report.tables import matrix
from spikeproof.threats import ratio_of
from support.made_run import PLAIN, MadeRun

SOUND = {"kind": "audio", "shape": [100], "low": -1.0, "high": 1.0}
PICTURE = {"kind": "image", "shape": [1, 2, 2]}
T, F = True, False
LADDERS = {"linf": (0.001, 0.01, 0.1), "l1": (1.0, 2.0, 4.0),
           "snr": (ratio_of(40), ratio_of(30), ratio_of(20))}  # fmt: skip


def found_in(folder: Path) -> Results:
    """A run on sounds, beside one on pictures."""
    made = MadeRun(folder)
    broken = [[F] * 4, [F] * 4, [T, F, F, F]]
    made.train("sounds", "plain", 0, PLAIN, domain=SOUND)
    for threat, radii in LADDERS.items():
        made.attack("sounds", "plain", 0, threat, radii, [T] * 4, broken, margin=[[0.1] * 4] * 3)
    made.train("pictures", "plain", 0, PLAIN, domain=PICTURE)
    made.attack("pictures", "plain", 0, "linf", LADDERS["linf"], [T] * 4, broken)
    return results(made.plan())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return found_in(tmp_path_factory.mktemp("loud") / "run")


def test_the_radii_of_sounds_have_decibels_and_no_others(found: Results) -> None:
    assert loudness(found, "sounds") == {
        ("linf", 0.001): "-60.0 dBFS",
        ("linf", 0.01): "-40.0 dBFS",
        ("linf", 0.1): "-20.0 dBFS",
        ("snr", ratio_of(40)): "40 dB SNR",
        ("snr", ratio_of(30)): "30 dB SNR",
        ("snr", ratio_of(20)): "20 dB SNR",
    }
    assert loudness(found, "pictures") == {}
    loud = {c.threat: c.decibels for c in found.matrix("sounds").standard()}
    assert loud == {"linf": "-40.0 dBFS", "l1": "", "snr": "30 dB SNR", "union": ""}
    assert {c.decibels for c in found.matrix("pictures")} == {""}


def test_study_show_says_them(found: Results, capsys: pytest.CaptureFixture[str]) -> None:
    heads = found.matrix("sounds").standard().columns()
    assert {"linf 0.01 (-40.0 dBFS)", "snr 0.0316228 (30 dB SNR)", "l1 2", "union"} == set(heads)
    assert found.matrix("pictures").standard().columns() == ["linf 0.01", "union"]
    assert run(["study", "show", str(found.folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "dBFS" in said and "30 dB" in said
    told = {(e["data"], e["threat"]): e.get("decibels") for e in matrix_record(found)}
    assert told["sounds", "snr"] == "30 dB SNR"
    assert told["pictures", "linf"] is told["sounds", "l1"] is None


def test_the_report_says_them(found: Results) -> None:
    summary = summarise(found)
    one = next(part for part in summary.data if part.data == "sounds")
    (_, middle, _) = matrix(one)
    about = {threat: text for threat, _, text in middle.columns}
    assert about["linf"].startswith("0.01 (−40.0 dBFS): ")
    assert about["snr"].startswith("0.0316 (30 dB SNR): ") and about["l1"].startswith("2: ")
    (told,) = [line for box in attacked(summary) for line in box.told if line.startswith("Radii")]
    assert "0.001 (−60.0 dBFS), 0.01 (−40.0 dBFS) (standard), 0.1 (−20.0 dBFS)" in told
    section = next(part for part in sections(summary) if "−60.0" in str(part.curve_rows))
    assert "0.1 (−20.0 dBFS)" in [row[2] for row in section.curve_rows]


def test_the_export_says_them(found: Results) -> None:
    rows = [dict(zip(MATRIX_COLUMNS, row, strict=True)) for row in matrix_rows(found)]
    loud = {(row["data"], row["threat"], row["radius"]): row["decibels"] for row in rows}
    assert loud["sounds", "linf", 0.1] == "-20.0 dBFS"
    assert loud["pictures", "linf", 0.1] is loud["sounds", "l1", 2.0] is None
    columns = found.frame()
    assert columns["decibels"].count("-60.0 dBFS") == 1
    assert r"0.01 ($-$40.0 dBFS)" in matrix_table(found, "sounds")
    assert r"0.1 ($-$20.0 dBFS)" in radii_table(found, "sounds")
    assert "dB" not in radii_table(found, "pictures")
    assert r"0.0316228 (30 dB SNR)" in methods(found, ["wilson1927"])
