"""Training on a device: every input maker, term and hook, and the same weights as on the CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.data import Dataset, DataSpec, Domain, Split
from spikeproof.models import ModelSpec, Network, build
from spikeproof.neurons import LIF
from spikeproof.threats import L2, Linf, Threat
from spikeproof.train import (
    AUGMENTATIONS,
    HOOKS,
    INPUTS,
    TERMS,
    Adversarial,
    CrossEntropy,
    Hook,
    Inputs,
    Objective,
    RobustValidation,
    Term,
    TrainingSettings,
    fit,
)
from support.pretend import DEVICES

DOMAIN = Domain(kind="image", shape=(1, 6, 6))
pytestmark = [
    pytest.mark.usefixtures("reference_kernels"),
    pytest.mark.parametrize("device", DEVICES),
]


def _data() -> Dataset:
    """Sixteen items to train on and eight to validate on."""
    x = torch.rand(24, *DOMAIN.shape, generator=torch.Generator().manual_seed(0))
    whole = Split(x, (x.flatten(1).mean(1) > 0.5).long() + (x[:, 0, 0, 0] > 0.5), torch.arange(24))
    spec = DataSpec(
        name="made", version="1", classes=3, modality="image", licence="CC0", source="", sha256=""
    )
    return Dataset(
        spec=spec, domain=DOMAIN, train=whole[:16], validation=whole[16:], sealed=whole[:0]
    )


def _network() -> Network:
    """A small network that fires."""
    neuron = LIF(threshold=0.5)
    spec = ModelSpec(
        name="cnn-small", domain=DOMAIN, classes=3, width=2, timesteps=2, neuron=neuron
    )
    return build(spec, seed=0)


def _trained(device: str, objective: Objective, **changes: Any) -> tuple[dict[str, Tensor], Any]:
    """Weights and history of two epochs; the network comes back where it was."""
    model = _network()
    settings = TrainingSettings(batch_size=8, learning_rate=0.01, **changes.pop("settings", {}))
    history = fit(
        model, _data(), objective, epochs=2, settings=settings, progress=False, device=device,
        **changes,
    )  # fmt: skip
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())
    return model.state_dict(), history.record()["history"]


def _check(device: str, objective: Objective, **changes: Any) -> None:
    """The same weights and numbers to the bit on the pretend device; close to them on CUDA."""
    found, told = _trained(device, objective, **changes)
    expected, known = _trained("cpu", objective, **changes)
    assert any(not torch.equal(expected[k], v) for k, v in _network().state_dict().items())
    for name, value in expected.items():
        if device.startswith("pretend"):
            assert torch.equal(found[name], value), name
        else:
            torch.testing.assert_close(found[name], value, rtol=0.05, atol=0.05)
    assert len(told) == len(known)
    if device.startswith("pretend"):
        assert told == known


ERROR = {"error": (1.0, CrossEntropy())}


@pytest.mark.parametrize("inputs", INPUTS.examples(DOMAIN), ids=lambda inputs: inputs.kind)
def test_every_kind_of_inputs(device: str, inputs: Inputs) -> None:
    _check(device, Objective(ERROR, inputs=inputs))


@pytest.mark.parametrize("term", TERMS.examples(), ids=repr)
def test_every_term(device: str, term: Term) -> None:
    inputs = Adversarial(PGD(steps=2, step_size=0.5), Threat(Linf(), 0.1, DOMAIN))
    if TERMS.kind(term) == "ramp":  # it pairs two threats
        inputs = next(each for each in INPUTS.examples(DOMAIN) if each.kind == "avg")
    with_attack = hasattr(term, "check") or TERMS.kind(term) in ("trades", "clean_cross_entropy")
    terms = {**ERROR, "term": (0.1, term)}
    _check(device, Objective(terms, inputs=inputs if with_attack else None))


@pytest.mark.parametrize("hook", HOOKS.examples(), ids=repr)
@pytest.mark.filterwarnings("ignore")  # some say that so short a run overfits
def test_every_hook(device: str, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModelSpec(name="dense", domain=DOMAIN, classes=3, width=12, timesteps=3)
    monkeypatch.setitem(globals(), "_network", lambda: build(spec, seed=0))
    inputs = Adversarial(PGD(steps=1), Threat(Linf(), 0.1, DOMAIN))
    _check(device, Objective(ERROR, inputs=inputs, hooks=(hook,)))


def test_hooks_augmentation_averages_and_robust_validation(device: str) -> None:
    threats = (Threat(Linf(), 0.1, DOMAIN), Threat(L2(), 0.3, DOMAIN))
    augment = tuple(a for a in AUGMENTATIONS.examples() if a.kind == "image")
    _check(
        device,
        Objective(ERROR),
        augment=augment,
        robust_validation=RobustValidation(threats=threats),
        settings={"average": 0.5, "select": "union", "gradient_clip": 1.0},
    )


def test_an_interrupted_run_goes_on_there(device: str, tmp_path: Any) -> None:
    whole, _ = _trained(device, Objective(ERROR), directory=tmp_path / "whole")
    data = _data()

    class Stop(Exception):
        """Raised after the first epoch."""

    class Stopper:
        def epoch(self, epoch: Any, epochs: int) -> None:
            raise Stop

        def close(self) -> None:
            """Nothing is open."""

    settings = TrainingSettings(batch_size=8, learning_rate=0.01)
    folder = tmp_path / "parts"
    with pytest.raises(Stop):
        fit(
            _network(), data, Objective(ERROR), epochs=2, settings=settings, directory=folder,
            progress=False, loggers=(Stopper(),), device=device,
        )  # fmt: skip
    model: nn.Module = _network()
    fit(
        model, data, Objective(ERROR), epochs=2, settings=settings, directory=folder,
        progress=False, device=device,
    )  # fmt: skip
    assert all(torch.equal(whole[name], value) for name, value in model.state_dict().items())
