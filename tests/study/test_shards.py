"""Parts of a study: the same ones everywhere, of about equal effort, and one run when merged."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from spikeproof.base import FileProblem, SettingError, write_json
from spikeproof.cli.main import run as command
from spikeproof.study import Cell, Plan, Shard, cells_of, merge, run
from spikeproof.study.store import CellFolder
from support.run_files import contents, one


def made(*efforts: float) -> list[Cell]:
    """Networks, each with one attack that takes as long again."""
    cells = []
    for number, effort in enumerate(efforts):
        for id, parent in ((f"{number}", None), (f"{number}a", f"{number}")):
            content = {"kind": "probe" if parent else "train"}
            cells.append(
                Cell(
                    id=id, cell=content, parent=parent, data_sha256="", code_sha256="", cost=effort
                )
            )
    return cells


def test_shards_share_the_cells_by_effort_and_keep_families_together() -> None:
    cells = made(1, 5, 3, 3, 2)
    parts = [Shard(number, 2).of(cells) for number in (1, 2)]
    # By hand, of twice these efforts: 10 | 6, then | 12, then 14 |, and at last | 14.
    assert [[cell.id for cell in part] for part in parts] == [
        ["1", "1a", "4", "4a"],
        ["0", "0a", "2", "2a", "3", "3a"],
    ]
    assert sorted(cell.id for part in parts for cell in part) == sorted(cell.id for cell in cells)
    assert all(cell.parent is None or cell.parent in {c.id for c in p} for p in parts for cell in p)
    assert Shard(1, 1).of(cells) == cells
    assert [len(Shard(number, 9).of(cells)) for number in range(1, 10)] == [2] * 5 + [0] * 4


@pytest.mark.parametrize("text", ["3", "a/b", "1/2/3", "-1/2", "1 of 2"])
def test_a_shard_is_written_as_two_numbers(text: str) -> None:
    with pytest.raises(SettingError, match=r"written number/count, such as 2/8; got"):
        Shard.from_text(text)


@pytest.mark.parametrize(("text", "first"), [("0/2", "1/2"), ("3/2", "1/2"), ("1/0", "1/1")])
def test_a_shard_that_does_not_exist_is_refused(text: str, first: str) -> None:
    with pytest.raises(SettingError, match=f"There is no shard {text}; of .* the first is {first}"):
        Shard.from_text(text)


@pytest.fixture(scope="module")
def parts(tiny: Plan, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The tiny plan in two shards; do not change the folders."""
    folder = tmp_path_factory.mktemp("shards")
    runs = [folder / "1", folder / "2"]
    assert run(tiny, runs[0], shard="1/2").done == run(tiny, runs[1], shard=Shard(2, 2)).done == 5
    return runs


def test_merged_shards_are_the_unbroken_run_to_the_byte(
    tmp_path: Path, tiny: Plan, whole: Path, parts: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    titles = [cell.title for cell in cells_of(tiny)]
    half = merge(parts[:1], tmp_path / "run")
    assert (half.total, half.there, half.copied, len(half.missing)) == (10, 0, 5, 5)
    assert set(half.missing) < set(titles)
    assert command(["study", "merge", str(parts[0]), "--to", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert "0 cells copied, 5 there before, 5 of 10 missing." in told
    assert f"missing: {half.missing[0]}\n" in told
    merged = merge(parts, tmp_path / "run")
    assert (merged.there, merged.copied, merged.missing) == (5, 5, ())
    assert contents(tmp_path / "run") == contents(whole)
    assert merge(parts, tmp_path / "run") == dataclasses.replace(merged, there=10, copied=0)
    assert contents(tmp_path / "run") == contents(whole)
    assert run(tiny, tmp_path / "run").complete


def test_a_merge_that_was_killed_goes_on(
    tmp_path: Path, whole: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    take = CellFolder.take

    def dying(self: CellFolder, other: CellFolder) -> None:
        if len(copied) == 3:  # as if the machine had gone away in the middle of a cell
            (self.path).mkdir()
            (self.path / "items.npz").write_bytes(b"half")
            raise KeyboardInterrupt
        copied.append(self.path.name)
        take(self, other)

    monkeypatch.setattr(CellFolder, "take", dying)
    with pytest.raises(KeyboardInterrupt):
        merge(parts, tmp_path)
    monkeypatch.undo()
    merged = merge(parts, tmp_path)
    assert (merged.there, merged.copied) == (3, 7)
    assert contents(tmp_path) == contents(whole)


def test_results_that_differ_are_refused_and_both_are_named(
    tmp_path: Path, parts: list[Path]
) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(parts[0], forged)
    cell = one(forged, "attack")
    record = json.loads((cell / "record.json").read_text())
    write_json(cell / "record.json", {**record, "result": {**record["result"], "n": 5}})
    with pytest.raises((FileProblem, SettingError)) as refused:
        merge([parts[0], forged], tmp_path / "run")
    assert str(cell) in str(refused.value)
    assert not list((tmp_path / "run").glob("cells/*/record.json"))


def test_a_changed_byte_in_any_run_is_named_and_nothing_is_copied(
    tmp_path: Path, parts: list[Path]
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(parts[1], damaged)
    path = one(damaged, "probe") / "items.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=str(path)):
        merge([parts[0], damaged], tmp_path / "run")
    assert not list((tmp_path / "run").glob("cells/*/record.json"))


def test_runs_of_different_plans_are_refused(tmp_path: Path, tiny: Plan, parts: list[Path]) -> None:
    other = tmp_path / "other"
    run(dataclasses.replace(tiny, name="other", draws=1), other, shard="4/4")
    with pytest.raises(SettingError, match=f"{parts[0]} and {other} are runs of different plans"):
        merge([parts[0], other], tmp_path / "run")
    with pytest.raises(SettingError, match=f"{other} and {parts[0]} are runs of different plans"):
        merge([parts[0]], other)  # the target is a run already
    assert command(["study", "merge", str(tmp_path), "--to", str(tmp_path / "run")]) == 1
