"""The judge against traces worked out by hand, and against the package."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import spikeproof as sp
from spikeproof.evaluate import plain_logits
from spikeproof.models import Latency, Phase, Poisson, Temporal
from spikeproof.neurons import IF, NoisyLIF
from tests.oracles import judge, layers
from tests.oracles.judge import (
    BROKEN,
    ILLEGAL,
    ROUNDING,
    STANDS,
    Ball,
    Judge,
    Net,
    Neuron,
    legal,
    length,
)

CURRENTS = np.array([0.75, 0.75, 0.75, 1.5]).reshape(4, 1, 1)


@pytest.mark.parametrize(
    ("neuron", "spikes"),
    [
        # u = .75, .375 + .75 = 1.125 fires, 0 + .75, .375 + 1.5 fires
        (Neuron(0.5, 1.0, 1.0, False, 0.0), [0, 1, 0, 1]),
        # soft: .75, 1.125 fires and leaves .125, .0625 + .75, .40625 + 1.5 fires
        (Neuron(0.5, 1.0, 1.0, True, 0.0), [0, 1, 0, 1]),
        # IF, soft: .75, 1.5 fires and leaves .5, 1.25 fires and leaves .25, 1.75 fires
        (Neuron(1.0, 1.0, 1.0, True, 0.0), [0, 1, 1, 1]),
        # IF, hard: .75, 1.5 fires, .75, 2.25 fires
        (Neuron(1.0, 1.0, 1.0, False, 0.0), [0, 1, 0, 1]),
        # a membrane at the threshold fires: .75, 1.5 = 1.5
        (Neuron(1.0, 1.0, 1.5, False, 0.0), [0, 1, 0, 1]),
        # scaled current: .375, .5625, .65625, 1.078 fires
        (Neuron(0.5, 0.5, 1.0, False, 0.0), [0, 0, 0, 1]),
    ],
)
def test_a_neuron_fires_as_worked_out_by_hand(neuron: Neuron, spikes: list[int]) -> None:
    assert neuron.fire(CURRENTS).flatten().tolist() == spikes


def test_spikes_return_one_step_later() -> None:
    # Two neurons without memory: the second hears the first through a weight of 1.
    currents = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 0.5]]).reshape(3, 1, 2)
    neuron = Neuron(0.0, 1.0, 1.0, False, 0.0)
    feedback = np.array([[0.0, 0.0], [1.0, 0.5]])
    assert neuron.fire(currents)[:, 0].tolist() == [[1, 0], [0, 0], [0, 0]]
    # Step 2: 0 + 1 fires the second; step 3: .5 + .5 fires it again.
    assert neuron.fire(currents, feedback)[:, 0].tolist() == [[1, 0], [0, 1], [0, 1]]


def tiny(logit: float) -> Net:
    """Two inputs, two hidden neurons twice, two classes: the first has the given bias."""
    eye, one, none = np.eye(2), np.ones(2), np.zeros(2)
    norm = {"weight": one, "bias": none, "running_mean": none, "running_var": one - 1e-5}
    numbers = {"body.stem.1.weight": eye, "body.stem.1.bias": none}
    numbers |= {f"body.stem.2.{name}": value for name, value in norm.items()}
    numbers |= {"body.layers.1.layers.0.weight": eye, "body.layers.1.layers.0.bias": none}
    numbers |= {f"body.layers.1.layers.1.{name}": value for name, value in norm.items()}
    numbers |= {"body.readout.weight": eye, "body.readout.bias": np.array([logit, 0.0])}
    settings = {
        "name": "dense",
        "norm": "batch",
        "pooling": "average",
        "timesteps": 2,
        "encoder": {"kind": "direct"},
        "neuron": {"kind": "lif", "leak": 0.5, "threshold": 0.75, "reset": "hard"},
        "domain": {"kind": "image"},
    }
    return Net(settings, numbers)


def test_logits_of_a_network_worked_out_by_hand() -> None:
    # Currents 1 and .5 at both steps. First layer: 1 fires twice; .5, then .25 + .5 = .75 fires
    # once, at the second step. The second layer has them as currents 1 1 and 0 1, and fires
    # alike. Means over time: 1 and .5; the bias is added to the first.
    x = np.array([[1.0, 0.5]]).reshape(1, 1, 1, 2)
    assert tiny(0.25).logits(x).tolist() == [[1.25, 0.5]]


BALL = Ball("linf", 0.5, 0.0, 1.0)


def verdict(net: Net, x_adv: list[float], y: int = 0) -> int:
    """Of one point near the item (1, .6)."""
    x = np.array([1.0, 0.6]).reshape(1, 1, 1, 2)
    z = np.array(x_adv).reshape(1, 1, 1, 2)
    return int(Judge(net).verdicts(z, x, np.array([y]), BALL, [0])[0])


def test_verdicts_of_points_worked_out_by_hand() -> None:
    net = tiny(0.25)  # 1.25 against .5 or 1
    assert verdict(net, [1.0, 0.6]) == STANDS
    assert verdict(net, [0.6, 0.9]) == BROKEN  # spikes 0 1 and 1 1: .75 against 1
    assert verdict(net, [0.4, 0.9]) == ILLEGAL  # .6 away
    assert verdict(net, [1.0, 1.1]) == ILLEGAL  # out of the box
    assert verdict(net, [np.nan, 0.6]) == ILLEGAL
    assert verdict(tiny(0.5), [0.6, 0.9]) == ROUNDING  # 1 against 1: a tie is nobody's
    # The membrane of the first step stands at the threshold by less than float32 can tell.
    assert verdict(net, [0.75 * (1 - 1e-12), 0.6]) == ROUNDING


@pytest.mark.parametrize(
    ("norm", "long"), [("linf", 3.0), ("l2", 5.0), ("l1", 7.0), ("l0", 2.0), ("counts", 7.0)]
)
def test_lengths_of_a_move_by_3_and_4(norm: str, long: float) -> None:
    x = np.zeros((1, 1, 2, 2, 2))
    z = x.copy()
    z[0, 0, 0, 0, 0], z[0, 0, 0, 1, 1] = 3.0, -4.0
    ball = Ball(norm, long, -9.0, 9.0, "events")
    long = 4.0 if norm == "linf" else long
    assert length(ball, z, x).tolist() == [long]
    assert legal(Ball(norm, long, -9.0, 9.0, "events"), z, x).all()
    assert not legal(Ball(norm, 0.999 * long, -9.0, 9.0, "events"), z, x).any()


def test_a_pixel_counts_once_with_all_its_channels_and_counts_are_whole() -> None:
    x = np.zeros((1, 1, 2, 2, 2))
    z = x.copy()
    z[0, 0, :, 1, 1] = 1.0
    assert length(Ball("l0", 1, 0, 9, "events"), z, x).tolist() == [1]
    assert legal(Ball("counts", 2, 0, 9, "events"), z, x).all()
    assert not legal(Ball("counts", 2, 0, 9, "events"), 0.5 * z, x).any()


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cnn": ("digits", "cnn-small", {"width": 3, "timesteps": 3}),
    "cnn-max-if-soft": (
        "digits",
        "cnn-small",
        {"width": 3, "pooling": "max", "neuron": IF(reset="soft")},
    ),
    "dense": ("digits", "dense", {"width": 9, "neuron": sp.LIF(leak=0.3, decay_input=True)}),
    "events": ("digits-events", "cnn-small", {"width": 2, "neuron": sp.LIF(leak=0.8)}),
    "audio": ("digits-audio", "tcn-small", {"width": 3}),
    "latency": ("digits", "cnn-small", {"width": 3, "timesteps": 6, "encoder": Latency()}),
    "phase": ("digits", "dense", {"width": 9, "timesteps": 6, "encoder": Phase(bits=4)}),
    "phase-weighted": (
        "digits",
        "dense",
        {"width": 9, "timesteps": 6, "encoder": Phase(bits=4, weighted=True)},
    ),
    "temporal": ("digits", "cnn-small", {"width": 3, "timesteps": 5, "encoder": Temporal()}),
    "temporal-post": (
        "digits",
        "cnn-small",
        {"width": 3, "timesteps": 5, "encoder": Temporal(code="post")},
    ),
    "recurrent": ("digits-events", "recurrent", {"width": 24, "neuron": sp.LIF(leak=0.8)}),
    "log-mel": ("digits-audio", "tcn-small", {"width": 3, "front_end": "log-mel"}),
    "onsets": ("digits-audio", "tcn-onsets", {"width": 3}),
}


def stored(model: Any, folder: Path) -> Path:
    """A network with lively statistics, on disk."""
    for module in model.modules():
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.2, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 2.0)
            torch.nn.init.uniform_(module.bias, -0.3, 0.9)
    sp.save_model(model.eval(), folder / "net.safetensors")
    return folder / "net.safetensors"


@pytest.mark.parametrize("case", CASES)
def test_the_judge_and_the_package_agree_on_logits(case: str, tmp_path: Path) -> None:
    name, architecture, settings = CASES[case]
    data = sp.load(name)
    model = sp.build(architecture, data, **settings)
    net = Net.read(stored(model, tmp_path))
    x, y = data.validation.x[:8], data.validation.y[:8]
    with torch.no_grad():
        ours = model(x).numpy()
    trains: list[Any] = []
    theirs = net.logits(x.numpy(), trains=trains)
    _, alike = Judge(net).margins(x.numpy(), y.numpy())
    assert alike.sum() >= 6 and np.abs(theirs).max() > 0.1
    assert np.abs(ours - theirs)[alike].max() < 1e-5
    assert all(0.01 < spikes.mean() < 0.99 for spikes in trains)


@pytest.mark.parametrize(
    "settings",
    [{"encoder": Poisson(), "timesteps": 6}, {"neuron": NoisyLIF(noise=0.3)}],
    ids=["poisson", "noisy"],
)
def test_the_judge_and_the_package_agree_on_average_where_a_network_draws(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    data = sp.load("digits")
    model = sp.build("dense", data, width=12, **settings)
    net = Net.read(stored(model, tmp_path))
    x = data.validation.x[:4]
    ours = torch.stack([plain_logits(model, x, samples=200)])[0].numpy()
    draws = [net.logits(x.numpy(), seed=[(i, k) for i in range(4)]) for k in range(200)]
    error = np.std(draws, 0) / np.sqrt(200)
    assert net.draws and error.max() > 0
    # Two means of 200 draws each; five standard errors of their difference.
    assert (np.abs(ours - np.mean(draws, 0)) < 5 * np.sqrt(2) * error + 1e-5).all()


@pytest.mark.parametrize(
    ("kind", "settings", "code"),
    [
        # white, grey and black over four steps; grey stands between two steps, and goes later
        ("latency", {}, [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]),
        # 3 = 11, 1.5 rounds up to 2 = 10 and 0 = 00, twice
        ("phase", {"bits": 2, "weighted": False}, [[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0]]),
        (
            "phase",
            {"bits": 2, "weighted": True},
            [[0.5, 0.5, 0], [0.25, 0, 0], [0.5, 0.5, 0], [0.25, 0, 0]],
        ),
        ("temporal", {"code": "pre"}, [[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 0]]),
        ("temporal", {"code": "post"}, [[0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 0]]),
    ],
)
def test_codes_of_three_pixels_worked_out_by_hand(
    kind: str, settings: dict[str, Any], code: list[list[float]]
) -> None:
    x = np.array([[1.0, 0.5, 0.0]])
    assert layers.CODES[kind](x, 4, settings)[:, 0].tolist() == code


def test_a_rise_of_half_a_unit_is_an_onset_and_a_fall_an_offset() -> None:
    energy = np.array([0.25, 0.75, 0.75, 0.25, 1.0]).reshape(1, 1, 5)
    assert layers.onsets(energy)[0].tolist() == [[0, 1, 0, 0, 1], [0, 0, 0, 1, 0]]


def test_a_tone_is_loudest_in_the_mel_band_around_it() -> None:
    wave = np.cos(2 * np.pi * 1000 * np.arange(800) / 8000)[None]
    mels = 2595 * np.log10(1 + np.array([100, 1000, 3800]) / 700)
    # Centres are the 24 inner points of 26 evenly spaced ones.
    nearest = round(float((mels[1] - mels[0]) / (mels[2] - mels[0]) * 25)) - 1
    energy = layers.mel(wave, 1e3)
    assert energy.shape == (1, 24, 8)
    assert (energy[0].argmax(0) == nearest).all()


@pytest.mark.parametrize("part", [judge, layers])
def test_the_judge_imports_nothing_of_the_package_nor_torch(part: Any) -> None:
    tree = ast.parse(Path(part.__file__).read_text(encoding="utf-8"))
    names = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    froms = [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names |= {name.partition(".")[0] for name in froms if name != "tests.oracles.layers"}
    assert names <= {"numpy", *sys.stdlib_module_names}
