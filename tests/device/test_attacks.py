"""Every attack under every norm, and every gradient rule, on a device: the verdicts of the CPU."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spikeproof.attacks import Attack, suite
from spikeproof.base import seeds
from spikeproof.oracle import GradientRule, Oracle
from spikeproof.threats import Misclassification, Threat
from support.contract_cases import (
    CASES,
    THREATS,
    factors,
    inputs,
    labels,
    network,
    save_models,
)
from support.examples import gradient_examples
from support.pretend import DEVICES, moved

on_each_device = pytest.mark.parametrize("device", DEVICES)


def _pairs() -> list[tuple[Attack, Threat]]:
    """Every attack under every norm that it serves, each on one kind of data, in turn."""
    found: dict[tuple[str, str], list[tuple[Attack, Threat]]] = {}
    for case in CASES:
        attack, name, _ = factors(case)
        found.setdefault((attack, name), []).append(case)
    return [cases[number % len(cases)] for number, cases in enumerate(found.values())]


PAIRS = _pairs()
EVERY_NORM = {
    (threat.name, threat.domain.kind): threat
    for threat in THREATS
    if threat.domain.kind in ("image", "events") or threat.name == "joint"
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every domain on disk, for the attacks that take one from there."""
    return save_models(tmp_path_factory.mktemp("models"))


@cache
def _asked(kind: str) -> tuple[Tensor, Tensor]:
    """Items of a kind of data, and what its network answers."""
    threat = next(threat for threat in THREATS if threat.domain.kind == kind)
    x = inputs(threat, 4)
    return x, labels(network(threat), x)


def _attacked(attack: Attack, threat: Threat, device: str) -> tuple[Tensor, Tensor]:
    """Points and margins on a device, brought back to the CPU."""
    model = moved(network(threat), device)
    x, y = (tensor.to(device) for tensor in _asked(threat.domain.kind))
    goal = Misclassification(y)
    with Oracle(model, seeds=seeds(1, n=len(x))) as oracle:
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))
        assert x_adv.device == x.device
        return x_adv.cpu(), goal.margin(oracle.logits(x_adv)).cpu()


def _check(device: str, found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    """To the last bit where the device computes as the CPU does; the same verdicts elsewhere."""
    if device.startswith("pretend"):
        assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    else:
        assert torch.equal(found[-1] > 0, expected[-1] > 0)


@on_each_device
@pytest.mark.parametrize(
    ("attack", "threat"), PAIRS, ids=[f"{a!r}-{t.name}-{t.domain.kind}" for a, t in PAIRS]
)
def test_an_attack_finds_on_a_device_what_it_finds_on_the_cpu(
    device: str, attack: Attack, threat: Threat, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    _check(device, _attacked(attack, threat, device), _attacked(attack, threat, "cpu"))


def _gradient(gradient: GradientRule | None, threat: Threat, device: str) -> tuple[Tensor, Tensor]:
    """Three questions, the second about some of the items."""
    model, x = moved(network(threat), device), _asked(threat.domain.kind)[0].to(device)
    weight = torch.tensor([1.0, -2.0, 0.5], device=device)
    some = torch.tensor([0, 2], device=device)
    with Oracle(model, gradient=gradient, seeds=seeds(1, n=len(x))) as oracle:
        oracle.logits_and_grad(x, lambda z: z @ weight)
        oracle.logits_and_grad(x[some], lambda z: z @ weight, some)
        logits, grad = oracle.logits_and_grad(x, lambda z: z @ weight)
        assert oracle.not_converged(len(x)).shape == (len(x),)
    assert grad.device == x.device
    return grad.cpu(), logits.cpu()


@pytest.mark.usefixtures("reference_kernels")
@on_each_device
@pytest.mark.parametrize("kind", ["image", "events"])
@pytest.mark.parametrize("gradient", gradient_examples(), ids=repr)
def test_a_gradient_rule_gives_on_a_device_what_it_gives_on_the_cpu(
    device: str, gradient: GradientRule | None, kind: str
) -> None:
    threat = next(threat for threat in THREATS if threat.domain.kind == kind)
    _check(device, _gradient(gradient, threat, device), _gradient(gradient, threat, "cpu"))


def _suite(threat: Threat, device: str) -> tuple[Tensor, Tensor]:
    """The quick suite at work."""
    model = moved(network(threat), device)
    x, y = (tensor.to(device) for tensor in _asked(threat.domain.kind))
    found = suite("quick")(model, x, y, threat, seeds=seeds(0, n=len(x)))
    return found.x_adv.cpu(), found.won.cpu().double()


@pytest.mark.usefixtures("reference_kernels")
@on_each_device
@pytest.mark.parametrize("threat", EVERY_NORM.values(), ids=["-".join(at) for at in EVERY_NORM])
def test_a_suite_finds_on_a_device_what_it_finds_on_the_cpu(device: str, threat: Threat) -> None:
    _check(device, _suite(threat, device), _suite(threat, "cpu"))
