"""Changes in bands, and under what is heard: closed forms, solvers, scipy as second opinion."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import IllegalAdversarial, SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.evaluate import verify
from spikeproof.oracle import Oracle
from spikeproof.rescore import illegal, masking_threshold, sound_length
from spikeproof.threats import GEOMETRIES, Band, Joint, Masked, Misclassification, Threat
from spikeproof.threats.hearing import Frames, threshold_beside

LENGTH, RATE = 400, 8000.0
SOUND = Domain(kind="audio", shape=(LENGTH,), low=-1.0)
RECORD = {"kind": "audio", "shape": [LENGTH], "low": -1.0, "high": 1.0}
BANDS = ((300.0, 900.0), (2000.0, 2500.0))
EAR = Masked(rate_hz=RATE, window=64, hop=16)
GEOMETRIES_TRIED = [
    (Band(BANDS, RATE), 0.5),
    (Band(BANDS, RATE, ball="linf"), 0.05),
    (EAR, 1.0),
    (EAR, 10.0),
]
each = pytest.mark.parametrize(
    ("geometry", "radius"), GEOMETRIES_TRIED, ids=["l2", "linf", "masked", "masked10"]
)


def waves(n: int) -> Tensor:
    """A tone in noise, from loud to soft; the first touches both ends of the box."""
    draws = torch.Generator().manual_seed(0)
    t = torch.arange(LENGTH) / RATE
    tone = torch.sin(2 * math.pi * 700 * t) * torch.logspace(0.1, -2, n)[:, None]
    noise = torch.randn(n, LENGTH, generator=draws) * 0.02
    return (tone + noise).clamp(-1, 1)


def pushes(n: int, size: float = 0.3) -> Tensor:
    """Something to project."""
    return torch.randn(n, LENGTH, generator=torch.Generator().manual_seed(1)) * size


@each
def test_every_verb_is_legal_by_a_measure_that_shares_no_code(
    geometry: Band | Masked, radius: float
) -> None:
    x, threat = waves(5), Threat(geometry, radius, SOUND)
    grad = pushes(5, 1e-3)
    candidates = [
        threat.project(x + pushes(5), x),
        threat.project(x + threat.step(grad, x, x), x),
        threat.sample(x, seeds(0, n=5)),
    ]
    record = {"geometry": GEOMETRIES.record(geometry), "space": "waveform"}
    for x_adv in candidates:
        length = sound_length(record["geometry"], (x_adv.double() - x.double()).numpy(), x.numpy())
        assert threat.distance(x_adv, x).numpy() == pytest.approx(length, rel=1e-6)
        assert (length <= radius * (1 + 1e-6)).all()
        assert illegal(record, RECORD, np.full(5, radius), x_adv.numpy(), x.numpy()) == [""] * 5
        model, y = nn.Linear(LENGTH, 2), torch.zeros(5, dtype=torch.int64)
        verify(model, x, x_adv, y, threat)
    # Steps off the box are as long as the radius, and what is legal stays where it is.
    soft = threat.distance(candidates[1], x)[1:]
    assert soft.numpy() == pytest.approx(radius, rel=1e-3)
    again = threat.project(candidates[1], x)
    assert torch.allclose(again[1:], candidates[1][1:], atol=2e-6)
    loud = x + 3 * (candidates[1] - x)
    assert any(illegal(record, RECORD, np.full(5, radius), loud.numpy(), x.numpy()))
    with pytest.raises(IllegalAdversarial):
        verify(nn.Linear(LENGTH, 2), x[1:], loud[1:], torch.zeros(4, dtype=torch.int64), threat)


def test_the_nearest_point_of_a_band_is_its_part_of_the_spectrum_made_short() -> None:
    x, push = waves(4)[2:], pushes(2)
    found = Threat(Band(BANDS, RATE), 0.5, SOUND).project(x + push, x) - x
    spectrum, hz = np.fft.rfft(push.numpy()), np.fft.rfftfreq(LENGTH, 1 / RATE)
    inside = ((hz >= 300) & (hz <= 900)) | ((hz >= 2000) & (hz <= 2500))
    part = np.fft.irfft(np.where(inside, spectrum, 0), LENGTH)
    part *= np.minimum(1, 0.5 / np.linalg.norm(part, axis=1))[:, None]
    assert found.numpy() == pytest.approx(part, abs=2e-6)


def test_a_linear_readout_loses_what_the_closed_form_says() -> None:
    # The best change in a band has the direction of the weights' part of the spectrum.
    x = waves(3)[1:]
    w = torch.randn(LENGTH, generator=torch.Generator().manual_seed(5))
    w = w * torch.sign(x[:1] @ w)
    spectrum, hz = np.fft.rfft(w.numpy()), np.fft.rfftfreq(LENGTH, 1 / RATE)
    part = np.fft.irfft(np.where((hz >= 300) & (hz <= 900), spectrum, 0), LENGTH)
    needed = float(x[0] @ w) / float(np.linalg.norm(part))
    model = nn.Linear(LENGTH, 2, bias=False)
    model.weight.data = torch.stack([w, -w]) / 2
    goal = Misclassification(torch.tensor([0]))
    for share in (0.97, 1.03):
        threat = Threat(Band(((300.0, 900.0),), RATE), needed * share, SOUND)
        with Oracle(model) as oracle:
            attack = PGD(steps=2, step_size=1.0, random_start=False)
            x_adv = attack(oracle, x[:1], goal, threat, seeds=seeds(0, n=1))
            assert bool(goal.margin(oracle.logits(x_adv)) > 0) == (share > 1)


def test_a_step_under_linf_in_a_band_is_near_the_best_of_a_solver() -> None:
    length, rate = 24, 8000.0
    domain = Domain(kind="audio", shape=(length,), low=-1.0)
    threat = Threat(Band(((0.0, 1500.0),), rate, ball="linf"), 0.1, domain)
    x, hz = torch.zeros(1, length), np.fft.rfftfreq(length, 1 / rate)
    basis = np.fft.irfft(
        np.concatenate([np.diag((hz <= 1500) * (1 + 0j)), np.diag((hz <= 1500) * 1j)]), length
    )
    for seed in range(5):
        grad = torch.randn(1, length, generator=torch.Generator().manual_seed(seed))
        box = np.concatenate([basis.T, -basis.T])
        best = linprog(
            -basis @ grad[0].numpy().astype(float),
            box,
            np.full(2 * length, 0.1),
            bounds=(None, None),
        )
        assert float((threat.step(grad, x, x) * grad).sum()) >= -0.85 * best.fun


def test_the_threshold_is_that_of_a_loop_over_maskers() -> None:
    x = waves(4).double()
    x = torch.cat([x, torch.zeros(1, LENGTH, dtype=torch.float64)])
    frames = Frames(64, 16)
    found = threshold_beside(x, RATE, frames)
    spectra = frames.spectra(x)
    for i in range(5):
        slow = masking_threshold(spectra[i].T.numpy(), RATE)
        assert found[i].T.numpy() == pytest.approx(slow, rel=1e-9)
    assert (found[-1] == 0).all() and (found[:-1] > 0).all()


def test_a_pure_tone_masks_its_neighbours_as_the_formulas_say() -> None:
    # Bin 16 of 128 at 16 kHz: 2000 Hz. Hann spreads a tone over three bins, powers 1/4, 1, 1/4.
    rate, window = 16000.0, 128
    t = torch.arange(1024, dtype=torch.float64) / rate
    x = torch.sin(2 * math.pi * 2000 * t)[None]
    frames = Frames(window, 32)
    middle = frames.spectra(x).shape[1] // 2
    amplitude = frames.spectra(x)[0, middle].abs()
    assert float(amplitude[16]) == pytest.approx(math.sqrt(8 / 3) / 4, rel=1e-9)
    level = 20 * (threshold_beside(x, rate, frames)[0, middle] / amplitude[16]).log10() + 96

    def bark(hz: float) -> float:
        return 13 * math.atan(0.00076 * hz) + 3.5 * math.atan((hz / 7500) ** 2)

    peak, at = 96 + 10 * math.log10(1.5), bark(2000)
    top = peak - 6.025 - 0.275 * at
    assert float(level[16]) == pytest.approx(top, abs=0.01)
    below = top + 27 * (bark(1875) - at)
    above = top + (-27 + 0.37 * (peak - 40)) * (bark(2125) - at)
    assert float(level[15]) == pytest.approx(below, abs=0.01)
    assert float(level[17]) == pytest.approx(above, abs=0.01)
    # Far below, only the threshold in quiet is left: at 500 Hz.
    quiet = 3.64 * 0.5**-0.8 - 6.5 * math.exp(-0.6 * (0.5 - 3.3) ** 2) + 1e-3 * 0.5**4
    assert float(level[4]) == pytest.approx(quiet, abs=0.05)


def test_a_masked_step_beats_random_changes_and_silence_stays_silent() -> None:
    x, threat = waves(4)[1:], Threat(EAR, 1.0, SOUND)
    x[-1] = 0
    grad = pushes(3)
    step = threat.step(grad, x, x)
    for k in range(10):
        drawn = threat.draw(x, seeds(k, n=3))
        assert ((step * grad).sum(1) >= (drawn * grad).sum(1)).all()
    assert (step[-1] == 0).all()
    assert torch.equal(threat.project(x + pushes(3), x)[-1], x[-1])


def test_a_view_that_is_a_sound_may_be_masked() -> None:
    image = Domain(kind="image", shape=(1, 2, 2))
    views = Views((("image", image), ("audio", SOUND)))
    threat = Threat(Joint({"audio": (EAR, 1.0)}), 1.0, views)
    x = torch.cat([torch.rand(2, 4), waves(4)[1:3]], 1)
    moved = threat.sample(x, seeds(0, n=2))
    assert torch.equal(moved[:, :4], x[:, :4]) and not torch.equal(moved, x)
    verify(nn.Linear(LENGTH + 4, 2), x, moved, torch.zeros(2, dtype=torch.int64), threat)
    assert threat.level == "audio +0.0 dB of the masking threshold"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Band((), RATE), "Band needs at least one band"),
        (lambda: Band(((900.0, 300.0),), RATE), "got 900 to 300"),
        (lambda: Band(((300.0, 5000.0),), RATE), "up to half the rate (4000 Hz)"),
        (lambda: Band(BANDS, RATE, ball="l1"), "Band.ball"),
        (lambda: Masked(rate_hz=RATE, window=100, hop=30), "Masked.window must be a multiple"),
        (lambda: Masked(rate_hz=100.0), "must be above 200 Hz"),
        (
            lambda: Threat(Band(((301.0, 305.0),), RATE), 0.1, SOUND),
            "No frequency of 400 samples at 8000 Hz lies in ((301.0, 305.0),); bins are 20 Hz",
        ),
        (
            lambda: Threat(EAR, 1.0, Domain(kind="image", shape=(1, 2, 2))),
            "Masked needs a waveform; this image domain holds none",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(SettingError) as problem:
        make()
    assert sentence in str(problem.value)
