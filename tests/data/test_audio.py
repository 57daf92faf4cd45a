"""The key tones against the standard's frequencies and the drawn levels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.data import HIGH_HZ, LOW_HZ, DigitsAudio, labels

ITEMS = torch.arange(0, 1797, 9)
KEYPAD = ["123", "456", "789", "*0#"]


def peak(x: Tensor, low: float, high: float, rate: int = 8000, pad: int = 65536) -> Tensor:
    """Frequency of the strongest line between two frequencies, of windowed waveforms."""
    power = torch.fft.rfft(x.double(), n=pad).abs()
    hz = torch.arange(power.shape[1]) * rate / pad
    inside = (hz > low) & (hz < high)
    return hz[inside][power[:, inside].argmax(1)]


def test_the_frequencies_are_those_of_the_keypad() -> None:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    for row, keys in zip(rows, KEYPAD, strict=True):
        for column, key in zip(columns, keys, strict=True):
            if key.isdigit():
                assert (LOW_HZ[int(key)], HIGH_HZ[int(key)]) == (row, column)


def test_the_spectrum_peaks_at_both_drawn_frequencies() -> None:
    maker = DigitsAudio()
    x, call = maker(ITEMS), maker.call(ITEMS)
    # 5 ms of a short tone is 20 Hz wide; a peak is found far more exactly than that.
    assert (peak(x, 650, 1000) - call.low_hz).abs().max() < 6
    assert (peak(x, 1150, 1550) - call.high_hz).abs().max() < 6


def test_the_phases_of_the_two_tones_are_drawn_independently() -> None:
    maker = DigitsAudio(drift=0.0, echo_gain=(0.0, 0.0))
    call, y, turns = maker.call(ITEMS), labels(ITEMS), []
    since = torch.arange(1200) - call.onset[:, None]
    middle = (since >= 16) & (since <= call.duration[:, None])
    for table in (LOW_HZ, HIGH_HZ):
        angle = 2 * torch.pi * since * torch.tensor(table, dtype=torch.float64)[y][:, None] / 8000
        product = (call.tone * middle * torch.polar(torch.ones_like(angle), -angle)).sum(1)
        turns.append(product / product.abs())
    assert turns[0].mean().abs() < 0.2
    assert (turns[0] * turns[1].conj()).mean().abs() < 0.2


def test_drawn_frequencies_stay_within_tolerance_and_use_it() -> None:
    call, y = DigitsAudio().call(ITEMS), labels(ITEMS)
    for drawn, nominal in ((call.low_hz, LOW_HZ), (call.high_hz, HIGH_HZ)):
        error = (drawn / torch.tensor(nominal, dtype=torch.float64)[y] - 1).abs()
        assert 0.012 < error.max() <= 0.015


def test_without_drift_and_noise_a_correlator_reads_every_key() -> None:
    maker = DigitsAudio(drift=0.0, snr_db=(60.0, 60.0))
    x, n = maker(ITEMS).double(), torch.arange(1200)
    heard = []
    for table in (LOW_HZ, HIGH_HZ):
        known = sorted(set(table))
        wave = torch.tensor(known, dtype=torch.float64)[:, None] * n / 8000
        wave = torch.polar(torch.ones_like(wave), 2 * torch.pi * wave)
        best = (x.to(wave.dtype) @ wave.T).abs().argmax(1)
        heard.append(torch.tensor(known)[best])
    y = labels(ITEMS)
    assert torch.equal(heard[0], torch.tensor(LOW_HZ)[y])
    assert torch.equal(heard[1], torch.tensor(HIGH_HZ)[y])


def test_the_measured_signal_to_noise_ratio_is_the_drawn_one() -> None:
    maker = DigitsAudio()
    call = maker.call(ITEMS)
    measured = []
    for i in range(len(ITEMS)):
        first = int(call.onset[i]) + 1
        last = int(call.onset[i]) + int(-(-(call.duration[i] + 16) // 1))
        down = slice(first, last)
        ratio = call.tone[i, down].square().mean() / call.noise[i].square().mean()
        measured.append(10 * torch.log10(ratio))
    assert (torch.stack(measured) - call.snr_db).abs().max() < 1e-9
    assert call.snr_db.min() >= maker.snr_db[0]
    assert call.snr_db.max() <= maker.snr_db[1]


def test_levels_and_twist_are_the_drawn_ones() -> None:
    # Without echo, ramps aside, the direct tone is a_low and a_high sines.
    maker = DigitsAudio(echo_gain=(0.0, 0.0), drift=0.0)
    call = maker.call(ITEMS)
    low, high = (torch.tensor(t, dtype=torch.float64)[labels(ITEMS)] for t in (LOW_HZ, HIGH_HZ))
    worst_level = worst_twist = 0.0
    for i in range(len(ITEMS)):
        begin, length = int(call.onset[i]) + 17, int(call.duration[i]) - 18
        n = torch.arange(begin, begin + length, dtype=torch.float64)
        angle = 2 * torch.pi * n / 8000
        basis = [f(hz[i] * angle) for hz in (low, high) for f in (torch.sin, torch.cos)]
        fit = torch.linalg.lstsq(torch.stack(basis, 1), call.tone[i, begin : begin + length, None])
        a = fit.solution[:, 0].square()
        level = 10 * torch.log10((a.sum()) / 2)
        twist = 10 * torch.log10((a[2] + a[3]) / (a[0] + a[1]))
        worst_level = max(worst_level, float((level - call.level_db[i]).abs()))
        worst_twist = max(worst_twist, float((twist - call.twist_db[i]).abs()))
    assert worst_level < 1e-6
    assert worst_twist < 1e-6
    assert call.twist_db.min() >= -8
    assert call.twist_db.max() <= 4


def test_noise_lies_in_the_telephone_band() -> None:
    call = DigitsAudio().call(ITEMS)
    power = torch.fft.rfft(call.noise).abs().square()
    hz = torch.arange(601) * 8000 / 1200
    outside = (hz < 299) | (hz > 3401)
    assert power[:, outside].max() < 1e-18 * power.max()
    assert (power[:, ~outside].mean(0).log10().std()) < 0.1  # white inside


def test_every_tone_is_at_least_forty_milliseconds_long_and_ends_in_the_clip() -> None:
    maker = DigitsAudio(echo_gain=(0.0, 0.0))
    call = maker.call(ITEMS)
    assert call.duration.min() >= 0.040 * 8000
    sounding = call.tone.abs() > 1e-12
    heard = 1200 - sounding.flip(1).int().argmax(1) - sounding.int().argmax(1)
    assert ((heard - (call.duration + 16)).abs() <= 3).all()
    assert not sounding[:, -1].any() or (call.onset + call.duration + 16 <= 1200).all()


def test_the_echo_is_the_delayed_direct_sound() -> None:
    plain = DigitsAudio(echo_gain=(0.0, 0.0)).call(ITEMS).tone
    echoed = DigitsAudio(echo_gain=(0.25, 0.25), echo_ms=(10.0, 10.0)).call(ITEMS).tone
    rest = echoed - plain
    assert torch.allclose(rest[:, 80:], 0.25 * plain[:, :-80], atol=1e-12)
    assert rest[:, :80].abs().max() == 0


def test_waveforms_are_sixteen_bit_and_hardly_ever_clip() -> None:
    x = DigitsAudio()(torch.arange(1797))
    assert torch.equal(x * 32768, (x * 32768).round())
    assert x.min() >= -1
    assert x.max() < 1
    assert (x.abs() > 0.9999).float().mean() < 1e-5


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"snr_db": (20.0, 8.0)}, "snr_db"),
        ({"tone_ms": (50.0, 160.0)}, "tone_ms"),
        ({"length": 0}, "length"),
        ({"drift": -0.1}, "drift"),
    ],
)
def test_impossible_calls_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(SettingError, match=word):
        DigitsAudio(**settings)  # type: ignore[arg-type]
