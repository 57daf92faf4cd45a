"""Recordings, their frames, and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikeproof.base import InputError, SettingError
from spikeproof.data import Binning, Recording, write_back

SENSOR = (2, 3, 4)


def made(seed: int, events: int = 60, last: int = 999, sensor: Any = SENSOR) -> Recording:
    rng = np.random.default_rng(seed)
    t = np.sort(rng.integers(0, last + 1, events))
    p, y, x = (rng.integers(0, size, events) for size in sensor)
    return Recording(t, x, y, p, sensor)


def test_a_recording_keeps_its_columns_and_nobody_writes_to_them() -> None:
    t = np.array([1, 2, 2], np.int64)
    r = Recording(t, [0, 1, 2], [0, 1, 2], [0, 1, 0], SENSOR)
    t[0] = 2
    assert r.t.tolist() == [1, 2, 2] and len(r) == 3
    assert [c.dtype for c in (r.t, r.x, r.y, r.p)] == [np.int64, np.uint16, np.uint16, np.uint8]
    with pytest.raises(ValueError, match="read-only"):
        r.t[0] = 5
    assert (
        r == Recording(r.t, r.x, r.y, r.p, SENSOR)
        and Recording(r.t, r.x, r.y, r.p, SENSOR).t is r.t
    )
    assert r != Recording(r.t, r.x, r.y, r.p, (2, 3, 5)) and r != 3
    assert len({made(k).sha256 for k in (0, 0, 1)}) == 2


def test_windows_and_subsets() -> None:
    r = Recording([1, 5, 5, 9], [0, 1, 2, 3], [0] * 4, [0] * 4, (1, 1, 4))
    assert r.window(5, 9).x.tolist() == [1, 2] and r.window(5, 10, rebase=True).t.tolist() == [
        0,
        0,
        4,
    ]
    assert r.subset(r.t > 4).x.tolist() == [1, 2, 3]
    assert repr(r.window(2, 3)) == "Recording(0 events, sensor 1 x 1 x 4)"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([2, 1], [0, 0], [0, 0], [0, 0]), "event 1 is at 1 us, after one at 2 us"),
        (([-1, 1], [0, 0], [0, 0], [0, 0]), "at least 0; event 0 is at -1"),
        (([0, 1], [0, 4], [0, 0], [0, 0]), "event 1 has x = 4"),
        (([0, 1], [0, 0], [-1, 0], [0, 0]), "event 0 has y = -1"),
        (([0, 1], [0, 0], [0, 0], [0, 2]), "event 1 has p = 2"),
        (([0, 1], [0], [0, 0], [0, 0]), "one t, x, y and p for each event"),
        (([[0]], [[0]], [[0]], [[0]]), "one t, x, y and p for each event"),
        (([0.5, 1], [0, 0], [0, 0], [0, 0]), "t must be whole numbers; got float64"),
        ((np.array([1 << 63], np.uint64), [0], [0], [0]), "must fit 63 bits"),
    ],
)
def test_what_is_no_recording_is_refused(columns: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        Recording(*columns, SENSOR)


@pytest.mark.parametrize("sensor", [(2, 3), (0, 3, 4), (2, 3, 1 << 17), 5, (2, 3, 4.5)])
def test_what_is_no_sensor_is_refused(sensor: Any) -> None:
    with pytest.raises(SettingError):
        Recording([], [], [], [], sensor)


@given(
    st.integers(1, 9), st.integers(9, 2000), st.integers(0, 300), st.sampled_from([None, 1, 2]),
    st.sampled_from(["drop", "clip"]), st.integers(0, 50),
)  # fmt: skip
def test_frames_are_counts_by_the_published_formula(
    timesteps: int, duration: int, start: int, most: int | None, outside: str, seed: int
) -> None:
    r = made(seed)
    binning = Binning(
        timesteps=timesteps, duration=duration, start=start, outside=outside, most=most
    )
    frames = np.zeros((timesteps, *SENSOR))
    for t, x, y, p in zip(r.t.tolist(), r.x, r.y, r.p, strict=True):
        k = (t - start) * timesteps // duration
        if outside == "drop" and not 0 <= k < timesteps:
            continue
        frames[min(max(k, 0), timesteps - 1), p, y, x] += 1
    np.testing.assert_array_equal(binning(r).numpy(), np.minimum(frames, most or np.inf))
    assert binning.edges[0] == start and binning.edges[-1] == start + duration


def test_a_window_of_a_recording_spans_it() -> None:
    r = made(0).window(100, 900)
    binning = Binning.spanning(r, 7)
    assert binning(r).sum() == len(r) and binning.start == r.t[0]
    assert binning.edges[-1] == r.t[-1] + 1
    assert Binning.spanning(r.window(int(r.t[0]), int(r.t[0]) + 1), 7).duration == 7
    with pytest.raises(InputError, match="spans no window"):
        Binning.spanning(r.window(0, 1), 7)


def test_events_outside_the_window_are_refused_unless_said_otherwise() -> None:
    with pytest.raises(InputError, match="2 of 3 events lie outside the window 2..3 us"):
        Binning(timesteps=1, duration=2, start=2)(
            Recording([1, 2, 4], [0] * 3, [0] * 3, [0] * 3, SENSOR)
        )


@pytest.mark.parametrize(
    "settings",
    [
        {"timesteps": 0, "duration": 5}, {"timesteps": 6, "duration": 5},
        {"timesteps": 1, "duration": 5, "start": -1}, {"timesteps": 1, "duration": 5, "most": 0},
        {"timesteps": 1, "duration": 5, "outside": "keep"}, {"timesteps": 1, "duration": 1 << 62},
        {"timesteps": 1.5, "duration": 5},
    ],
)  # fmt: skip
def test_settings_that_cut_no_window_are_refused(settings: Any) -> None:
    with pytest.raises(SettingError):
        Binning(**settings)


def test_frames_that_nobody_can_hold_are_refused() -> None:
    with pytest.raises(InputError, match="use fewer bins"):
        Binning(timesteps=1 << 16, duration=1 << 20)(made(0, sensor=(2, 100, 100)))


@given(
    st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([None, 1, 3]),
    st.sampled_from(["newest", "oldest"]), st.sampled_from(["drop", "clip"]), st.integers(0, 400),
)  # fmt: skip
def test_what_is_written_back_gives_exactly_the_frames(
    seed: int, timesteps: int, most: int | None, rule: str, outside: str, start: int
) -> None:
    rng = np.random.default_rng(seed)
    r = made(seed, events=int(rng.integers(0, 200)))
    binning = Binning(timesteps=timesteps, duration=500, start=start, outside=outside, most=most)
    clean = binning(r).numpy()
    wanted = np.clip(clean + rng.integers(-2, 3, clean.shape), 0, most)
    result = write_back(r, torch.from_numpy(wanted), binning, delete=rule)
    new, kept = result.recording, r.subset(~result.deleted)
    np.testing.assert_array_equal(binning(new).numpy(), wanted)
    assert new.subset(~result.inserted) == kept  # survivors as they were, in their order
    inside = np.abs(wanted - clean) > 0
    cells = binning.cells(r)
    touched = inside.ravel()[cells] & (cells >= 0)
    assert not (result.deleted & ~touched).any()  # nothing goes where nothing was asked
    added = new.subset(result.inserted)
    centres = (binning.edges[:-1] + binning.edges[1:] - 1) // 2
    assert set(added.t.tolist()) <= set(centres.tolist())
    if most is None:  # no fewer changes can do it
        assert result.deleted.sum() == np.maximum(clean - wanted, 0).sum()
        assert result.inserted.sum() == np.maximum(wanted - clean, 0).sum()
    again = write_back(r, binning(r), binning)
    assert again.recording == r and not again.deleted.any() and not again.inserted.any()


@pytest.mark.parametrize(("rule", "left"), [("newest", [1, 2]), ("oldest", [3, 4])])
def test_deletion_takes_the_named_end(rule: str, left: list[int]) -> None:
    r = Recording([1, 2, 3, 4], [0] * 4, [0] * 4, [0] * 4, (1, 1, 1))
    result = write_back(r, np.full((1, 1, 1, 1), 2), Binning(timesteps=1, duration=9), delete=rule)
    assert result.recording.t.tolist() == left


def test_deletion_from_binary_frames_takes_every_event_of_the_cell() -> None:
    r = Recording([1, 2, 3, 4], [0, 0, 0, 1], [0] * 4, [0] * 4, (1, 1, 2))
    binning = Binning(timesteps=1, duration=9, most=1)
    assert write_back(r, [[[[0, 1]]]], binning).recording.t.tolist() == [4]


def test_new_events_lie_where_the_format_can_hold_them() -> None:
    r = Recording([], [], [], [], (1, 1, 1))
    binning = Binning(timesteps=2, duration=3000)
    frames = np.ones((2, 1, 1, 1))
    written = write_back(r, frames, binning, nearest=lambda t: (t + 500) // 1000 * 1000)
    assert written.recording.t.tolist() == [1000, 2000]
    with pytest.raises(InputError, match=r"no time near the centre of bin 0 \(0..1499 us\)"):
        write_back(r, frames, binning, nearest=lambda t: t // 4000 * 4000 + 4000)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (np.zeros((1, 2, 3, 4)), "have shape"),
        (np.full((2, 2, 3, 4), 0.5), "whole counts from 0 to 3; entry"),
        (np.full((2, 2, 3, 4), -1), "is -1"),
        (np.full((2, 2, 3, 4), 4), "is 4"),
        (np.full((2, 2, 3, 4), np.nan), "is nan"),
    ],
)
def test_frames_that_are_no_counts_are_refused(frames: Any, sentence: str) -> None:
    binning = Binning(timesteps=2, duration=1000, most=3)
    with pytest.raises(InputError, match=sentence):
        write_back(made(0), frames, binning)
    with pytest.raises(InputError, match="counts up to 16,777,216"):
        write_back(made(0), np.full((2, 2, 3, 4), 1e9), Binning(timesteps=2, duration=1000))
    with pytest.raises(SettingError, match="rule for deleting"):
        write_back(made(0), binning(made(0)), binning, delete="random")
