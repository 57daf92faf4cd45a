"""Damage to files of recordings, and what reading them then says."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from slow.reliability.bytewise import BYTEWISE
from spikeproof.base import SpikeproofError
from spikeproof.data import FORMATS, Recording, ShdFile, read_recording, write_recording, write_shd
from spikeproof.data.streams import NTidigitsFile

SECONDS = 5.0  # no file may take longer to be refused
# What these read although a byte was changed must be what was written: they carry checksums.
CHECKED = ("npz", "hdf5")
Reader = Callable[[Path], Any]


def made(kind: str, seed: int = 0, events: int = 300) -> Recording:
    """A recording that a format can hold."""
    form, rng = FORMATS[kind](), np.random.default_rng(seed)
    sensor = form.sensor or (2, 40, 50)
    # In EVT3 every 4096 us are a word, and in AEDAT 3 a second packet begins behind 2**31 us.
    last = {"evt3": 1 << 26, "aedat3": 1 << 33, "aedat4": 1 << 50}.get(kind, 1 << 22)
    t = np.sort(rng.integers(0, last, events))
    p, y, x = (rng.integers(0, size, events) for size in sensor)
    return Recording(t, x, y, p, sensor)


def spoken(seed: int, items: int = 4) -> list[Recording]:
    """Recordings that a file of SHD can hold."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(items):
        t = ShdFile.nearest(np.sort(rng.integers(0, 1_400_000, 60)))
        zero = np.zeros(60, np.uint8)
        found.append(Recording(t, rng.integers(0, 700, 60), zero, zero, (1, 1, 700)))
    return found


def write_n_tidigits(path: Path, spikes: dict[str, tuple[Any, Any]], part: str = "train") -> None:
    """A file in the published layout of N-TIDIGITS."""
    import h5py

    with h5py.File(path, "w") as file:
        file[f"{part}_labels"] = np.array([name.encode() for name in spikes])
        for name, (seconds, channels) in spikes.items():
            file[f"{part}_timestamps/{name}"] = np.asarray(seconds, np.float32)
            file[f"{part}_addresses/{name}"] = np.asarray(channels, np.uint8)


KINDS = (*sorted(FORMATS), "shd", "n-tidigits")


def sound(folder: Path, kind: str) -> tuple[Path, Reader]:
    """A sound file of a form, and what reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    path, rng = folder / f"sound.{kind}", np.random.default_rng(0)
    if kind == "shd":
        write_shd(path, spoken(0), range(4), speakers=range(4))
        return path, lambda path: list(ShdFile(path))
    if kind == "n-tidigits":
        spikes = {
            f"man-a-{k}": (np.sort(rng.random(60)), rng.integers(0, 64, 60)) for k in range(3)
        }
        write_n_tidigits(path, spikes)
        return path, lambda path: list(NTidigitsFile(path))
    recording = made(kind)
    write_recording(path, recording, kind)
    return path, lambda path: read_recording(path, kind, sensor=recording.sensor)


def judged(count: int, seed: int, folder: Path, kinds: Sequence[str] = KINDS) -> Counter[str]:
    """Damage sound files so many times; fail unless each reading is sound or refused well."""
    random, forms = Random(seed), {kind: sound(folder, kind) for kind in kinds}
    whole = {kind: read(path) for kind, (path, read) in forms.items()}
    found: Counter[str] = Counter()
    for number in range(count):
        kind = random.choice(kinds)
        path, read = forms[kind]
        what = random.choice(sorted(BYTEWISE))
        content = path.read_bytes()
        damaged = BYTEWISE[what](random, content)
        victim = folder / "case"
        victim.write_bytes(damaged)
        case, begun = f"{kind}, {what}, case {number} of seed {seed}", time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = read(victim)
        except SpikeproofError as refusal:
            text = str(refusal)
            assert str(victim) in text and "\n" not in text and len(text) < 700, (case, text)
            assert text.endswith("."), (case, text)
            found["refused"] += 1
        except Exception as problem:
            raise AssertionError(f"{case}: {type(problem).__name__}: {problem}") from problem
        else:
            same = result == whole[kind]
            assert same or kind not in CHECKED, f"{case}: read as other events"
            found["same" if same else "read as others"] += damaged != content
        assert time.process_time() - begun < SECONDS, case
    return found
