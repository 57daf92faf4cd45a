"""Attacked frames of the sets of recordings become recordings of the set's own camera."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.data import DATASETS, FORMATS, Recording, ShdFile
from support.damaged_recordings import spoken


def recording(reader: Any, events: int = 3000) -> Recording:
    rng, sensor = np.random.default_rng(0), reader.sensor
    t = np.sort(rng.integers(0, reader.duration, events))
    p, y, x = (rng.integers(0, size, events) for size in sensor)
    return Recording(t, x, y, p, sensor)


@pytest.mark.parametrize(
    ("name", "kind"), [("n-mnist", "bin"), ("dvs128-gesture", "aedat3"), ("cifar10-dvs", "aedat2")]
)
def test_frames_of_a_camera_are_written_back_at_its_own_resolution(name: str, kind: str) -> None:
    rng, reader = np.random.default_rng(1), DATASETS[name]()
    clean = recording(reader)
    frames = reader.frames(clean).astype(np.int64)
    wanted = np.clip(frames + (rng.random(frames.shape) < 0.1) - (rng.random(frames.shape) < 0.1),
                     0, reader.most)  # fmt: skip
    result = reader.written_back(clean, torch.from_numpy(wanted))
    assert result.recording.sensor == reader.sensor
    assert result.deleted.any() and result.inserted.any()
    np.testing.assert_array_equal(reader.frames(result.recording), wanted)
    FORMATS[kind]().check(result.recording)


def test_counts_of_shd_are_written_back_on_its_channels() -> None:
    rng, reader, clean = np.random.default_rng(2), DATASETS["shd"](), spoken(0)[0]
    counts = next(reader.counts([[clean]])).astype(np.int64)
    wanted = np.clip(counts + (rng.random(counts.shape) < 0.01), 0, reader.most)
    wanted[rng.random(counts.shape) < 0.2] = 0
    result = reader.written_back(clean, wanted)
    assert result.deleted.any() and result.inserted.any()
    np.testing.assert_array_equal(next(reader.counts([[result.recording]])), wanted)
    np.testing.assert_array_equal(ShdFile.nearest(result.recording.t), result.recording.t)
