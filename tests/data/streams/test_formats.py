"""Event files: their published layouts byte by byte, and the way through a file and back."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spikeproof.base import FileProblem, InputError, SettingError
from spikeproof.data import (
    FORMATS,
    Binning,
    Recording,
    from_structured,
    read_frames,
    read_intervals,
    read_recording,
    to_structured,
    write_back,
    write_frames,
    write_recording,
)
from spikeproof.data.streams.formats import Aedat2, Aedat3, Bin, Dat, Evt2, Evt3, Hdf5, Nas, Npy
from spikeproof.data.streams.formats.stream_format import ByteFormat
from support.damaged_recordings import made

# Two events by hand: (t 5, x 3, y 33, ON) and (t 70000, x 0, y 1, OFF).
TWO = ([5, 70_000], [3, 0], [33, 1], [1, 0])
RAW2 = b"% evt 2.0\n% format EVT2;height=48;width=64\n% geometry 64x48\n% end\n"
RAW3 = RAW2.replace(b"evt 2", b"evt 3").replace(b"EVT2", b"EVT3")
# Upper 0, lower 5, row 33, ON at 3; then every step of the upper bits, lower, row 1, OFF at 0.
EVT3_WORDS = (0x8000, 0x6005, 0x0021, 0x2803, *range(0x8001, 0x8012), 0x6170, 0x0001, 0x2000)
BY_HAND: dict[str, tuple[Any, tuple[int, int, int], bytes]] = {
    "bin": (Bin(), (2, 34, 34), bytes.fromhex("03218000050001011170")),
    "nas": (Nas(), (1, 1, 128), bytes.fromhex("00000003000000050000000000011170")),
    "aedat2": (
        Aedat2(),
        (2, 128, 128),
        b"#!AER-DAT2.0\r\n# Timestamps tick: 1 us\r\n"
        + struct.pack(">IIII", 33 << 8 | 124 << 1, 5, 1 << 8 | 127 << 1 | 1, 70_000),
    ),
    "aedat3": (
        Aedat3(),
        (2, 128, 128),
        b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
        + struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, 2, 2, 2)
        + struct.pack("<IIII", 3 << 17 | 33 << 2 | 2 | 1, 5, 1 << 2 | 1, 70_000),
    ),
    "dat": (
        Dat(),
        (2, 48, 64),
        b"% Data file containing CD events.\n% Version 2\n% Width 64\n% Height 48\n\x0c\x08"
        + struct.pack("<IIII", 5, 1 << 28 | 33 << 14 | 3, 70_000, 1 << 14),
    ),
    "evt2": (
        Evt2(),
        (2, 48, 64),
        RAW2
        + struct.pack(
            "<IIII",
            8 << 28,
            1 << 28 | 5 << 22 | 3 << 11 | 33,
            8 << 28 | 70_000 >> 6,
            (70_000 & 63) << 22 | 1,
        ),
    ),
    "evt3": (
        Evt3(),
        (2, 48, 64),
        RAW3 + b"".join(struct.pack("<H", word) for word in EVT3_WORDS),
    ),
}


def recording(sensor: tuple[int, int, int]) -> Recording:
    t, x, y, p = TWO
    flat = sensor[1] == 1
    return Recording(t, x, [0, 0] if flat else y, [0, 0] if flat else p, sensor)


@pytest.mark.parametrize("kind", sorted(BY_HAND))
def test_the_bytes_of_a_file_are_the_published_ones(kind: str, tmp_path: Path) -> None:
    form, sensor, content = BY_HAND[kind]
    form.write(tmp_path / "a", recording(sensor))
    assert (tmp_path / "a").read_bytes() == content
    assert form.read(tmp_path / "a") == recording(sensor)


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_what_is_written_is_read_again(kind: str, tmp_path: Path) -> None:
    for seed, events in ((1, 0), (2, 1), (3, 500)):
        one = made(kind, seed, events)
        write_recording(tmp_path / "a", one, kind)
        assert read_recording(tmp_path / "a", kind, sensor=one.sensor, empty=True) == one
        again = (tmp_path / "a").read_bytes()
        write_recording(tmp_path / "a", one, kind)
        assert kind == "hdf5" or (tmp_path / "a").read_bytes() == again
    for suffix in FORMATS[kind].suffixes:  # the name and the first bytes tell the format
        path = tmp_path / f"a{suffix}"
        write_recording(path, one, kind)
        assert read_recording(path, sensor=one.sensor) == one


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_attacked_frames_are_the_same_after_a_file(kind: str, tmp_path: Path) -> None:
    """Recording → frames → attack → recording → file → recording → the attacked frames."""
    rng, form = np.random.default_rng(7), FORMATS[kind]()
    one = made(kind, 5)
    for most in (None, 1):
        start, end = int(one.t[0]), int(one.t[-1])
        binning = Binning(timesteps=4, duration=end - start + 1, start=start, most=most)
        frames = binning(one).numpy()
        flat = frames.reshape(-1)
        at = rng.choice(flat.size, 200, replace=False)
        at = np.concatenate([at, np.flatnonzero(flat)[:50]])
        flat[at] = (flat[at] + rng.choice([-1.0, 1.0], len(at))).clip(0, most)
        result = write_back(one, frames, binning, nearest=form.nearest)
        assert result.deleted.any() and result.inserted.any()
        write_recording(tmp_path / "a", result.recording, kind)
        read = read_recording(tmp_path / "a", kind, sensor=one.sensor)
        assert read == result.recording
        np.testing.assert_array_equal(binning(read).numpy(), frames)


def test_a_marker_of_the_clock_moves_what_follows() -> None:
    rows = [(1, 2, 5), (0, 240, 0), (3, 4, 6), (0, 240, 0), (0, 240, 0), (5, 6, 7)]
    content = b"".join(bytes((x, y)) + t.to_bytes(3, "big") for x, y, t in rows)
    assert Bin().decode(content).t.tolist() == [5, 8192 + 6, 3 * 8192 + 7]
    with_row = Bin(sensor=(2, 256, 256))  # here it is a row
    assert with_row.decode(content).y.tolist() == [2, 240, 4, 240, 240, 6]


def test_both_readings_of_the_axes_of_cifar10_dvs() -> None:
    content = b"#!AER-DAT2.0\n" + struct.pack(">II", 10 << 8 | 30 << 1 | 1, 9)
    for axes, x, y in (("jaer", 97, 10), ("spikingjelly", 117, 97)):
        found = Aedat2(axes=axes).decode(content)
        assert (found.x.tolist(), found.y.tolist(), found.p.tolist()) == ([x], [y], [0])
        one = Recording([9], [x], [y], [0], (2, 128, 128))
        assert Aedat2(axes=axes).encode(one)[-8:] == content[-8:]
    edge = Aedat2().decode(content + struct.pack(">II", 0x8000, 10))
    assert edge.t.tolist() == [9]
    with pytest.raises(SettingError, match="reading of the axes"):
        Aedat2(axes="none")


def test_packets_of_aedat3_that_hold_no_pixels_and_events_that_are_not_valid_are_left_out() -> None:
    head = b"#!AER-DAT3.1\r\n#!END-HEADER\r\n"
    other = struct.pack("<HHIIIIII", 0, 1, 8, 4, 0, 3, 1, 1) + bytes(24)
    mixed = struct.pack("<HHIIIIII", 1, 1, 8, 4, 1, 3, 2, 1) + struct.pack(
        "<IIIIII", 3 << 17 | 1, 7, 5 << 17, 8, 1, 9
    )
    found = Aedat3().decode(head + other + mixed)
    assert (found.t.tolist(), found.x.tolist()) == ([(1 << 31) + 7], [3])


def test_rows_of_evt3_are_events_side_by_side() -> None:
    words = [0x8001, 0x6002, 0x0007, 0x3000 | 1 << 11 | 10, 0x4805, 0x5003, 0xA001, 0xE000, 0xF000]
    found = Evt3().decode(RAW3 + b"".join(struct.pack("<H", word) for word in words))
    # 0x805: bits 0, 2 and 11 from column 10; then 0x03: bits 0 and 1 from column 22.
    assert found.x.tolist() == [10, 12, 21, 22, 23]
    assert set(found.y.tolist()) == {7} and set(found.p.tolist()) == {1}
    assert set(found.t.tolist()) == {4096 + 2}


def test_events_before_the_first_time_are_left_out() -> None:
    content = RAW2 + struct.pack("<IIII", 1 << 28 | 9, 8 << 28 | 1, 1 << 28 | 2 << 22, 0xA << 28)
    found = Evt2().decode(content)
    assert (found.t.tolist(), found.sensor) == ([66], (2, 48, 64))
    assert not len(Evt2().decode(RAW2 + struct.pack("<I", 1 << 28)).t)


def test_other_readers_read_what_is_written(tmp_path: Path) -> None:
    evio, aedat = pytest.importorskip("evio"), pytest.importorskip("aedat")
    for kind, suffix in (("bin", "bin"), ("dat", "dat")):
        one = made(kind, 3)
        write_recording(tmp_path / f"a.{suffix}", one, kind)
        theirs = evio.read(tmp_path / f"a.{suffix}")
        assert from_structured(theirs, one.sensor) == one
    one = made("aedat4", 3, 70_000)
    write_recording(tmp_path / "a.aedat4", one)
    decoder = aedat.Decoder(tmp_path / "a.aedat4")
    assert decoder.id_to_stream() == {0: {"type": "events", "width": 50, "height": 40}}
    packets = [packet["events"] for packet in decoder]
    assert len(packets) == 2
    assert from_structured(np.concatenate(packets), (2, 40, 50)) == one
    write_recording(tmp_path / "a.hdf5", one)
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert file["CD/events"].dtype.names == ("x", "y", "p", "t")
        assert file["CD/events"]["t"].tolist() == one.t.tolist()
    write_recording(tmp_path / "a.npz", one)
    with np.load(tmp_path / "a.npz") as held:
        assert sorted(held) == ["p", "t", "x", "y"] and (held["x"] == one.x).all()
    write_recording(tmp_path / "a.npy", one)
    assert (np.load(tmp_path / "a.npy")["y"] == one.y).all()


def test_structured_arrays_of_other_libraries() -> None:
    one = made("npy", 4)
    tonic = np.empty(len(one), [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
    for name in "xytp":
        tonic[name] = getattr(one, name)
    assert from_structured(tonic, one.sensor) == one
    assert from_structured(to_structured(one), one.sensor) == one
    signed = tonic.astype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "i1")])
    signed["p"] = 2 * signed["p"] - 1
    with pytest.warns(UserWarning, match="-1 and 1 were read as 0"):
        assert from_structured(signed, one.sensor) == one
    sound = np.zeros(3, [("t", "<i4"), ("x", "<i4")])
    assert len(from_structured(sound, (1, 1, 700))) == 3
    for wrong, sentence in (
        (np.zeros(3), "must be a structured array"),
        (np.zeros(3, [("t", "i4"), ("z", "i4")]), "has the fields t, z"),
        (np.zeros(3, [("t", "f4"), ("x", "i4")]), "has a t of float32"),
        (np.full(3, 1 << 63, [("t", "u8"), ("x", "i4")]), "beyond 63 bits"),
    ):
        with pytest.raises(InputError, match=sentence):
            from_structured(wrong, (1, 1, 700))


def test_frames_of_spikingjelly(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 4, (4, 2, 5, 6)).astype(np.float32)
    np.savez_compressed(tmp_path / "a.npz", frames=frames)
    np.testing.assert_array_equal(read_frames(tmp_path / "a.npz"), frames)
    write_frames(tmp_path / "b.npz", frames)
    np.testing.assert_array_equal(np.load(tmp_path / "b.npz")["frames"], frames)
    with pytest.raises(
        FileProblem, match=r"read them with read_frames.*b\.npz|b\.npz.*read_frames"
    ):
        read_recording(tmp_path / "b.npz", sensor=(2, 5, 6))
    for wrong in (frames + 0.5, -frames - 1, frames[0], frames * np.nan, frames.astype("c8")):
        np.savez(tmp_path / "c.npz", frames=wrong)
        with pytest.raises(FileProblem, match=r"c\.npz holds frames of"):
            read_frames(tmp_path / "c.npz")
        with pytest.raises(InputError, match="whole counts"):
            write_frames(tmp_path / "d.npz", wrong)
    write_recording(tmp_path / "e.npz", made("npz"))
    with pytest.raises(FileProblem, match=r"e\.npz holds p, t, x, y and no frames"):
        read_frames(tmp_path / "e.npz")


def test_the_table_of_gestures(tmp_path: Path) -> None:
    path = tmp_path / "user01_labels.csv"
    path.write_text("class,startTime_usec,endTime_usec\n1,80,900\n11,1000,2500\n")
    assert read_intervals(path).tolist() == [[1, 80, 900], [11, 1000, 2500]]
    for text, sentence in (
        ("", "no table of gestures"),
        ("a,b,c\n1,2,3\n", "no table of gestures"),
        ("class,startTime_usec,endTime_usec\n1,80\n", "line 2, is '1,80'"),
        ("class,startTime_usec,endTime_usec\n1,80,80\n", "the second is later"),
        ("class,startTime_usec,endTime_usec\n1,-8,80\n", "line 2"),
    ):
        path.write_text(text)
        with pytest.raises(FileProblem, match=sentence):
            read_intervals(path)


GOOD = {kind: content for kind, (_, _, content) in BY_HAND.items()}
EVENT3 = GOOD["aedat3"].index(b"#!END-HEADER\r\n") + 14
DAMAGED: list[tuple[Any, bytes, str]] = [
    (Bin(), GOOD["bin"][:-1], "has 9 bytes, which are no whole events of 5"),
    (Bin(), b"", "holds no events"),
    (Bin(), bytes.fromhex("2221800005"), "event 0 has x = 34"),
    (Bin(), GOOD["bin"][5:] + GOOD["bin"][:5], "go back; event 1 is at 5 us, after one at 70000"),
    (Nas(), GOOD["nas"][:-3], "no whole spikes of 8"),
    (Nas(), struct.pack(">II", 128, 1), "event 0 has x = 128"),
    (Aedat2(), b"no header" + bytes(16), "does not begin with #!AER-DAT2.0"),
    (Aedat2(), GOOD["aedat3"], "does not begin with #!AER-DAT2.0"),
    (Aedat2(), b"#!AER-DAT2.0", "has a header that does not end"),
    (Aedat2(), GOOD["aedat2"][:-1], "bytes of events, no whole ones of 8"),
    (Aedat2(), GOOD["aedat2"] + struct.pack(">II", 1 << 20, 1), "has an address 0x100000"),
    (Aedat2(), GOOD["aedat2"][:-16] + struct.pack(">Ii", 0, -5), "at least 0; event 0 is at -5"),
    (Aedat3(), GOOD["aedat2"], "does not begin with #!AER-DAT3.1"),
    (Aedat3(), b"#!AER-DAT3.1\r\n", "without the line #!END-HEADER"),
    (Aedat3(), GOOD["aedat3"][:-1], "of 16 bytes, and ends after 15 of them"),
    (Aedat3(), GOOD["aedat3"] + b"xy", "ends inside the header of a packet"),
    (
        Aedat3(),
        GOOD["aedat3"][:-8] + b"\0" + GOOD["aedat3"][-7:],
        "says 2 valid events and holds 1",
    ),
    (
        Aedat3(),
        GOOD["aedat3"][: EVENT3 + 20] + b"\3" + GOOD["aedat3"][EVENT3 + 21 :],
        "whose header contradicts itself",
    ),
    (
        Aedat3(),
        GOOD["aedat3"][:EVENT3] + struct.pack("<HHIIIIII", 1, 1, 16, 4, 0, 1, 1, 1) + bytes(16),
        "has events of 16 bytes",
    ),
    (Dat(), bytes(16), "does not begin with a line of %"),
    (Dat(), GOOD["dat"][:-1], "no whole ones of 8"),
    (Dat(), b"% Width 4\n% Height 4\n\x0e\x08" + bytes(8), "holds events of kind 14 and 8 bytes"),
    (Dat(), b"% Width 4\n% Height x\n" + bytes(8), "says a sensor of '4' by 'x' pixels"),
    (Dat(), b"% Width 4\n% Height 0\n" + bytes(8), "says a sensor of 4 by 0 pixels"),
    (Dat(), b"% Width 4\n% Height 4\n" + struct.pack("<II", 1, 2 << 28), "event 0 has p = 2"),
    (Evt2(), GOOD["evt3"], "has no header that says EVT2"),
    (Evt2(), GOOD["evt2"][:-1], "no whole ones of 4"),
    (Evt2(), GOOD["evt2"] + struct.pack("<I", 5 << 28), "has a word of the unknown kind 0x5"),
    (Evt3(), GOOD["evt2"], "has no header that says EVT3"),
    (Evt3(), GOOD["evt3"][:-1], "ends inside a word of 2 bytes"),
    (Evt3(), GOOD["evt3"] + b"\0\x90", "has a word of the unknown kind 0x9"),
    (Npy(sensor=(2, 4, 4)), b"\x93NUMPY\x01\x00", "has no header of an array"),
    (Npy(sensor=(2, 4, 4)), b"not numpy", "has no header of an array"),
    (Hdf5(), b"\x89HDF\r\n\x1a\n", "is not read by the library h5py"),
]


@pytest.mark.parametrize(("form", "content", "sentence"), DAMAGED)
def test_damaged_files_are_refused_by_name(
    form: ByteFormat, content: bytes, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "00042.file"
    path.write_bytes(content)
    with pytest.raises(FileProblem) as found:
        form.read(path)
    text = str(found.value)
    assert sentence in text and str(path) in text and text.count("\n") == 0 and text[-1] == "."


def npy(array: Any, **settings: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array, **settings)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (npy(np.zeros(3)), "no structured array of one axis"),
        (npy(np.zeros((2, 2), [("t", "i8")])), "no structured array of one axis"),
        (npy(np.array([None])), "no structured array"),
        (npy(np.zeros(3, [("t", "i8"), ("x", "O")])), "no structured array of one axis"),
        (npy(np.zeros(3, [("t", "i8"), ("x", "i2")]))[:-1], "says 3 events of 10 bytes"),
        (npy(np.zeros(3, [("t", "i8"), ("x", "i2")])) + b"1", "says 3 events of 10 bytes"),
        (npy(np.zeros(3, [("t", "i8"), ("x", "i2", 3)])), "no whole numbers"),
        (npy(np.zeros(3, [("t", "i8"), ("q", "i2")])), "has the fields t, q"),
    ],
)
def test_npy_files_of_other_arrays_are_refused(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FileProblem, match=sentence):
        read_recording(tmp_path / "a.npy", sensor=(2, 4, 4))


def hdf5(build: Any) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        build(file)
    return held.getvalue()


EVENTS = np.zeros(3, [("x", "u2"), ("y", "u2"), ("p", "i2"), ("t", "i8")])


def external(file: Any) -> None:
    file.create_group("CD")["events"] = h5py.ExternalLink("other.h5", "/CD/events")


def soft(file: Any) -> None:
    file["held"] = EVENTS
    file.create_group("CD")["events"] = h5py.SoftLink("/held")


def huge(file: Any) -> None:
    file.create_dataset("CD/events", (1 << 40,), EVENTS.dtype, chunks=(1 << 10,))


def packed_by_ecf(file: Any) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((3,))
    plist.set_filter(0x8ECF, h5py.h5z.FLAG_OPTIONAL, ())
    group = h5py.h5g.create(file.id, b"CD")
    kind, space = h5py.h5t.py_create(EVENTS.dtype), h5py.h5s.create_simple((3,))
    h5py.h5d.create(group, b"events", kind, space, plist)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda file: None, "has no /CD/events"),
        (external, "has a link at /CD/events"),
        (soft, "has a link at /CD/events"),
        (huge, "larger than"),
        (packed_by_ecf, "the vendor's ECF, whose plugin for HDF5 is not installed"),
        (lambda file: file.create_group("CD/events"), "has no dataset of its own"),
        (lambda file: file.create_dataset("CD/events", data=np.zeros(3)), "no events .x, y, p, t"),
        (
            lambda file: file.create_dataset("CD/events", data=EVENTS.astype(
                [("x", "f4"), ("y", "u2"), ("p", "i2"), ("t", "i8")])),
            "no whole numbers",
        ),
    ],
)  # fmt: skip
def test_hdf5_files_of_other_contents_are_refused(
    build: Any, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "a.h5").write_bytes(hdf5(build))
    with pytest.raises(FileProblem, match=sentence):
        read_recording(tmp_path / "a.h5")


def test_an_archive_needs_all_four_columns(tmp_path: Path) -> None:
    for arrays, sentence in (
        ({"t": [1]}, "holds t and not t, x, y and p"),
        ({"t": [1], "x": [1], "y": [1, 2], "p": [1]}, "not whole numbers of one length"),
        ({"t": [1.5], "x": [1], "y": [1], "p": [1]}, "not whole numbers of one length"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(FileProblem, match=sentence):
            read_recording(tmp_path / "a.npz", sensor=(2, 4, 4))


@pytest.mark.parametrize(
    ("kind", "one", "sentence"),
    [
        ("bin", Recording([1 << 23], [0], [0], [0], (2, 34, 34)), "no time of 8388608 us .event 0"),
        ("dat", Recording([1 << 32], [0], [0], [0], (2, 4, 4)), "the nearest is 4294967295"),
        ("aedat2", Recording([1], [0], [0], [0], (2, 4, 129)), "hold sensors up to"),
        ("evt3", Recording([1 << 36], [0], [0], [0], (2, 4, 4)), "no time of"),
        ("nas", Recording([1], [0], [0], [0], (2, 1, 128)), "hold sensors up to"),
    ],
)
def test_what_a_format_cannot_hold_is_not_written(
    kind: str, one: Recording, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=sentence):
        write_recording(tmp_path / "a", one, kind)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="set to the sensor"):
        Bin().write(tmp_path / "a", Recording([1], [0], [0], [0], (2, 35, 34)))


def test_names_that_tell_no_format(tmp_path: Path) -> None:
    one = made("evt2")
    with pytest.raises(SettingError, match="does not tell the format; name it: .*aedat2"):
        write_recording(tmp_path / "a.xyz", one)
    with pytest.raises(SettingError, match="name it: evt2, evt3"):
        write_recording(tmp_path / "a.raw", one)
    with pytest.raises(SettingError, match="Unknown format of recordings 'evt4'"):
        write_recording(tmp_path / "a.raw", one, "evt4")
    (tmp_path / "a.raw").write_bytes(bytes(100))
    with pytest.raises(FileProblem, match=r"a\.raw does not begin as any known \.raw file"):
        read_recording(tmp_path / "a.raw")
    with pytest.raises(FileProblem, match=r"There is no .* at .*b\.bin"):
        read_recording(tmp_path / "b.bin")
    write_recording(tmp_path / "a.npz", made("npz"))
    with pytest.raises(SettingError, match=r"a\.npz does not say its sensor"):
        read_recording(tmp_path / "a.npz")


def test_a_given_format_keeps_its_settings(tmp_path: Path) -> None:
    one = made("aedat2")
    write_recording(tmp_path / "a.aedat", one, Aedat2(axes="spikingjelly"))
    assert read_recording(tmp_path / "a.aedat", Aedat2(axes="spikingjelly")) == one
    assert read_recording(tmp_path / "a.aedat") != one
    with pytest.raises(SettingError, match="A sensor is"):
        Bin(sensor=(2, 34))  # type: ignore[arg-type]


def test_events_out_of_order_are_sorted_where_it_is_allowed(tmp_path: Path) -> None:
    content = struct.pack(">IIIIII", 5, 9, 6, 3, 7, 3)
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileProblem, match=r"sort the events by time \(sort=True does\)"):
        read_recording(tmp_path / "a", "nas")
    found = read_recording(tmp_path / "a", "nas", sort=True)
    assert (found.t.tolist(), found.x.tolist()) == ([3, 3, 9], [6, 7, 5])


def test_no_more_is_read_than_was_allowed(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.bin", made("bin"))
    with pytest.raises(FileProblem, match="at most 100 are read"):
        Bin().read(tmp_path / "a.bin", most=100)
    words = np.full(1 << 23, 0x4FFF, "<u2")  # twelve events each: more than a gigabyte of columns
    (tmp_path / "b.raw").write_bytes(RAW3 + words.tobytes())
    with pytest.raises(FileProblem, match="may hold 100,663,296 events, more than are read"):
        read_recording(tmp_path / "b.raw")


@pytest.mark.parametrize(
    ("kind", "name"), [("evt3", "evt3"), ("aedat4", "aedat"), ("hdf5", "h5py")]
)
def test_a_library_that_is_absent_is_named(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(kind)
    write_recording(tmp_path / "a", one, kind)

    def absent(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(SettingError, match=f"need the library {name}.*spikeproof\\[events\\]"):
        read_recording(tmp_path / "a", kind, sensor=one.sensor)


def test_nothing_warns_where_nothing_is_wrong(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in FORMATS:
            write_recording(tmp_path / "a", made(kind), kind)
            read_recording(tmp_path / "a", kind, sensor=made(kind).sensor)


def packet(body: bytes, *, size: int | None = None) -> bytes:
    return struct.pack("<ii", 0, len(body) if size is None else size) + body


ZSTD = b"\x28\xb5\x2f\xfd"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (b"\0\0\0", "ends inside the header of a packet"),
        (packet(b"", size=-1), "of -1 bytes"),
        (packet(b"abc", size=4), "of 4 bytes, and ends after 3 of them"),
        # Frames of Zstd: too short; without a size; with sizes of 8 and 4 bytes that fill memory.
        (packet(ZSTD), "too short for its packing"),
        (packet(ZSTD + b"\0" * 12), "does not say what it unpacks to"),
        (packet(ZSTD + b"\xc0\0" + (1 << 40).to_bytes(8, "little")), "may unpack to 1,099,511,627"),
        (packet(ZSTD + b"\xa0" + b"\xff" * 4 + b"\0" * 9), "may unpack to 4,294,967,295"),
        (packet(b"\x04\x22\x4d\x18" + bytes(5 << 20)), "may unpack to 1,336,935,420"),
        (packet(b"no flatbuffer"), "is not read by the library aedat"),
    ],
)
def test_packets_of_aedat4_that_cannot_be_are_refused(
    more: bytes, sentence: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.aedat4"
    write_recording(path, made("aedat4"))
    content = path.read_bytes()
    path.write_bytes(content + more)
    with pytest.raises(FileProblem, match=sentence):
        read_recording(path)
    (size,) = struct.unpack_from("<I", content, 14)
    for spoilt, said in (
        (b"#!AER-DAT3.1" + content[12:], "does not begin with #!AER-DAT4.0"),
        (content[:30], "ends inside its header"),
        (
            content.replace(b"\xff" * 8, (1 << 30).to_bytes(8, "little"), 1),
            "says a table of packets",
        ),
        (content[:18] + b"\xff" * 4 + content[22:], "points outside the file"),
        (content[: 18 + size], "holds no events"),
        (content.replace(b"EVTS</attr>", b"FRME</attr>"), "0 streams of events|aedat"),
    ):
        path.write_bytes(spoilt)
        with pytest.raises(FileProblem, match=said):
            read_recording(path)
