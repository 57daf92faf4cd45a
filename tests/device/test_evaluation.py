"""Ladder, probe, timing, audit and the cells of a study on a device: what the CPU finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spikeproof.attacks import PGD, Member, Restarts, Suite, suite
from spikeproof.base import SettingError, read_arrays, read_json
from spikeproof.data import Split, load
from spikeproof.evaluate import (
    audit,
    evaluate_ladder,
    open_test,
    plain_logits,
    probe,
    probed,
    right_draws,
    verify,
)
from spikeproof.models import Network, Poisson, build, home_of
from spikeproof.study import ComputePlan, Plan, run
from spikeproof.threats import standard_threats
from support.contract_cases import EVENTS, IMAGE, THREATS, inputs, labels, network
from support.pretend import DEVICES, moved
from support.tiny_study import make_plan

pytestmark = pytest.mark.usefixtures("reference_kernels")
on_each_device = pytest.mark.parametrize("device", DEVICES)
SMALL = Suite(
    (
        Member(attack=PGD(steps=3, step_size=0.5, stop=True)),
        Member(attack=Restarts(attack=PGD(steps=2, step_size=0.5), times=3)),
    )
)


def _split(kind: str, n: int = 6) -> tuple[Network, Split]:
    """A network and items that it mostly gets right."""
    threat = next(threat for threat in THREATS if threat.domain.kind == kind)
    model, x = network(threat), inputs(threat, n)
    y = labels(model, x)
    y[0] = (y[0] + 1) % 3
    return model, Split(x, y, torch.arange(10, 10 + n))


def _same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], device: str) -> None:
    """Every array equal, on CUDA every verdict."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        if device.startswith("pretend") or name in ("broken", "correct", "items", "y"):
            np.testing.assert_array_equal(found[name], array, err_msg=name)


@on_each_device
@pytest.mark.parametrize("name", ["linf", "l2", "l1", "l0", "counts"])
def test_a_ladder(device: str, name: str) -> None:
    kind = "events" if name == "counts" else "image"
    model, split = _split(kind)
    one = next(t for t in THREATS if (t.name, t.domain.kind) == (name, kind) and
               t.domain in (IMAGE, EVENTS))  # fmt: skip
    ladder = (one, one.at(2 * one.radius))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attacks = suite("quick") if name in ("l0", "counts") else SMALL
    found = evaluate_ladder(model, split, ladder, attacks, seed=0, draws=2, device=device)
    expected = evaluate_ladder(model, split, ladder, attacks, seed=0, draws=2)
    _same(found.arrays(), expected.arrays(), device)
    if device.startswith("pretend"):
        assert found.summary() == expected.summary()
        if expected.gallery is not None:
            assert found.gallery is not None
            _same(found.gallery.arrays(), expected.gallery.arrays(), device)
    assert home_of(model).type == "cpu"  # the network of the caller was not moved
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@on_each_device
def test_a_stochastic_network_meets_the_same_draws(device: str) -> None:
    data = load("digits")
    model = build("cnn-small", data, width=2, timesteps=2, encoder=Poisson())
    split = open_test(data, 5)
    ladder = standard_threats(data)["linf"][:1]
    attacks = Suite((Member(attack=PGD(steps=2)),))
    settings = {"seed": 0, "draws": 2, "samples": 2}
    found = evaluate_ladder(model, split, ladder, attacks, **settings, device=device)
    expected = evaluate_ladder(model, split, ladder, attacks, **settings)
    _same(found.arrays(), expected.arrays(), device)


@on_each_device
def test_a_probe(device: str) -> None:
    model, split = _split("image")
    threats = probed([threat for threat in THREATS if threat.domain is IMAGE.relaxed() or
                      threat.domain == IMAGE.relaxed()])  # fmt: skip
    attack = PGD(steps=2, step_size=0.5)
    settings = {"seed": 0, "draws": 2, "attack": attack}
    found = probe(model, split, threats, **settings, device=device)
    expected = probe(model, split, threats, **settings)
    _same(found.arrays, expected.arrays, device)
    if device.startswith("pretend"):
        assert found.summary() == expected.summary()


