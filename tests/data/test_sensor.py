"""The event camera against hand counts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import DigitsEvents, DigitsImages, EventCamera

PERFECT = {"mismatch": 0.0, "refractory_ms": 0.0, "noise_hz": 0.0, "leak_hz": 0.0}


def camera(**settings: float) -> EventCamera:
    return EventCamera(**{**PERFECT, "threshold_on": 0.3, "threshold_off": 0.4, **settings})


def shoot(sensor: EventCamera, film: Tensor, frame_ms: float = 1.0, per_bin: int = 1) -> Tensor:
    return sensor(film, frame_ms=frame_ms, frames_per_bin=per_bin, seeds=seeds(0, n=len(film)))


def step_film(contrast: float, dark: float, size: int = 4) -> Tensor:
    """A vertical edge: the right half brightens by a log contrast between frames 1 and 2."""
    film = torch.zeros(1, 4, size, size, dtype=torch.float64)
    film[:, 2:, :, size // 2 :] = dark * (math.exp(contrast) - 1)
    return film


@pytest.mark.parametrize("contrast", [0.1, 0.29, 0.31, 0.95, 1.7, 2.99])
def test_a_brightening_edge_fires_contrast_over_threshold_on_events(contrast: float) -> None:
    counts = shoot(camera(dark=0.2), step_film(contrast, 0.2))
    wanted = torch.zeros(1, 3, 2, 4, 4, dtype=torch.float64)
    wanted[:, 1, 0, :, 2:] = math.floor(contrast / 0.3)
    assert torch.equal(counts, wanted)


@pytest.mark.parametrize("contrast", [0.39, 0.41, 1.7])
def test_a_darkening_edge_fires_contrast_over_threshold_off_events(contrast: float) -> None:
    counts = shoot(camera(dark=0.2), step_film(contrast, 0.2).flip(1))
    wanted = torch.zeros(1, 3, 2, 4, 4, dtype=torch.float64)
    wanted[:, 1, 1, :, 2:] = math.floor(contrast / 0.4)
    assert torch.equal(counts, wanted)


def test_the_same_change_in_more_frames_fires_the_same_events() -> None:
    levels = [0.2 * (math.exp(1.7 * k / 12) - 1) for k in range(13)]
    slow = torch.tensor(levels, dtype=torch.float64).view(1, 13, 1, 1)
    fast = slow[:, ::12]
    assert shoot(camera(), slow, 1 / 12, 12).flatten().tolist() == [5, 0]
    assert shoot(camera(), fast, 1.0, 1).flatten().tolist() == [5, 0]


def test_a_refractory_pixel_counts_what_a_hand_calculation_counts() -> None:
    # Log intensity rises by 3 in 3 ms. Crossings 0.3 ms after each waking; asleep for 1 ms:
    # events at 0.3, 1.6 and 2.9 ms.
    film = torch.tensor([0.2 * (math.exp(k) - 1) for k in range(4)], dtype=torch.float64)
    counts = shoot(camera(refractory_ms=1.0), film.view(1, 4, 1, 1))
    assert counts[0, :, :, 0, 0].tolist() == [[1, 0], [1, 0], [1, 0]]
    # Asleep for 0.4 ms: events at 0.3, 1.0, 1.7 and 2.4 ms; 1.0 falls on the end of a bin.
    counts = shoot(camera(refractory_ms=0.4), film.view(1, 4, 1, 1))
    assert counts.sum() == 4
    # Asleep from 0.3 to 2.8 ms, the level of 2.8 is the new memory; 3.1 is after the end.
    counts = shoot(camera(refractory_ms=2.5), film.view(1, 4, 1, 1))
    assert counts[0, :, :, 0, 0].tolist() == [[1, 0], [0, 0], [0, 0]]


def test_a_pixel_memorises_the_level_it_wakes_up_to() -> None:
    # Rises by 1 in the first ms, then holds: ON at 0.3 ms, awake at 1.3 ms, memory 1.0 (and not
    # the 0.3 of the event). Falls by 0.25 in the third ms: OFF when it has fallen by 0.2.
    levels = torch.tensor([0.0, 1.0, 1.0, 0.75], dtype=torch.float64)
    film = (0.2 * (levels.exp() - 1)).view(1, 4, 1, 1)
    counts = shoot(camera(refractory_ms=1.0, threshold_off=0.2), film)
    assert counts[0, :, :, 0, 0].tolist() == [[1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("refractory_ms", [0.5, 1.0, 2.0])
def test_refractory_time_bounds_the_rate(refractory_ms: float) -> None:
    # A flicker far above threshold in every frame, and heavy noise.
    film = (torch.arange(81) % 2).double().view(1, 81, 1, 1).expand(4, 81, 8, 8) * 50
    sensor = camera(refractory_ms=refractory_ms, noise_hz=900.0)
    counts = shoot(sensor, film, 1.0, 10)
    most = sensor.most(10.0)
    assert most == 10 / refractory_ms
    assert counts.sum(2).max() <= most
    assert counts.sum(2).mean() > 0.8 * most  # the bound is nearly reached here


def test_a_static_scene_is_silent_without_noise() -> None:
    scans = DigitsImages()(torch.arange(20))[:, 0]
    film = scans[:, None].expand(20, 11, 8, 8)
    assert shoot(EventCamera(noise_hz=0.0, leak_hz=0.0), film).sum() == 0


def test_a_static_scene_gives_background_events_at_the_stated_rate() -> None:
    film = torch.full((50, 101, 16, 16), 0.5)
    counts = shoot(camera(noise_hz=5.0), film, 1.0, 10)
    expected = 5.0 * 0.1 * 50 * 256  # rate * seconds * pixels
    deviation = 5 * math.sqrt(expected)
    assert abs(counts.sum() - expected) < deviation
    assert abs(counts[:, :, 0].sum() - counts[:, :, 1].sum()) < deviation
    per_bin = counts.sum((0, 2, 3, 4))
    assert (per_bin - expected / 10).abs().max() < 5 * math.sqrt(expected / 10)


def test_a_leaking_pixel_fires_on_events_at_the_stated_rate() -> None:
    film = torch.full((1, 1001, 2, 2), 0.5)
    counts = shoot(camera(leak_hz=5.5), film, 1.0, 1000)  # one second
    assert counts[0, 0, 0].flatten().tolist() == [5, 5, 5, 5]
    assert counts[0, 0, 1].sum() == 0


def test_mismatch_belongs_to_the_sensor_and_has_the_stated_spread() -> None:
    sensor = EventCamera(mismatch=0.1, threshold_on=0.3, threshold_off=0.6)
    theta = sensor.thresholds(64, 64)
    assert torch.equal(theta, sensor.thresholds(64, 64))
    assert not torch.equal(theta, EventCamera(serial=1).thresholds(64, 64))
    assert theta[0].mean().item() == pytest.approx(0.3, abs=0.3 * 0.1 * 5 / 64)
    assert (theta[0].std() / 0.3).item() == pytest.approx(0.1, rel=0.06)
    assert (theta[1].std() / 0.6).item() == pytest.approx(0.1, rel=0.06)
    assert EventCamera(mismatch=5.0, threshold_on=0.3).thresholds(64, 64)[0].min() >= 0.03 - 1e-12


def test_each_pixel_obeys_its_own_threshold() -> None:
    sensor = camera(mismatch=0.2)
    counts = shoot(sensor, step_film(1.7, 0.2, 16))
    wanted = (1.7 / sensor.thresholds(16, 16)[0, :, 8:]).floor()
    assert torch.equal(counts[0, 1, 0, :, 8:], wanted)
    assert len(wanted.unique()) > 1


@pytest.mark.parametrize(
    "settings", [{"threshold_on": 0.0}, {"dark": -1.0}, {"noise_hz": -1.0}, {"mismatch": math.nan}]
)
def test_impossible_sensors_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(settings))):
        EventCamera(**settings)


def test_films_that_do_not_fill_bins_or_are_negative_are_refused() -> None:
    with pytest.raises(InputError, match="whole bins"):
        shoot(camera(), torch.zeros(1, 10, 2, 2), 1.0, 4)
    with pytest.raises(InputError, match=">= 0"):
        shoot(camera(), torch.full((1, 5, 2, 2), math.nan), 1.0, 4)


def test_an_unmoved_unscaled_scan_is_filmed_as_it_is() -> None:
    maker = DigitsEvents(size=8, scale=1.0, amplitude=1e-300, stretch=0.0, jitter=0.0)
    scans = DigitsImages()(torch.arange(5))[:, 0].double()
    film = maker.film(scans, seeds(0, n=5))
    assert torch.allclose(film, scans[:, None].expand_as(film), atol=1e-12)


def test_a_shift_by_one_scan_pixel_shifts_the_film_by_scale_sensor_pixels() -> None:
    maker = DigitsEvents(scale=2.0)
    where = torch.zeros(1, 1, dtype=torch.float64)
    still, moved = maker._weights(where), maker._weights(where + 2.0)
    assert torch.allclose(moved[..., 2:, :], still[..., :-2, :])


def test_saccades_close_a_triangle_and_move_less_than_a_pixel_per_bin() -> None:
    maker = DigitsEvents()
    track = maker.path(seeds(0, n=50))
    assert track.shape == (50, 81, 2)
    assert torch.allclose(track[:, 0], track[:, -1])
    moved = (track[:, 8:] - track[:, :-8]).norm(dim=2)
    assert moved.max() < 1
    base = track[:, -1] - track[:, 54]
    assert base[:, 0].abs().max() < 0.1  # the last side is level
    assert base[:, 1].abs().max() < 2.4
    assert base[:, 1].abs().min() > 1.55


def test_settings_that_make_no_recording_are_refused() -> None:
    with pytest.raises(SettingError, match="jitter"):
        DigitsEvents(jitter=-0.1)
    with pytest.raises(SettingError, match="timesteps"):
        DigitsEvents(timesteps=0)


def test_recordings_stay_below_the_bound_of_the_domain_and_use_several_levels() -> None:
    maker = DigitsEvents()
    x = maker(torch.arange(0, 1797, 30))
    assert maker.domain.high == 8
    assert x.sum(2).max() <= maker.domain.high
    assert len(x.unique()) >= 4
    assert torch.equal(x, x.round())
