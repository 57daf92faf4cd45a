"""Decoded sets: written once and whole, told by every setting, read row by row."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spikeproof.base import FileProblem
from spikeproof.data import Domain, ItemsOnDisk, Listed, NMnist, Split, StoredItems, load, store
from spikeproof.data.cache import cached
from spikeproof.data.on_disk import blocks
from spikeproof.train.loop.loader import Loader
from support import made_sets


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Decoded sets go to a folder of the test."""
    monkeypatch.setenv("SPIKEPROOF_CACHE", str(tmp_path / "cache"))
    store._arrays_of.cache_clear()
    yield tmp_path / "cache"
    store._arrays_of.cache_clear()


def listed(calls: list[int], *, fail: int | None = None, stamp: str = "a") -> Listed:
    """Five items of three bytes, which may fail at one."""

    def items() -> Iterator[np.ndarray]:
        for number in range(5):
            if number == fail:
                raise FileProblem("item is broken")
            yield np.full(3, number, np.uint8)

    def read() -> StoredItems:
        calls.append(1)
        return StoredItems(y=np.arange(5), official=4, shape=(3,), dtype=np.uint8, items=items())

    return Listed(stamp={"file": stamp}, read=read)


def test_a_set_is_decoded_once_and_read_again() -> None:
    calls: list[int] = []
    first, second = (cached("toy", {"bins": 3}, listed(calls)) for _ in range(2))
    assert len(calls) == 1
    assert torch.equal(first.x, second.x) and first.x.tolist()[4] == [4, 4, 4]
    assert (second.official, second.y.tolist()) == (4, [0, 1, 2, 3, 4])
    first.x[0] = 9  # the reader's own copy
    assert second.x[0, 0] == 0 and cached("toy", {"bins": 3}, listed(calls)).x[0, 0] == 0


def test_another_setting_or_another_file_is_another_set(place: Path) -> None:
    calls: list[int] = []
    cached("toy", {"bins": 3}, listed(calls))
    cached("toy", {"bins": 4}, listed(calls))
    cached("toy", {"bins": 3}, listed(calls, stamp="b"))
    cached("other", {"bins": 3}, listed(calls))
    assert len(calls) == len(list(place.iterdir())) == 4


def test_what_fails_midway_leaves_nothing(place: Path) -> None:
    with pytest.raises(FileProblem, match="item is broken"):
        cached("toy", {}, listed([], fail=3))
    assert not list(place.iterdir())


def test_what_a_killed_process_leaves_is_not_taken_for_a_set(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:  # nothing is cleaned up, as after kill -9
        killed.setattr("spikeproof.data.cache.shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(FileProblem, match="item is broken"):
            cached("toy", {}, listed([], fail=3))
    (left,) = place.iterdir()
    assert left.name.startswith(".toy-") and (left / "x.npy").exists()
    os.utime(left, (0, 0))
    calls: list[int] = []
    assert cached("toy", {}, listed(calls)).x.shape == (5, 3) and calls
    assert not left.exists()  # it was old


@pytest.mark.parametrize("damage", ["manifest", "half", "byte", "key", "labels"])
def test_a_cache_that_is_not_whole_is_refused_and_says_what_to_remove(
    place: Path, damage: str
) -> None:
    cached("toy", {}, listed([]))
    (folder,) = place.iterdir()
    if damage == "manifest":
        (folder / "manifest.json").unlink()
    elif damage == "half":
        (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-7])
    elif damage == "byte":
        content = bytearray((folder / "x.npy").read_bytes())
        content[-1] ^= 1
        (folder / "x.npy").write_bytes(bytes(content))
    elif damage == "labels":
        np.save(folder / "y.npy", np.zeros(5, np.int64))
    else:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "official": 5}))
    with pytest.raises(FileProblem, match=r"not whole .*; remove this folder") as caught:
        cached("toy", {}, listed([]))
    assert str(folder) in str(caught.value)


def test_a_cache_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SPIKEPROOF_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(FileProblem, match="Cannot write the decoded data set.*SPIKEPROOF_CACHE"):
        cached("toy", {}, listed([]))