@on_each_device
@pytest.mark.parametrize("hidden", [False, True])
def test_timing_noise(device: str, hidden: bool) -> None:
    data = load("digits-events")
    model = build("cnn-small", data, width=2)
    split, noise = open_test(data, 4), ("jitter", (0.0, 1.0))
    settings = {"hidden": hidden, "draws": 2}
    found = right_draws(moved(model, device), data, split, noise, **settings)
    expected = right_draws(model, data, split, noise, **settings)
    assert torch.equal(found, expected)


@on_each_device
def test_verification_measures_on_the_cpu_whatever_it_is_given(device: str) -> None:
    model, split = _split("image")
    threat = next(t for t in THREATS if t.name == "linf" and t.domain.kind == "image")
    x_adv = threat.domain.clip(split.x + 0.9 * threat.radius)
    expected = verify(model, split.x, x_adv, split.y, threat)
    there = (tensor.to(device) for tensor in (split.x, x_adv, split.y))
    found = verify(moved(model, device), *there, threat)
    assert all(value.device.type == "cpu" for value in vars(found).values())
    assert torch.equal(found.won, expected.won)
    assert torch.equal(found.distance, expected.distance)
    logits = plain_logits(moved(model, device), split.x)
    assert logits.device.type == "cpu"


@on_each_device
def test_an_audit(device: str) -> None:
    data = load("digits")
    model = build("cnn-small", data, width=2, timesteps=2)
    threats = [ladder[1] for name, ladder in standard_threats(data).items() if name != "l1"]
    settings = {"suite": SMALL, "items": 4, "draws": 1}
    found = audit(model, data, threats, **settings, device=device)
    expected = audit(model, data, threats, **settings)
    for one, other in zip(found.outcomes, expected.outcomes, strict=True):
        _same(one.arrays(), other.arrays(), device)
    assert home_of(model).type == "cpu"


def _study(folder: Path, device: str) -> dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """What the cells of a tiny study say, by what they do, on a device."""
    record = make_plan().record()
    record["training"] = record["training"][1:]  # adversarial terms need no further one
    plan = Plan.from_record({**record, "compute": {"device": device}})
    assert run(plan, folder, workers=1).complete
    found = {}
    for path in sorted(folder.glob("cells/*/record.json")):
        cell, arrays = read_json(path), {}
        if (path.parent / "items.npz").exists():
            arrays = read_arrays(path.parent / "items.npz")
        content = cell["cell"]
        found[f"{content['kind']} {content.get('threat', {}).get('name', '')}"] = cell, arrays
    return found


@on_each_device
def test_the_cells_of_a_study(device: str, tmp_path: Path) -> None:
    found = _study(tmp_path / "there", device)
    expected = _study(tmp_path / "here", "cpu")
    done = {"train ", "diagnosis ", "attack linf", "attack l0", "probe "}
    assert found.keys() == expected.keys() == done
    for name, (cell, arrays) in expected.items():
        _same(found[name][1], arrays, device)
        other = found[name][0]
        assert other["id"] != cell["id"]
        kind = device.partition(":")[0]
        assert other["resources"]["device"] == kind and "TF32" in other["resources"]["arithmetic"]
        assert cell["resources"] == {"threads": 1}
        if device.startswith("pretend"):
            assert other["result"] == cell["result"]
            assert other["inputs"]["model_sha256"] == cell["inputs"]["model_sha256"]


def test_a_device_that_is_not_there_is_told_before_anything_else(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    said = r"\[compute\] device cuda: torch sees no CUDA device here; use cpu\."
    with pytest.raises(SettingError, match=said):
        run(make_plan(compute=ComputePlan(device="cuda")), tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()
    with pytest.raises(SettingError, match="unknown device 'gpu'; write cpu, cuda or cuda:0"):
        ComputePlan(device="gpu")
