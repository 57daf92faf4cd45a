"""Sounds, films, pictures, colours and words with known answers."""

from __future__ import annotations

import io
import math
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikeproof.base import SettingError
from spikeproof.report import picture
from spikeproof.report.citations import read
from spikeproof.report.colours import ACCURACY, DIVERGING, at, ink_on, painted
from spikeproof.report.drawing import linear, logarithmic
from spikeproof.report.labels import interval, number, percent, pretty
from spikeproof.report.pictures import (
    EVENT_COLOURS,
    NIGHT,
    difference,
    event_change,
    events_of,
    filmstrip,
    image_of,
    png,
)
from spikeproof.report.sound import snr_db, spectrogram, wav


def test_a_wav_file_decodes_to_the_samples_it_was_made_from() -> None:
    samples = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.7, -3.0])
    with wave.open(io.BytesIO(wav(samples, 8000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        decoded = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert decoded.tolist() == [0, 16384, -16384, 32767, -32767, 32767, -32767]


def test_signal_to_noise_ratio_in_closed_form() -> None:
    clean = np.array([3.0, 4.0])
    assert snr_db(clean, clean + np.array([0.3, 0.4])) == pytest.approx(20.0)
    assert snr_db(clean, clean) == math.inf
    assert snr_db(np.zeros(2), clean) == -math.inf


def test_a_full_scale_sine_stands_at_zero_decibels_in_its_bin() -> None:
    time = np.arange(1024)
    levels = spectrogram(np.sin(2 * np.pi * 16 * time / 128), window=128)
    assert levels.shape == (65, (1024 - 128) // 32 + 1)
    assert levels.argmax(0).tolist() == [16] * levels.shape[1]
    assert levels[16] == pytest.approx(0.0, abs=1e-9)
    assert levels[40].max() < -100


@pytest.mark.parametrize(
    ("length", "window", "hop"), [(1024, 128, None), (1024, 128, 8), (500, 100, 7), (11, 128, 8)]
)
def test_a_spectrogram_is_the_spectrum_of_every_window(
    length: int, window: int, hop: int | None
) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, length)
    levels = spectrogram(samples, window=window, hop=hop)
    width = min(window, length)
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(width) / width)
    starts = range(0, length - width + 1, hop or width // 4)
    assert levels.shape == (width // 2 + 1, len(starts))
    for frame, start in enumerate(starts):
        power = np.abs(np.fft.rfft(samples[start : start + width] * shape)) / (shape.sum() / 2)
        assert levels[:, frame] == pytest.approx(20 * np.log10(power), abs=1e-9)


def test_a_sound_shorter_than_a_window_still_has_a_spectrogram() -> None:
    assert np.isfinite(spectrogram(np.zeros(5))).all()


def test_an_event_has_the_brightness_of_its_count_and_both_signs_add_up() -> None:
    x = np.zeros((2, 1, 4))
    x[0, 0] = (2.0, 1.0, 0.05, 2.0)
    x[1, 0, 3] = 2.0
    full, half, little, both = events_of(x, 2.0)[0].astype(float)
    lit = np.array(EVENT_COLOURS["on"]) - NIGHT
    assert (full == EVENT_COLOURS["on"]).all()
    assert half == pytest.approx(NIGHT + 0.5 * lit, abs=0.5)
    assert little == pytest.approx(NIGHT + 0.025 * lit, abs=0.5), "no more than it is"
    expected = np.minimum(255, full + EVENT_COLOURS["off"] - np.array(NIGHT))
    assert (both == expected).all()
    assert (events_of(np.zeros((2, 1, 1)), 2.0) == NIGHT).all()


def test_a_change_of_events_is_drawn_on_the_scale_of_the_events() -> None:
    x = np.ones((2, 1, 3))
    x_adv = x.copy()
    x_adv[0, 0, 0], x_adv[1, 0, 1], x_adv[0, 0, 2] = 2.0, 0.0, 1.025
    added, removed, hardly = event_change(x, x_adv, 1.0)[0].astype(float)
    assert (added == EVENT_COLOURS["added"]).all()
    assert (removed == EVENT_COLOURS["removed"]).all()
    lit = np.array(EVENT_COLOURS["added"]) - NIGHT
    assert hardly == pytest.approx(NIGHT + 0.025 * lit, abs=0.5)


def test_a_film_is_its_frames_side_by_side() -> None:
    frames = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    strip = filmstrip(frames)
    assert strip.shape == (2, 6, 3)
    assert (strip[:, 3:] == frames[1]).all()


@pytest.mark.parametrize("colours", [2, 40, 1000])
def test_a_png_decodes_to_the_pixels_it_was_made_from(colours: int) -> None:
    rng = np.random.default_rng(colours)
    palette = rng.integers(0, 256, (colours, 3))
    pixels = palette[rng.integers(0, colours, (40, 50))].astype(np.uint8)
    decoded = Image.open(io.BytesIO(png(pixels))).convert("RGB")
    assert (np.asarray(decoded) == pixels).all()


def test_scans_keep_their_grey_levels_and_differences_their_sign() -> None:
    x = np.array([[[0.0, 0.2], [0.6, 1.0]]])
    decoded = np.asarray(Image.open(io.BytesIO(png(image_of(x)))).convert("RGB"))
    assert decoded[..., 0].tolist() == [[0, 51], [153, 255]]
    change = difference(x, x + np.array([[[0.25, -0.25], [0.0, 9.0]]]), span=0.25)
    assert [tuple(c) for c in change.reshape(-1, 3)] == [
        (0x21, 0x66, 0xAC), (0xB3, 0x58, 0x06), (0xF7, 0xF7, 0xF7), (0x21, 0x66, 0xAC),
    ]  # fmt: skip


def test_every_ink_reads_on_its_background() -> None:
    def luminance(colour: str) -> float:
        c = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colours in (ACCURACY, DIVERGING):
        for value in np.linspace(0, 1, 101):
            fill = at(float(value), colours)
            low, high = sorted((luminance(fill), luminance(ink_on(fill))))
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_colours_meet_their_anchors_and_stay_inside() -> None:
    assert at(0.0, ACCURACY) == ACCURACY[0]
    assert at(1.0, ACCURACY) == ACCURACY[-1]
    assert np.array_equal(painted(np.array([-3.0, 7.0]), ACCURACY)[1], painted(1.0, ACCURACY))


def test_numbers_are_written_as_readers_expect() -> None:
    assert number(0.05) == "0.05"
    assert number(-12.345) == "−12.3"
    assert number(2.5e-7) == "2.50×10⁻⁷"
    assert number(math.inf) == "∞"
    assert number(None) == "–"
    assert percent(0.12345) == "12.3"
    assert interval(0.1, 0.25) == "10.0 to 25.0"
    assert pretty("l_inf, linf, l2 and l_p; l20 stays") == "ℓ∞, ℓ∞, ℓ₂ and ℓp; l20 stays"


def test_logarithmic_axes_have_few_ticks_inside_their_range() -> None:
    for low, high in ((1e-12, 1.0), (2.0, 5.0), (0.3, 40.0), (1.0, 1.0), (15.0, 40.0)):
        scale = logarithmic(low, high, 0.0, 200.0)
        places = [scale.at(value) for value, _ in scale.ticks]
        assert 2 <= len(places) <= 9
        assert places == sorted(places)
        assert 0 < scale.at(low) <= scale.at(high) < 200
        assert all(0 <= place <= 200 for place in places)


def test_a_broken_scale_shows_zero_before_its_break() -> None:
    scale = logarithmic(0.1, 100.0, 0.0, 200.0, zero=True)
    assert scale.ticks[0] == (0.0, "0")
    assert scale.at(0.0) < scale.start < scale.at(0.1) < scale.at(1.0) < scale.at(100.0)
    steps = scale.at(1.0) - scale.at(0.1), scale.at(100.0) - scale.at(10.0)
    assert steps[0] == pytest.approx(steps[1])


def test_linear_axes_have_round_ticks() -> None:
    for low, high in ((-0.3, 0.7), (0.0, 1e-5), (-50.0, 1234.0), (2.0, 2.0)):
        ticks = linear(low, high, 10.0, 90.0).ticks
        values = [value for value, _ in ticks]
        assert 3 <= len(values) <= 8
        assert len({text for _, text in ticks}) == len(values)
        steps = np.diff(values)
        assert steps == pytest.approx(steps[0])


def test_a_citation_reads_well() -> None:
    entry = (
        '@inproceedings{a2020,\n  author = {Tram{\\`e}r, Florian and Sch{\\"o}lkopf, B.},\n'
        "  title = {A {SNN} in 15 {$\\mu$s}},\n  booktitle = {Conf},\n  year = {2020},\n"
        "  doi = {10.1/x},\n}"
    )
    work = read(entry)
    assert work.authors == "Florian Tramèr and B. Schölkopf"
    assert work.title == "A SNN in 15 µs"
    assert (work.place, work.year, work.link) == ("Conf", "2020", "https://doi.org/10.1/x")


def test_the_picture_is_a_png_of_some_size(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'figures'")
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    path = picture(folder, tmp_path / "matrix.png")
    image = Image.open(path)
    assert image.format == "PNG"
    assert image.width > 900
    assert len(set(np.asarray(image.convert("RGB")).reshape(-1, 3)[:, 0].tolist())) > 50


def test_without_matplotlib_a_picture_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(SettingError, match=r"run `pip install spikeproof\[figures\]`"):
        picture(folder, tmp_path / "matrix.png")