def test_another_binning_of_the_same_files_is_decoded_anew(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spikeproof.data import DATASETS

    made_sets.n_mnist(tmp_path, train=4, test=2)
    ten = load("n-mnist", folder=tmp_path)
    other = replace(NMnist(), timesteps=5)
    monkeypatch.setitem(DATASETS.members, "n-mnist", lambda: other)
    store._arrays_of.cache_clear()
    five = load("n-mnist", folder=tmp_path)
    assert ten.sealed.x.shape[1] == 10 and five.sealed.x.shape[1] == 5
    assert ten.spec.sha256 != five.spec.sha256
    assert torch.equal(ten.sealed.x.sum(1), five.sealed.x.sum(1))
    assert len(list(place.iterdir())) == 2


# Items on disk


def made() -> tuple[ItemsOnDisk, torch.Tensor]:
    """Twelve small items that are read when asked for, and all of them."""
    stored = torch.arange(60, dtype=torch.uint8).view(12, 5)
    items = torch.tensor([7, 0, 11, 3, 5])
    x = ItemsOnDisk(stored, items, (5,), lambda part: part.to(torch.float32) / 4)
    return x, stored[items].float() / 4


def test_rows_on_disk_are_read_as_rows_of_a_tensor() -> None:
    x, plain = made()
    mask = torch.tensor([True, False, True, False, False])
    for which in (
        0,
        -1,
        slice(1, 4),
        slice(0),
        torch.tensor([4, 4, 0]),
        mask,
        [2, 1],
        torch.tensor(3),
    ):
        assert torch.equal(x[which], plain[which])
        assert type(x[which]) is torch.Tensor
    for which in ((slice(None), 2), (1, 3), (Ellipsis, 0)):
        assert torch.equal(x[which], plain[which])
    assert len(x) == 5 and x.shape == plain.shape and x.dtype == plain.dtype
    assert x[0].nbytes == plain[0].nbytes and x.element_size() == 4 and x.ndim == 2
    assert [row.tolist() for row in x] == plain.tolist()


def test_everything_else_is_done_on_what_was_read() -> None:
    x, plain = made()
    assert torch.equal(x + 1, plain + 1) and torch.equal(torch.stack([plain, x])[1], plain)
    assert float(x.max()) == float(plain.max()) and torch.equal(x.flatten(1), plain.flatten(1))
    assert torch.equal(torch.cat([x, plain]), torch.cat([plain, plain]))
    assert np.array_equal(x.numpy(), plain.numpy()) and torch.equal(x.double(), plain.double())
    assert isinstance(x, torch.Tensor) and "ItemsOnDisk" in repr(x)


def test_a_look_through_all_items_goes_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    x, plain = made()
    monkeypatch.setattr("spikeproof.data.on_disk._BLOCK", 40)
    assert [len(part) for part in blocks(x)] == [2, 2, 1]
    assert torch.equal(torch.cat(list(blocks(x))), plain)
    domain = Domain(kind="real", shape=(5,), low=0.0, high=15.0)
    domain.check(x)
    with pytest.raises(ValueError, match="item 2 and 0 others"):
        Domain(kind="real", shape=(5,), low=0.0, high=14.0).check(x)


def test_a_large_split_stays_on_disk_and_trains_as_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spikeproof.models import build
    from spikeproof.train import CrossEntropy, Objective, fit

    made_sets.n_mnist(tmp_path, train=12, test=4)
    results = []
    for held in (store._HELD, 0):
        monkeypatch.setattr(store, "_HELD", held)
        data = load("n-mnist", folder=tmp_path)
        assert isinstance(data.train.x, ItemsOnDisk) == (held == 0)
        model = build("cnn-small", data, width=2, seed=0)
        fit(model, data, Objective({"error": (1.0, CrossEntropy())}), epochs=1, progress=False)
        results.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*results)


def anonymous() -> int:
    """Bytes of this process that are no file."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("RssAnon")))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_memory_does_not_grow_with_the_set() -> None:
    count, size = 1024, 1 << 16
    items = (np.full(size, number % 251, np.uint8) for number in range(count))

    def read() -> StoredItems:
        y = np.arange(count)
        return StoredItems(y=y, official=count, shape=(size,), dtype=np.uint8, items=items)

    before = anonymous()
    found = cached("toy", {}, Listed(stamp={}, read=read))
    x = ItemsOnDisk(found.x, torch.arange(count), (size,), lambda part: part.to(torch.float32))
    assert float(x[700][0]) == 700 % 251 and x[3:7].shape == (4, size)
    assert anonymous() - before < 16 << 20  # of 64 MB on the disk, which are 256 MB of floats


def test_an_epoch_over_a_set_on_disk_takes_as_much_memory_whatever_its_size(
    tmp_path: Path,
) -> None:
    """What no file holds is counted; pages of the mapped file are the system's to take back."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say what a process holds")

    def held() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) << 10

    def peak(items: int) -> int:
        path = tmp_path / f"{items}.npy"
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(items, 4096)).flush()
        stored = torch.from_numpy(np.load(path, mmap_mode="c"))
        x = ItemsOnDisk(stored, torch.arange(items), (4096,), lambda part: part.float())
        split = Split(x, torch.zeros(items, dtype=torch.int64), torch.arange(items))
        loader = Loader(
            model=torch.nn.Identity(), items=split, domain=Domain(kind="real", shape=(4096,)),
            augment=(), seed=0, epochs=1, device=torch.device("cpu"),
        )  # fmt: skip
        before = held()
        order = torch.arange(items).split(64)
        return max(held() - before for _ in loader.steps(1, order))

    peak(500)  # what is allocated once
    few, many = peak(500), peak(8000)
    assert many < few + (8 << 20) < 4 * 8000 * 4096 // 4
