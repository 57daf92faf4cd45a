"""Files of many recordings of sound."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spikeproof.base import FileProblem, InputError, SettingError
from spikeproof.data import Binning, NTidigitsFile, Recording, ShdFile, write_back, write_shd
from support.damaged_recordings import spoken, write_n_tidigits


def test_what_is_written_as_shd_is_read_again(tmp_path: Path) -> None:
    items = [*spoken(0), Recording([], [], [], [], (1, 1, 700))]
    write_shd(tmp_path / "a.h5", items, range(5), speakers=[3, 3, 4, 4, 5])
    file = ShdFile(tmp_path / "a.h5")
    assert list(file) == items and file[-1] == items[-1] and file.sensor == (1, 1, 700)
    assert file.y.tolist() == [0, 1, 2, 3, 4]
    assert file.speakers is not None and file.speakers.tolist() == [3, 3, 4, 4, 5]
    assert pickle.loads(pickle.dumps(file))[2] == items[2]
    write_shd(tmp_path / "b.h5", items[:1], [7])
    assert ShdFile(tmp_path / "b.h5").speakers is None
    with pytest.raises(IndexError, match="holds 5 recordings; there is no 5"):
        file[5]


def test_the_published_layout_of_shd(tmp_path: Path) -> None:
    """Written by h5py alone, as the set is."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        times = file.create_dataset("spikes/times", (2,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (2,), h5py.vlen_dtype(np.uint16))
        times[0], units[0] = np.array([0.25, 1.0], np.float16), np.array([699, 0], np.uint16)
        times[1], units[1] = np.array([0.5], np.float16), np.array([4], np.uint16)
        file["labels"] = np.array([3, 19], np.uint16)
        file["extra/speaker"] = np.array([0, 11], np.uint16)
        file["extra/keys"] = np.array([b"zero", b"neun"])
    found = ShdFile(tmp_path / "a.h5")
    assert found[0] == Recording([250_000, 1_000_000], [699, 0], [0, 0], [0, 0], (1, 1, 700))
    assert len(found) == 2 and found.y.tolist() == [3, 19]


def test_times_of_shd_lie_on_the_ticks_of_float16() -> None:
    ticks = ShdFile.nearest(np.arange(2_000_000))
    np.testing.assert_array_equal(ShdFile.nearest(ticks), ticks)
    near_one = np.unique(ticks[1_000_000:1_300_000])
    assert set(np.diff(near_one)) == {976, 977}  # 2**-10 s: a shift below is no shift
    halves = np.abs(ticks - np.arange(2_000_000))
    assert halves.max() <= 489


def test_attacked_frames_of_shd_are_the_same_after_the_file(tmp_path: Path) -> None:
    rng, one = np.random.default_rng(0), spoken(3)[0]
    binning = Binning(timesteps=100, duration=1_400_000, outside="clip")
    frames = binning(one).numpy()
    frames += rng.random(frames.shape) < 0.01
    frames *= rng.random(frames.shape) < 0.8
    result = write_back(one, frames, binning, nearest=ShdFile.nearest)
    assert result.deleted.any() and result.inserted.any()
    write_shd(tmp_path / "a.h5", [result.recording], [0])
    np.testing.assert_array_equal(binning(ShdFile(tmp_path / "a.h5")[0]).numpy(), frames)


def test_the_published_layout_of_n_tidigits(tmp_path: Path) -> None:
    spikes = {"man-a-1": ([0.5, 0.25], [63, 0]), "woman-b-2z": ([], [])}
    write_n_tidigits(tmp_path / "a.hdf5", spikes, "test")
    file = NTidigitsFile(tmp_path / "a.hdf5", "test", sort=True)
    assert file.names == ("man-a-1", "woman-b-2z") and len(file[1]) == 0
    assert file[0] == Recording([250_000, 500_000], [0, 63], [0, 0], [0, 0], (1, 1, 64))
    with pytest.raises(FileProblem, match="recording 0, holds no recording: .*sort=True"):
        NTidigitsFile(tmp_path / "a.hdf5", "test")[0]
    with pytest.raises(FileProblem, match="has no /train_labels"):
        NTidigitsFile(tmp_path / "a.hdf5")
    with pytest.raises(SettingError, match="part of N-TIDIGITS"):
        NTidigitsFile(tmp_path / "a.hdf5", "valid")


