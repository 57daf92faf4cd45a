"""Real recordings, read by these readers and by other people's."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.data import Binning, Recording, from_structured, read_recording, write_recording
from support.published_files import REAL

pytestmark = pytest.mark.skipif(
    not (REAL / "nmnist").is_dir(), reason=f"the real recordings are not in {REAL}"
)


def columns(pack: Any, item: int) -> dict[str, Any]:
    """The events of an item in a pack of recordings: columns, and times as differences."""
    part = slice(pack["offsets"][item], pack["offsets"][item + 1])
    found = {name: pack[name][part] for name in ("x", "y", "p")}
    return {"t": np.cumsum(pack["dt"][part].astype(np.int64)), **found}


def test_recordings_of_n_mnist_and_dvs128_gesture() -> None:
    digits = np.load(REAL / "nmnist" / "nmnist_subset.npz")
    gestures = np.load(REAL / "dvs128gesture" / "dvs128gesture_clips.npz")
    for path, pack, item, events in (
        ("nmnist/original/Train/5/00001.bin", digits, 0, 4681),
        ("dvs128gesture/original/1.bs2", gestures, 0, 63_471),
    ):
        found = read_recording(REAL / path)
        assert len(found) == events
        for name, column in columns(pack, item).items():
            np.testing.assert_array_equal(getattr(found, name), column)


def test_a_real_file_is_written_byte_for_byte(tmp_path: Path) -> None:
    paths = [*sorted((REAL / "nmnist/original").rglob("*.bin"))[:8]]
    paths += (REAL / "dvs128gesture/original").glob("*.bs2")
    assert len(paths) == 11
    for path in paths:
        write_recording(tmp_path / path.name, read_recording(path))
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_frames_of_n_mnist_are_those_of_the_published_formula() -> None:
    digits = np.load(REAL / "nmnist" / "nmnist_subset.npz")
    e = columns(digits, 0)
    frames = np.zeros((10, 2, 34, 34))
    bins = np.minimum(e["t"] * 10 // 310_000, 9)
    np.add.at(frames, (bins, e["p"], e["y"], e["x"]), 1)
    one = read_recording(REAL / "nmnist/original/Train/5/00001.bin")
    np.testing.assert_array_equal(Binning(timesteps=10, duration=310_000)(one).numpy(), frames)


def test_a_recording_of_n_cars() -> None:
    found = read_recording(REAL / "event_formats/sample_ncars.dat", sensor=(2, 100, 120))
    assert (len(found), found.t[0], found.t[-1]) == (2009, 0, 99_952)
    content = (REAL / "event_formats/sample_ncars.dat").read_bytes()
    t, where = struct.unpack("<II", content[-8:])
    last = (where & 0x3FFF, where >> 14 & 0x3FFF, where >> 28)
    assert (t, *last) == (found.t[-1], found.x[-1], found.y[-1], found.p[-1])


def test_a_recording_of_a_davis_camera(tmp_path: Path) -> None:
    aedat = pytest.importorskip("aedat")
    path = REAL / "event_formats/sample.aedat4"
    found = read_recording(path)
    assert len(found) == 111_954 and found.sensor == (2, 240, 320)
    theirs = np.concatenate([packet["events"] for packet in aedat.Decoder(path)
                             if "events" in packet])  # fmt: skip
    assert from_structured(theirs, found.sensor) == found
    moved = found.window(int(found.t[0]), int(found.t[-1]) + 1, rebase=True)
    write_recording(tmp_path / "a.aedat4", moved)
    assert read_recording(tmp_path / "a.aedat4") == moved


def test_a_recording_of_the_auditory_sensor_is_out_of_order_and_can_be_sorted(
    tmp_path: Path,
) -> None:
    path = REAL / "nas_tones/original/no_noise_523Hz.aedat"
    found = read_recording(path, "nas", sort=True)
    records = np.fromfile(path, np.dtype([("x", ">u4"), ("t", ">u4")]))
    order = np.argsort(records["t"], kind="stable")
    zero = np.zeros(len(order), np.uint8)
    assert found == Recording(records["t"][order].astype(np.int64), records["x"][order],
                              zero, zero, (1, 1, 128))  # fmt: skip
