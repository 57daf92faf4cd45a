"""Noise against the signal: each item's own ball, decibels in and out, and a second opinion."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import spikeproof as sp
from spikeproof.attacks import PGD, Member, Suite
from spikeproof.base import IllegalAdversarial, SettingError, seeds
from spikeproof.data import Domain, Views, load
from spikeproof.evaluate import verify
from spikeproof.oracle import Oracle
from spikeproof.rescore.legality import illegal
from spikeproof.threats import (
    L2,
    Joint,
    Linf,
    Misclassification,
    Snr,
    Threat,
    ratio_of,
    standard_threats,
    threat_from,
    threat_of,
)

SOUND = Domain(kind="audio", shape=(50,), low=-1.0)
RECORD = {"kind": "audio", "shape": [50], "low": -1.0, "high": 1.0}


def waveforms(n: int) -> torch.Tensor:
    """Items from loud to nearly silent; the last one is silent."""
    draws = torch.Generator().manual_seed(3)
    x = torch.randn(n, 50, generator=draws) * torch.logspace(-0.5, -5, n)[:, None]
    x[-1] = 0
    return x.clamp(-1, 1)


@pytest.mark.parametrize("peak", [False, True])
def test_each_item_has_the_ball_of_its_own_level(peak: bool) -> None:
    x, db = waveforms(6), 20.0
    threat = Threat(Snr(peak), ratio_of(db), SOUND)
    ball = Linf() if peak else L2()
    z = x + torch.randn(6, 50, generator=torch.Generator().manual_seed(1))
    found = threat.project(z, x)
    for i in range(6):
        level = float(x[i].double().abs().max() if peak else x[i].double().norm())
        if level == 0:
            assert torch.equal(found[i], x[i])
            continue
        # 20 dB of amplitude are a tenth.
        alone = Threat(ball, level / 10, SOUND).project(z[i : i + 1], x[i : i + 1])
        assert torch.allclose(found[i], alone[0], atol=1e-9)
    distance = threat.distance(found, x)
    assert (distance <= ratio_of(db) * (1 + 1e-6)).all() and distance[-1] == 0
    assert threat.distance(x + 0.5, x)[-1] == math.inf


@pytest.mark.parametrize("peak", [False, True])
def test_a_linear_readout_loses_what_the_closed_form_says(peak: bool) -> None:
    # margin(x + δ) = w·(x + δ); the best δ of a ball lowers it by r ‖x‖ ‖w‖ (dual norm).
    draws = torch.Generator().manual_seed(0)
    w = torch.randn(50, generator=draws)
    x = 0.2 * torch.randn(4, 50, generator=draws)
    x = x * torch.sign(x @ w)[:, None]  # all on the right side
    dual, level = w.norm(p=1 if peak else 2), x.norm(dim=1, p=math.inf if peak else 2)
    needed = (x @ w) / (dual * level)  # the ratio at which the margin is gone
    model = nn.Linear(50, 2, bias=False)
    model.weight.data = torch.stack([w, -w]) / 2
    for ratio in (0.9, 1.1):
        for i in range(4):
            radius = float(needed[i]) * ratio
            threat = Threat(Snr(peak), radius, SOUND)
            goal = Misclassification(torch.zeros(1, dtype=torch.int64))
            attack = PGD(steps=3, step_size=1.0, random_start=False)
            with Oracle(model) as oracle:
                at = x[i : i + 1]
                x_adv = attack(oracle, at, goal, threat, seeds=seeds(0, n=1))
                won = bool(goal.margin(oracle.logits(x_adv)) > 0)
            assert won == (ratio > 1)


def test_draws_fill_the_ball_of_each_item() -> None:
    x = waveforms(6)
    threat = Threat(Snr(), 0.1, SOUND)
    length = threat.distance(x + threat.draw(x, seeds(0, n=6)), x)
    assert (length[:-1] > 0.05).all() and (length <= 0.1 + 1e-6).all()  # U^(1/50) is near 1


def test_a_person_gives_decibels_and_reads_decibels() -> None:
    audio = load("digits-audio")
    for threat in (threat_from("snr:30", None, audio.domain), threat_of(audio, "snr", 30)):
        assert threat.radius == pytest.approx(10**-1.5) and threat.level == "30 dB SNR"
        assert threat.geometry.spelled(threat.radius) == "30"
    ladder = standard_threats(audio, {"snr-peak": (20, 40)})["snr-peak"]
    assert [t.level for t in ladder] == ["40 dB below the peak", "20 dB below the peak"]
    linf = Threat(Linf(), 0.1, SOUND)
    l2 = Threat(L2(), 0.1 * math.sqrt(50), SOUND)
    assert (linf.level, l2.level) == ("-20.0 dBFS", "-20.0 dBFS")
    assert Threat(L2(), 0.1, Domain(kind="image", shape=(1, 2, 2))).level == ""
    views = Views((("image", Domain(kind="image", shape=(1, 2, 2))), ("audio", SOUND)))
    joint = Joint({"image": (Linf(), 0.1), "audio": (Snr(), ratio_of(20))})
    assert Threat(joint, 0.1, views).level == "audio 40 dB SNR"


def test_the_level_stands_beside_the_radius_in_tables() -> None:
    torch.manual_seed(0)
    model = nn.Linear(50, 2)
    x = waveforms(5)[:4]
    y = model(x).argmax(1)
    found = sp.attack(model, x, y, norm="snr", eps=20, kind="audio", low=-1.0, attack="fgsm")
    assert found.threat == "snr:20" and found.table().endswith("20 dB SNR")
    several = sp.robust_accuracy(
        model, x, y, threats=["linf:0.01", "snr:20"], kind="audio", low=-1.0,
        suite=Suite((Member(attack=PGD(steps=2)),)), draws=0,
    )  # fmt: skip
    lines = several.table().splitlines()
    assert next(line for line in lines if line.startswith("linf")).endswith("-40.0 dBFS")
    assert next(line for line in lines if line.startswith("snr")).endswith("20 dB SNR")
    assert "snr 0.1 (20 dB SNR)" in several.table()
    assert "(20 dB SNR)" in several.audit._repr_html_()


def test_what_is_too_loud_is_refused_twice() -> None:
    x = waveforms(4)[:1]
    y = torch.tensor([0])
    model = nn.Linear(50, 2)
    threat = Threat(Snr(), 0.1, SOUND)
    change = torch.zeros(1, 50)
    change[0, 3] = 0.11 * x.norm()
    with pytest.raises(IllegalAdversarial, match="under snr where 0.1 is allowed"):
        verify(model, x, x + change, y, threat)
    loud, quiet = (x + change).numpy(), (x + change * 0.9).numpy()
    for geometry, limit in (({"kind": "snr"}, 0.1), ({"kind": "snr", "peak": True}, 0.5)):
        record = {"geometry": geometry, "space": "waveform"}
        allowed = np.array([limit])
        assert illegal(record, RECORD, allowed, quiet, x.numpy()) == [""]
        if geometry.get("peak"):
            peak = float(change.max() / x.abs().max())
            allowed = np.array([peak * 0.99])
        (reason,) = illegal(record, RECORD, allowed, loud, x.numpy())
        assert reason.startswith("moved ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("snr:-3", "0 to 160; got -3. Write snr:30 for 30 dB"),
        ("snr:200", "0 to 160; got 200"),
        ("snr:0.1", "got 0.1, which looks like a ratio. As one it is 20 dB: write snr:20"),
        ("snr-peak:loud", "'loud' is not a radius"),
    ],
)
def test_decibels_that_make_no_sense_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingError) as problem:
        threat_from(text, None, SOUND)
    assert sentence in str(problem.value)


def test_a_ratio_above_one_and_what_is_no_sound_are_refused() -> None:
    with pytest.raises(SettingError, match="a ratio above 1, noise louder than the signal; for 30"):
        Threat(Snr(), 30, SOUND)
    with pytest.raises(SettingError, match="this image domain holds none"):
        threat_from("snr:30", None, Domain(kind="image", shape=(1, 2, 2)))