def replaced(name: str, value: Any) -> Any:
    def change(file: Any) -> None:
        del file[name]
        file[name] = value

    return change


def lists(name: str, kind: Any, values: Any) -> Any:
    def change(file: Any) -> None:
        del file[name]
        held = file.create_dataset(name, (4,), h5py.vlen_dtype(kind))
        for number in range(4):
            held[number] = np.array(values, kind)

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (replaced("labels", np.zeros(3, int)), r"holds times, units and labels of \(4,\), \(4,\)"),
        (replaced("labels", np.zeros(4)), "holds times, units and labels"),
        (replaced("spikes/times", np.zeros(4)), "holds no lists of numbers under /spikes/times"),
        (replaced("extra/speaker", np.zeros(2, int)), "for 4 recordings"),
        (lists("spikes/units", np.uint16, [1, 2]), r"\(60,\) times and \(2,\) channels"),
        (lists("spikes/units", np.uint16, [700] * 60), "event 0 has x = 700"),
        (lists("spikes/times", np.float16, [np.nan] * 60), "are no seconds"),
        (lists("spikes/times", np.float16, [-1] * 60), "at least 0"),
        (lists("spikes/times", np.float16, range(60, 0, -1)), "must not go back"),
    ],
)
def test_spoilt_files_are_refused_by_name(change: Any, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "shd_train.h5"
    write_shd(path, spoken(0), range(4), speakers=range(4))
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(FileProblem, match=sentence) as found:
        list(ShdFile(path))
    assert str(path) in str(found.value)


def test_what_shd_cannot_hold_is_not_written(tmp_path: Path) -> None:
    off = Recording([1_000_100], [0], [0], [0], (1, 1, 700))
    for items, y, sentence in (
        ([off], [0], "no time of 1000100 us .recording 0, event 0"),
        ([Recording([1], [0], [0], [0], (1, 1, 64))], [0], r"SHD has \(1, 1, 700\)"),
        (spoken(0), [0], "4 recordings and 1 labels"),
    ):
        with pytest.raises(InputError, match=sentence):
            write_shd(tmp_path / "a.h5", items, y)
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="There is no SHD file"):
        ShdFile(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(b"not HDF5")
    with pytest.raises(FileProblem, match=r"a\.h5 is no whole SHD file"):
        ShdFile(tmp_path / "a.h5")


def test_lists_that_lie_nowhere_are_refused_before_the_library_looks_for_them(
    tmp_path: Path,
) -> None:
    write_shd(tmp_path / "a.h5", spoken(0), range(4))
    content = bytearray((tmp_path / "a.h5").read_bytes())
    heap = content.index(b"GCOL")
    first = heap + 16
    for place, value, sentence in (
        (heap, b"X", "no block of lists at byte"),
        (heap + 4, b"\2", "no block of lists at byte"),
        (heap + 8, (1 << 40).to_bytes(8, "little"), "no block of lists at byte"),
        (first, bytes(16), "that does not end"),  # here the library would search for ever
        (first + 8, (1 << 20).to_bytes(8, "little"), "contradicts itself"),
        (first + 8, (2).to_bytes(8, "little"), "of lists at byte|numbers that is not there"),
    ):
        spoilt = content.copy()
        spoilt[place : place + len(value)] = value
        (tmp_path / "b.h5").write_bytes(spoilt)
        with pytest.raises(FileProblem, match=sentence):
            ShdFile(tmp_path / "b.h5")
    chunked = tmp_path / "c.h5"
    with h5py.File(chunked, "w") as file:
        for name, kind in (("times", np.float16), ("units", np.uint16)):
            held = file.create_dataset(f"spikes/{name}", (5,), h5py.vlen_dtype(kind), chunks=(2,))
            for number in range(5):
                held[number] = np.full(number, number, kind)
        file["labels"] = np.zeros(5, np.uint16)
    assert [len(one) for one in ShdFile(chunked)] == [0, 1, 2, 3, 4]
