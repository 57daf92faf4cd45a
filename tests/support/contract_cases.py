"""Every attack, threat and modality of the contract, with networks and items to try them on."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import (
    APGD,
    DDN,
    FGSM,
    FMN,
    PDPGD,
    PGD,
    RFGSM,
    SAPGD,
    Attack,
    Countdown,
    Random,
    Restarts,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Square,
    Swap,
    Targeted,
    Transfer,
    serves,
)
from spikeproof.base import seeds
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, Network, build
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Joint, Linf, Misclassification, Threat

IMAGE = Domain(kind="image", shape=(2, 8, 8))
EVENTS = Domain(kind="events", shape=(3, 2, 8, 8), high=4.0, integer=True)
AUDIO = Domain(kind="audio", shape=(400,), low=-1.0)
VIEWS = Views((("image", IMAGE), ("audio", AUDIO)))
MODELS = {
    "image": ModelSpec(name="cnn-small", domain=IMAGE, classes=3, width=4, timesteps=2),
    "events": ModelSpec(name="cnn-small", domain=EVENTS, classes=3, width=4),
    "audio": ModelSpec(name="tcn-small", domain=AUDIO, classes=3, width=4),
    "views": ModelSpec(name="fusion-small", domain=VIEWS, classes=3, width=4, timesteps=2),
}
GEOMETRIES: list[tuple[Geometry, float]] = [
    (Linf(), 0.1),
    (L2(), 1.0),
    (L1(), 4.0),
    (L0(), 3.0),
    (L0(pixels=False), 4.0),
]
THREATS = [
    Threat(geometry, radius, domain.relaxed())
    for domain in (IMAGE, EVENTS, AUDIO, VIEWS)
    for geometry, radius in GEOMETRIES
]
THREATS += [
    Threat(Counts(), 6.0, EVENTS),
    Threat(Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.05)}), 1.0, VIEWS),
]
EACH: list[Attack] = [
    PGD(steps=4, step_size=0.3),
    PGD(steps=3, step_size=0.5, last=0.1, random_start=False),
    PGD(steps=4, step_size=0.3, keep="last"),
    Random(draws=4),
    Restarts(attack=PGD(steps=3), times=2),
    Swap(steps=4),
    Countdown(steps=3, proposals=3),
    DDN(steps=5),
    FMN(steps=5),
    PDPGD(steps=5),
    SigmaZero(steps=5),
    FGSM(),
    RFGSM(steps=2),
    APGD(steps=6),
    SAPGD(steps=5),
    Targeted(attack=APGD(steps=3, wide=True), rivals=2),
    Square(steps=6),
    SparseRS(steps=6, stop=False),
    SparsePGD(steps=4, projected=True, patience=1),
    Saliency(steps=2, candidates=2),
    Transfer(source="image.safetensors", attack=PGD(steps=3)),
]


def aimed(attack: Attack, threat: Threat) -> Attack:
    """The attack, with a model for this domain where it makes use of another one."""
    if not isinstance(attack, Transfer):
        return attack
    return replace(attack, source=f"{threat.domain.kind}.safetensors")


CASES = [(aimed(a, threat), threat) for a in EACH for threat in THREATS if serves(a, threat)]
each_case = pytest.mark.parametrize(
    ("attack", "threat"), CASES, ids=[f"{a!r}-{t.name}-{t.domain.kind}" for a, t in CASES]
)


def network(threat: Threat, seed: int = 0) -> Network:
    """A network in training mode whose batch statistics have seen some data."""
    return deepcopy(settled(threat.domain.kind, seed))


@cache
def settled(kind: str, seed: int) -> Network:
    """The network of a domain, made once."""
    model = build(MODELS[kind], seed=seed)
    x = inputs(next(threat for threat in THREATS if threat.domain.kind == kind), 16)
    for _ in range(40):  # without settled statistics no neuron would fire
        model(x)
    return model


def inputs(threat: Threat, n: int = 5) -> Tensor:
    """Legal items."""
    u = torch.rand(n, *threat.domain.shape, generator=torch.Generator().manual_seed(0))
    low, high = threat.domain.bounds(u)
    x = low + u * (high - low)
    return x.round() if threat.domain.kind == "events" else x


def labels(model: nn.Module, x: Tensor) -> Tensor:
    """What the model answers, so that every item has something to lose."""
    with Oracle(model) as oracle:
        return oracle.logits(x).argmax(1)


def run(attack: Attack, model: nn.Module, x: Tensor, y: Tensor, threat: Threat) -> Tensor:
    """The attack with the seeds of items 0, 1, 2, ..."""
    with Oracle(model) as oracle:
        return attack(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=len(x)))
