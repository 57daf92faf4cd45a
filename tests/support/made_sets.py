"""Small folders in the published layouts of data sets, written by their definitions."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import write_arrays
from spikeproof.data.streams import Recording, ShdFile, write_recording, write_shd
from spikeproof.data.streams.formats.bin import Bin

__all__ = [
    "batch_pickle",
    "cifar100_archive",
    "gestures",
    "idx",
    "moving_pictures",
    "n_mnist",
    "packed_recordings",
    "pictures_before_a_camera",
    "recording",
    "spiking_digits",
    "spoken_digits",
    "wav",
]

Array = np.ndarray[Any, Any]


def idx(array: Array) -> bytes:
    """A gzipped IDX file."""
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


def wav(samples: Array, rate_hz: int, *, channels: int = 1) -> bytes:
    """A WAV file of 16-bit samples."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return held.getvalue()


def write(path: Path, content: bytes) -> Path:
    """A file in folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def spoken_digits(folder: Path, *, takes: int = 7, rate_hz: int = 8000) -> dict[str, Array]:
    """Two digits by three speakers in the layout of FSDD; file name → samples."""
    rng, found = np.random.default_rng(0), {}
    for digit in (3, 7):
        for speaker in ("jackson", "nicolas", "theo"):
            for take in range(takes):
                name = f"{digit}_{speaker}_{take}.wav"
                found[name] = rng.integers(-3000, 3000, int(rng.integers(1500, 6000)))
                write(folder / "fsdd" / "recordings" / name, wav(found[name], rate_hz))
    return found


def recording(seed: int, sensor: tuple[int, int, int], *, last: int, events: int = 80) -> Recording:
    """A recording of random events."""
    rng = np.random.default_rng(seed)
    p, y, x = (rng.integers(0, size, events) for size in sensor)
    return Recording(np.sort(rng.integers(0, last, events)), x, y, p, sensor)


def n_mnist(folder: Path, *, train: int = 12, test: int = 4) -> dict[str, Recording]:
    """Recordings of the digits 3 and 7 in the layout of N-MNIST; path below the folder → it."""
    found = {}
    for part, count in (("Train", train), ("Test", test)):
        for number in range(count):
            name = f"{part}/{(3, 7)[number % 2]}/{number + 1:05d}.bin"
            found[name] = recording(number + 100 * (part == "Test"), (2, 34, 34), last=305_000)
            path = folder / "n-mnist" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_recording(path, found[name])
    return found


def packed_recordings(path: Path, recordings: list[Recording], **facts: Array) -> None:
    """Recordings as packed columns."""
    times = [np.diff(one.t, prepend=0) for one in recordings]
    columns = {name: np.concatenate([getattr(one, name) for one in recordings]) for name in "xyp"}
    offsets = np.cumsum([0, *map(len, recordings)])
    write_arrays(path, {"dt": np.concatenate(times), **columns, "offsets": offsets, **facts})


def gestures(folder: Path) -> Path:
    """Two recordings of three gestures each, in the layout of DVS128 Gesture."""
    place = folder / "DvsGesture"
    place.mkdir(parents=True)
    for number, name in enumerate(("user01_led", "user02_lab")):
        one = recording(number, (2, 128, 128), last=9_000_000, events=4000)
        write_recording(place / f"{name}.aedat", one, "aedat3")
        rows = [f"{k + 1},{k * 3_000_000},{k * 3_000_000 + 2_900_000}" for k in range(3)]
        lines = "\n".join(["class,startTime_usec,endTime_usec", *rows])
        (place / f"{name}_labels.csv").write_text(lines)
    (place / "trials_to_train.txt").write_text("user01_led.aedat\n")
    (place / "trials_to_test.txt").write_text("user02_lab.aedat\n")
    return place


def moving_pictures(folder: Path, numbers: tuple[int, ...]) -> None:
    """Recordings of two classes in the layout of CIFAR10-DVS."""
    for label, name in enumerate(("cat", "dog")):
        for number in numbers:
            one = recording(number + 1000 * label, (2, 128, 128), last=1_200_000, events=60)
            late = Recording(one.t + 5_000, one.x, one.y, one.p, one.sensor)
            path = folder / "cifar10-dvs" / name / f"cifar10_{name}_{number}.aedat"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_recording(path, late, "aedat2")


def spiking_digits(folder: Path, names: tuple[str, ...], *, items: int = 6) -> list[Recording]:
    """Files in the layout of SHD and SSC."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for part, name in enumerate(names):
        rng, here = np.random.default_rng(part), []
        for _ in range(items):
            t = ShdFile.nearest(np.sort(rng.integers(0, 1_300_000, 50)))
            zero = np.zeros(50, np.uint8)
            here.append(Recording(t, rng.integers(0, 700, 50), zero, zero, (1, 1, 700)))
        write_shd(folder / name, here, [k % 3 for k in range(items)])
        found += here
    return found


