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
from spikeproof.report.gallery import ViewSlice, chosen, gallery_item
from spikeproof.report.labels import interval, number, percent, pretty
from spikeproof.report.pictures import (
    EVENT_COLOURS,
    difference,
    event_gif,
    event_still,
    image_of,
    png,
)
from spikeproof.report.scatter import log_ticks
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


def events() -> tuple[np.ndarray, np.ndarray]:
    """Two frames of 2 × 3 pixels: one ON, one OFF, one of both; one added, one removed."""
    x = np.zeros((2, 2, 2, 3))
    x[0, 0, 0, 0], x[0, 1, 0, 1], x[0, 0, 1, 1], x[0, 1, 1, 1] = 2, 2, 1, 1
    x_adv = x.copy()
    x_adv[0, 0, 1, 2], x_adv[0, 0, 0, 0] = 2, 0
    x_adv[1, 1, 1, 0] = 2
    return x, x_adv


def test_a_film_decodes_to_the_colour_of_every_event() -> None:
    film = Image.open(io.BytesIO(event_gif(*events(), zoom=2, frame_ms=100)))
    assert film.n_frames == 2
    assert film.info["duration"] == 100
    assert film.size == (2 * (3 * 3 + 2), 4)
    pixels = np.asarray(film.convert("RGB"))[::2, ::2]
    night = (16, 22, 29)
    assert tuple(pixels[0, 0]) == EVENT_COLOURS["on"]
    assert tuple(pixels[0, 1]) == EVENT_COLOURS["off"]
    assert tuple(pixels[1, 1]) == EVENT_COLOURS["both"]
    assert tuple(pixels[0, 4]) == night, "removed from the adversarial panel"
    assert tuple(pixels[1, 6]) == EVENT_COLOURS["on"], "added to the adversarial panel"
    assert tuple(pixels[0, 8]) == EVENT_COLOURS["removed"]
    assert tuple(pixels[1, 10]) == EVENT_COLOURS["added"]
    assert tuple(pixels[0, 10]) == night
    film.seek(1)
    second = np.asarray(film.convert("RGB"))[::2, ::2]
    assert tuple(second[1, 4]) == EVENT_COLOURS["off"]
    assert tuple(second[1, 8]) == EVENT_COLOURS["added"]
    assert (second[:, :3] == night).all()


def test_fewer_events_are_darker() -> None:
    x, _ = events()
    x[1, 0, 0, 0] = 1
    film = Image.open(io.BytesIO(event_gif(x, x)))
    film.seek(1)
    half = np.asarray(film.convert("RGB"))[0, 0]
    assert all(16 < a < b for a, b in zip(half, EVENT_COLOURS["on"], strict=True))


def test_the_still_of_a_film_adds_the_frames_up() -> None:
    x, x_adv = events()
    once = Image.open(io.BytesIO(event_still(x, x_adv, zoom=1)))
    film = event_gif(x.sum(0, keepdims=True), x_adv.sum(0, keepdims=True), zoom=1)
    frame = Image.open(io.BytesIO(film)).convert("RGB")
    assert np.array_equal(np.asarray(once), np.asarray(frame))


def test_scans_keep_their_grey_levels_and_differences_their_sign() -> None:
    x = np.array([[[0.0, 0.2], [0.6, 1.0]]])
    decoded = np.asarray(Image.open(io.BytesIO(png(image_of(x), 3))))
    assert decoded[::3, ::3, 0].tolist() == [[0, 51], [153, 255]]
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
    for low, high in ((1e-12, 1.0), (2.0, 5.0), (0.3, 40.0), (1.0, 1.0)):
        ticks = log_ticks(low, high)
        values = np.log10(ticks["tickvals"])
        assert 1 <= len(values) <= 9
        assert (values >= ticks["range"][0]).all()
        assert (values <= ticks["range"][1]).all()


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


def test_an_exhibit_shows_each_view_of_a_packed_item() -> None:
    x = np.concatenate([np.linspace(0, 1, 4), np.sin(np.arange(100) / 3)])
    x_adv = x.copy()
    x_adv[1] += 0.1
    item = {"x": x, "x_adv": x_adv, "y": 3, "predicted": 3, "predicted_adv": 5,
            "threat": "linf", "radius": 0.1, "training": "SR"}  # fmt: skip
    views = [
        ViewSlice(kind="image", shape=(1, 2, 2)),
        ViewSlice(kind="audio", shape=(100,), start=4, rate_hz=8000),
    ]
    shown = gallery_item(item, views)
    assert [view.kind for view in shown.views] == ["image", "audio"]
    assert "1 of 4 pixels changed, at most by 0.1" in shown.views[0].words
    assert "ratio ∞ dB" in shown.views[1].words
    assert [bool(panel.sound) for panel in shown.views[1].panels] == [True] * 3


def test_the_gallery_chooses_different_threats_and_trainings_first() -> None:
    pile = [{"threat": t, "training": m, "i": i} for i in range(3) for t in "ab" for m in "xy"]
    few = chosen(pile, 4)
    assert {(item["threat"], item["training"]) for item in few} == {
        ("a", "x"), ("b", "y"), ("a", "y"), ("b", "x"),
    }  # fmt: skip
    assert len(chosen(pile, 99)) == 12


def test_the_picture_is_a_png_of_some_size(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    pytest.importorskip("matplotlib", reason="pictures need the extra 'figures'")
    folder = write_run(tmp_path / "run", n=8, probes=False, gallery=False)
    path = picture(folder, tmp_path / "matrix.png")
    image = Image.open(path)
    assert image.format == "PNG"
    assert image.width > 600
    assert len(set(np.asarray(image.convert("RGB")).reshape(-1, 3)[:, 0].tolist())) > 50


def test_without_matplotlib_a_picture_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(SettingError, match=r"run `pip install spikeproof\[figures\]`"):
        picture(tmp_path, tmp_path / "matrix.png")
