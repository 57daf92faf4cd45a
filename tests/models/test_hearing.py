"""Front ends for waveforms against scipy, and gradients that reach every sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import signal
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Views, load
from spikeproof.models import (
    FilterBank,
    GammatoneBank,
    LearnedBank,
    MelBank,
    ModelSpec,
    Onsets,
    build,
    load_model,
    save_model,
)
from spikeproof.models.hearing import front_end
from spikeproof.neurons import Surrogate, gradient_rule
from spikeproof.oracle import Oracle
from spikeproof.threats import Linf, Misclassification, Threat


def waves(n: int = 2, length: int = 800) -> Tensor:
    """Noise at everyday levels."""
    draws = torch.Generator().manual_seed(2)
    return 0.1 * torch.randn(n, length, generator=draws, dtype=torch.float64)


def test_mel_bands_are_those_of_a_loop_over_windows_and_triangles() -> None:
    x = waves()
    found = MelBank(bands=6, low_hz=200.0, high_hz=3000.0)(x).numpy()
    mel = np.linspace(*(2595 * np.log10(1 + np.array([200.0, 3000.0]) / 700)), 8)
    hz = 700 * (10 ** (mel / 2595) - 1)
    window = signal.get_window("hann", 240, fftbins=False)
    for m in range(8):
        part = x[0, 80 * m : 80 * m + 240].numpy() * window
        power = np.abs(np.fft.rfft(part) * 2 / window.sum()) ** 2
        for b in range(6):
            triangle = np.interp(np.fft.rfftfreq(240, 1 / 8000), hz[b : b + 3], [0, 1, 0])
            assert found[0, b, m] == pytest.approx(np.log1p(1000 * triangle @ power), rel=1e-5)


def test_gammatones_are_scipys() -> None:
    bank = GammatoneBank(bands=5)
    centres = np.linspace(*(21.4 * np.log10(1 + 4.37 * np.array([100.0, 3800.0]) / 1000)), 5)
    for b, hz in enumerate(1000 / 4.37 * (10 ** (centres / 21.4) - 1)):
        taps, _ = signal.gammatone(hz, "fir", order=4, numtaps=240, fs=8000)
        assert bank.kernels[b].numpy() == pytest.approx(taps, abs=1e-6)
    x = waves()
    wave = signal.lfilter(bank.kernels[3].double().numpy(), 1.0, x[1].numpy())[239:]
    energy = np.square(wave[:560]).reshape(7, 80).mean(1)
    assert bank(x)[1, 3].numpy() == pytest.approx(np.log1p(1000 * energy), rel=1e-5)


def test_learned_filters_begin_as_windowed_sincs_and_learn() -> None:
    bank = LearnedBank(bands=4, window=129)
    kernels = bank.kernels().detach().numpy()
    for b in range(4):
        low = float(bank.begin.detach()[b]) * 8000
        high = low + float(bank.width.detach()[b]) * 8000
        taps = signal.firwin(
            129, [low, high], pass_zero=False, window="hamming", scale=False, fs=8000
        )
        # scipy takes a symmetric window, as this bank does.
        assert kernels[b] == pytest.approx(taps, abs=2e-6)
    bank(waves().float()).sum().backward()
    assert all((p.grad is not None) and (p.grad != 0).all() for p in bank.parameters())


def test_a_tone_stands_out_in_its_own_band() -> None:
    t = torch.arange(1600) / 8000
    for bank in (MelBank(bands=16), GammatoneBank(bands=16), LearnedBank(bands=16)):
        loudest = [
            int(bank(0.3 * torch.sin(2 * math.pi * hz * t)[None])[0, :, 5].argmax())
            for hz in (200.0, 800.0, 2500.0)
        ]
        assert loudest == sorted(set(loudest))


@pytest.mark.parametrize("bank", [MelBank(bands=8), GammatoneBank(bands=8), LearnedBank(bands=8)])
def test_gradients_are_those_of_finite_differences_and_finite_in_silence(bank: nn.Module) -> None:
    bank = bank.double()
    x = waves(1, 320).requires_grad_(True)
    weight = torch.randn(bank(x).shape, generator=torch.Generator().manual_seed(0)).double()
    (grad,) = torch.autograd.grad((bank(x) * weight).sum(), x)
    for i in (0, 100, 319):
        step = torch.zeros_like(x)
        step[0, i] = 1e-6
        with torch.no_grad():
            slope = ((bank(x + step) - bank(x - step)) * weight).sum() / 2e-6
        assert float(grad[0, i]) == pytest.approx(float(slope), rel=1e-4, abs=1e-7)
    silent = torch.zeros(1, 320, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(bank(silent).sum(), silent)
    assert torch.isfinite(grad).all()


def test_onsets_and_offsets_are_rises_and_falls() -> None:
    class Given(nn.Module):
        """Energies as they are given."""

        def forward(self, x: Tensor) -> Tensor:
            return x[:, None]

    energy = torch.tensor([[0.4, 0.9, 1.0, 0.5, 0.1]])
    spikes = Onsets(Given(), threshold=0.4, offsets=True)(energy)
    assert spikes[0].tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 1, 1]]
    energy.requires_grad_(True)
    with gradient_rule(Surrogate("rectangle", sharpness=0.1)) as scope:
        out = Onsets(Given(), threshold=0.4)(energy)
    (grad,) = torch.autograd.grad(out.sum(), energy)
    assert scope.served == 1 and (grad[0, -1] != 0)


@pytest.mark.parametrize("name", ["tcn-mel", "tcn-gammatone", "tcn-learned", "tcn-onsets"])
def test_the_networks_of_sound_are_attacked_through_their_front_end(
    name: str, tmp_path: object
) -> None:
    data = load("digits-audio")
    net = build(name, data, width=4, seed=3)
    with torch.no_grad():
        for _ in range(12):  # statistics of normalisation, so that neurons fire
            net.train()(data.train.x[:16])
    x = data.validation.x[:3]
    y = net.eval()(x).argmax(1)
    goal = Misclassification(y, loss="cross_entropy")
    with Oracle(net) as oracle:
        _, grad = oracle.logits_and_grad(x, goal.score)
        assert (grad.flatten(1) != 0).float().mean() > 0.5
        threat = Threat(Linf(), 0.2, data.domain)
        x_adv = PGD(steps=3, step_size=0.5)(oracle, x, goal, threat, seeds=seeds(0, n=3))
        assert (goal.margin(oracle.logits(x_adv)) >= goal.margin(oracle.logits(x))).all()
    path = tmp_path / "net.safetensors"  # type: ignore[operator]
    save_model(net, path)
    with torch.no_grad():
        assert torch.equal(load_model(path).eval()(x), net(x))


@pytest.mark.parametrize(
    ("ask", "error", "sentence"),
    [
        (lambda: MelBank(low_hz=0.0), SettingError, "MelBank needs 0 < low_hz < high_hz"),
        (lambda: GammatoneBank(high_hz=5000.0), SettingError, "got 100, 5000 and 8000"),
        (lambda: LearnedBank(hop=0), SettingError, "a hop from 1 to the window"),
        (lambda: MelBank(bands=200), SettingError, "bins are 33.3333 Hz apart, too far for 200"),
        (lambda: MelBank()(torch.zeros(1, 100)), InputError, "at least 240 samples"),
        (lambda: Onsets(MelBank(), threshold=0.0), SettingError, "Onsets.threshold"),
        (
            lambda: build("tcn-mel", load("digits")),
            SettingError,
            "tcn-mel reads audio, not image",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    ask: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as problem:
        ask()
    assert sentence in str(problem.value)


def test_a_front_end_for_speech_hears_what_is_sixty_decibels_down() -> None:
    t = torch.arange(800) / 8000
    quiet = 1e-3 * torch.sin(2 * math.pi * 1000 * t)[None]
    heard = front_end("log-mel")(quiet).max()
    # A tone's band holds its squared amplitude, spread by the window over its triangle.
    assert math.log1p(1e6 * 1e-6 / 2) < float(heard) < math.log1p(2 * 1e6 * 1e-6)
    assert float(front_end("tones")(quiet).max()) < 1e-3


def test_a_network_of_sound_takes_the_front_end_and_keeps_it_in_its_file(tmp_path: Path) -> None:
    data = load("digits-audio")
    usual, net = (
        build("tcn-small", data, width=4),
        build("tcn-small", data, width=4, front_end="log-mel"),
    )
    assert "front_end" not in usual.spec.record()
    assert ModelSpec.from_record(usual.spec.record()) == usual.spec
    save_model(net, tmp_path / "net.safetensors")
    again = load_model(tmp_path / "net.safetensors")
    assert again.spec == net.spec and again.spec.front_end == "log-mel"
    x = data.validation.x[:2]
    assert torch.equal(again.eval()(x), net.eval()(x))
    assert not torch.equal(net.eval()(x), usual.eval()(x))


def test_front_ends_reach_the_sound_in_every_fusion_and_its_twin() -> None:
    data = load("digits-av")
    for name in ("fusion-small", "fusion-early", "fusion-attention", "fusion-small@audio"):
        net = build(name, data, width=4, front_end="log-mel")
        assert any(isinstance(m, MelBank) for m in net.modules()), name
        assert not any(isinstance(m, FilterBank) for m in net.modules()), name


def test_a_front_end_is_refused_where_no_waveform_meets_it() -> None:
    with pytest.raises(SettingError, match="cnn-small has no choice of front_end"):
        build("cnn-small", load("digits"), front_end="log-mel")
    with pytest.raises(SettingError, match="Unknown front end 'log-mell'.*log-mel"):
        build("tcn-small", load("digits-audio"), front_end="log-mell")
    views = Views((("a", load("digits").domain), ("b", load("digits").domain)))
    spec = ModelSpec(name="fusion-small", domain=views, classes=10, front_end="log-mel")
    with pytest.raises(SettingError, match="no view of these data is one"):
        build(spec)