def cifar100_archive(x: Array, y: Array, *, train: int) -> bytes:
    """The archive of CIFAR-100's binary version."""
    coarse = np.zeros_like(y)
    records = np.concatenate([coarse[:, None], y[:, None], x.reshape(len(y), -1)], axis=1)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        for name, part in (("train.bin", records[:train]), ("test.bin", records[train:])):
            content = part.astype(np.uint8).tobytes()
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return held.getvalue()


def batch_pickle(x: Array, y: Array, *, labels: str = "labels") -> bytes:
    """A batch of the Python version, opcode by opcode as Python 2 wrote it (protocol 2)."""
    rows = x.reshape(len(x), -1).astype(np.uint8).tobytes()

    def text(word: bytes) -> bytes:
        return b"U" + bytes([len(word)]) + word

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    rebuild = b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
    kind = (
        b"cnumpy\ndtype\nq\x07" + text(b"u1") + b"K\x00K\x01\x87q\x08Rq\x09"
        + b"(K\x03" + text(b"|") + b"NNN" + number(-1) + number(-1) + b"K\x00tb"
    )  # fmt: skip
    state = b"(K\x01" + number(len(x)) + number(3072) + b"\x86q\x06" + kind + b"\x89"
    data = rebuild + b"K\x00\x85U\x01b\x87q\x05R" + state + b"T"
    data += struct.pack("<i", len(rows)) + rows
    listed = b"]q\x0a(" + b"".join(number(int(one)) for one in y) + b"e"
    names = b"]q\x0b(" + b"".join(text(b"one.png") for _ in y) + b"e"
    return (
        b"\x80\x02}q\x01(" + text(b"data") + data + b"tb" + text(labels.encode()) + listed
        + text(b"batch_label") + text(b"training batch 1 of 5") + text(b"filenames") + names + b"u."
    )  # fmt: skip


def pictures_before_a_camera(folder: Path, numbers: tuple[int, ...]) -> dict[str, Recording]:
    """Recordings of two classes in the layout of N-Caltech101; path below the folder → it."""
    found = {}
    for label, name in enumerate(("accordion", "yin_yang")):
        for number in numbers:
            path = f"{name}/image_{number:04d}.bin"
            found[path] = recording(number + 1000 * label, (2, 180, 240), last=300_000)
            place = folder / "Caltech101" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            write_recording(place, found[path], Bin(sensor=(2, 180, 240)))
    return found


def cochlea_digits(path: Path, names: dict[str, tuple[str, ...]]) -> dict[str, Recording]:
    """A file in the layout of N-TIDIGITS: part → names of its recordings."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    rng, found = np.random.default_rng(0), {}
    with h5py.File(path, "w") as file:
        for part, those in names.items():
            file[f"{part}_labels"] = np.array([name.encode() for name in those], dtype="S")
            for name in those:
                t = np.sort(rng.integers(0, 1_600_000, 80))
                seconds, x = (t / 1e6).astype(np.float32), rng.integers(0, 64, 80, dtype=np.uint8)
                file[f"{part}_timestamps/{name}"], file[f"{part}_addresses/{name}"] = seconds, x
                t = np.rint(seconds.astype(np.float64) * 1e6).astype(np.int64)
                zero = np.zeros(80, np.uint8)
                found[name] = Recording(t, x, zero, zero, (1, 1, 64))
    return found
