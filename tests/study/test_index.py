"""What a run folder says of itself by names, and of the calls that computed it."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from spikeproof import __version__
from spikeproof.analysis import results
from spikeproof.base import FileProblem, code_origin
from spikeproof.base.origin import _checked_out
from spikeproof.cli.main import run as command
from spikeproof.runs import INDEX, INDEX_COLUMNS, read_calls
from spikeproof.study import Plan, cells_of, run
from support.run_files import contents


def index(folder: Path) -> list[dict[str, str]]:
    text = (folder / INDEX).read_text()
    assert tuple(next(csv.reader(io.StringIO(text)))) == INDEX_COLUMNS
    return list(csv.DictReader(io.StringIO(text)))


def test_every_cell_stands_in_the_index_by_its_names(whole: Path, tiny: Plan) -> None:
    rows = {row["cell"]: row for row in index(whole)}
    for cell in cells_of(tiny):
        row = rows.pop(cell.id)
        threat = cell.cell["threat"]["name"] if "threat" in cell.cell else ""
        names = [cell.cell["data"], cell.cell["training"], str(cell.cell["seed"]), threat]
        assert [row[name] for name in ("data", "training", "seed", "threat")] == names
        assert (row["kind"], row["state"]) == (cell.kind, "complete")
        assert row["network"] == (cell.parent or cell.id)
        record = json.loads((whole / "cells" / cell.id / "record.json").read_text())
        assert row["model_sha256"] == record["inputs"]["model_sha256"]
    assert not rows


def test_a_run_says_by_which_call_it_was_computed_and_no_byte_of_it_depends_on_that(
    whole: Path, tiny: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call,) = read_calls(whole)
    assert call["command"] == [str(word) for word in sys.argv]
    assert call["begun"] <= call["finished"]
    assert call["versions"]["spikeproof"] == __version__
    assert {k: call[k] for k in code_origin()} == code_origin()
    copied = tmp_path / "run"
    shutil.copytree(whole, copied)
    run(tiny, copied, workers=1)  # nothing is missing: no further call
    assert read_calls(copied) == [call]
    shutil.rmtree(next(path for path in (copied / "cells").iterdir()))
    monkeypatch.setattr(sys, "argv", ["spikeproof", "study", "run", "x" * 5000])
    run(tiny, copied, workers=1)
    assert contents(copied) == contents(whole)
    first, second = read_calls(copied)
    assert (first, len(second["command"][3])) == (call, 1000)
    assert results(copied).provenance()["calls"] == [first, second]


def test_calls_that_are_damaged_stand_in_nobodys_way(
    whole: Path, tiny: Plan, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(whole, copied)
    for text in ("{", "[]", '{"calls": [1]}', '{"calls": [{"command": [1]}]}'):
        (copied / "wall.json").write_text(text)
        with pytest.raises(FileProblem):
            read_calls(copied)
        assert results(copied).provenance()["calls"] == []
    shutil.rmtree(next(path for path in (copied / "cells").iterdir()))
    run(tiny, copied, workers=1)
    assert len(read_calls(copied)) == 1
    (copied / "wall.json").unlink()
    assert read_calls(copied) == []


def test_show_prints_the_matrix_with_its_suite_and_writes_the_index(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(whole, copied)
    before = (copied / INDEX).read_bytes()
    (copied / INDEX).unlink()
    assert command(["study", "show", str(copied)]) == 0
    said = capsys.readouterr()
    assert "suite quick" in said.out and "6 test items × 1 network" in said.out
    assert "plain" in said.out and "SR" in said.out and INDEX in said.err
    assert (copied / INDEX).read_bytes() == before
    assert command(["study", "show", str(copied), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["suite"] for row in told["matrix"]} == {"quick"}
    assert told["index"] == str(copied / INDEX)


def test_the_commit_is_that_of_the_checkout_and_of_no_folder_above(tmp_path: Path) -> None:
    package = tmp_path / "src" / "spikeproof"
    package.mkdir(parents=True)
    git, commit = tmp_path / ".git", "a" * 40
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert _checked_out(package) is None  # no pyproject.toml: somebody else's repository
    (tmp_path / "pyproject.toml").write_text("")
    assert _checked_out(package) is None  # no commit yet
    (git / "packed-refs").write_text(f"# packed\n{commit} refs/heads/main\n")
    assert _checked_out(package) == commit
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "refs" / "heads" / "main").write_text("b" * 40 + "\n")
    assert _checked_out(package) == "b" * 40
    (git / "HEAD").write_text("c" * 40)
    assert _checked_out(package) == "c" * 40
    (git / "HEAD").write_text("not a commit")
    assert _checked_out(package) is None
    inside = tmp_path / "lib" / "site-packages" / "spikeproof"
    inside.mkdir(parents=True)
    assert _checked_out(inside) is None
