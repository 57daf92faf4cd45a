"""Every attack, threat and modality of the contract, with networks and items to try them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack, Transfer, serves
from spikeproof.base import seeds
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, Network, build, save_model
from spikeproof.oracle import Oracle
from spikeproof.threats import GEOMETRIES, Counts, Desync, Joint, Linf, Misclassification, Threat
from support.examples import attack_examples
from support.pairwise import pairwise

IMAGE = Domain(kind="image", shape=(2, 8, 8))
EVENTS = Domain(kind="events", shape=(3, 2, 8, 8), high=4.0, integer=True)
BITS = replace(EVENTS, high=1.0)
AUDIO = Domain(kind="audio", shape=(400,), low=-1.0)
VIEWS = Views((("image", IMAGE), ("audio", AUDIO)))
MODELS = {
    "image": ModelSpec(name="cnn-small", domain=IMAGE, classes=3, width=4, timesteps=2),
    "events": ModelSpec(name="cnn-small", domain=EVENTS, classes=3, width=4),
    "audio": ModelSpec(name="tcn-small", domain=AUDIO, classes=3, width=4),
    "views": ModelSpec(name="fusion-small", domain=VIEWS, classes=3, width=4, timesteps=2),
}
# Geometries with a radius to try: those of the relaxed domains, and those that keep the grid.
TRIED = [
    (cls.grid, cls(**facts.settings), facts.example)
    for cls in GEOMETRIES.members.values()
    for facts in cls.facts.values()
    if facts.settings is not None and facts.example is not None
]
THREATS = [
    Threat(geometry, radius, domain if grid else domain.relaxed())
    for domain in (IMAGE, EVENTS, AUDIO, VIEWS)
    for grid, geometry, radius in TRIED
    if (domain is EVENTS and isinstance(geometry, Counts)) or not grid
]
# Where single events come, go and move they do so on a grid of bits.
THREATS += [
    Threat(geometry, radius, BITS)
    for grid, geometry, radius in TRIED
    if grid and not isinstance(geometry, Counts)
]
THREATS.append(Threat(Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.05)}), 1.0, VIEWS))
THREATS.append(Threat(Desync(view="audio", unit=40), 2.0, VIEWS))
EXAMPLES = attack_examples()


def aimed(attack: Attack, threat: Threat) -> Attack:
    """The attack, with a model for this domain where it makes use of another one."""
    if not isinstance(attack, Transfer):
        return attack
    return replace(attack, source=f"{threat.domain.kind}.safetensors")


Case = tuple[Attack, Threat]
CASES: list[Case] = [
    (aimed(a, threat), threat) for a in EXAMPLES for threat in THREATS if serves(a, threat)
]


def factors(case: Case) -> tuple[str, str, str]:
    """What meets in a case: the attack, the geometry, the kind of data."""
    attack, threat = case
    same = replace(attack, source="any") if isinstance(attack, Transfer) else attack
    return repr(same), threat.name, threat.domain.kind


def each_of(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """A test of each of these cases."""
    names = [f"{a!r}-{t.name}-{t.domain.kind}" for a, t in cases]
    return pytest.mark.parametrize(("attack", "threat"), cases, ids=names)


def some_cases(turn: int) -> pytest.MarkDecorator:
    """A test of few of the cases, in which all that can meet by twos does."""
    return each_of(pairwise(CASES, factors, turn))


def _by_attack() -> dict[str, list[Case]]:
    """Every case, by its attack."""
    found: dict[str, list[Case]] = {}
    for case in CASES:
        found.setdefault(factors(case)[0], []).append(case)
    return found


each_attack = pytest.mark.parametrize("cases", _by_attack().values(), ids=_by_attack())
"""A test of each attack, with the threats that it serves."""


def every(check: Callable[[Attack, Threat], None], cases: Sequence[Case]) -> None:
    """Check every case, and name all that fail."""
    wrong = []
    for attack, threat in cases:
        try:
            check(attack, threat)
        except Exception as problem:
            what = f"{type(problem).__name__}: {problem}"
            wrong.append(f"{attack!r} under {threat.name} on {threat.domain.kind}: {what}")
    assert not wrong, "\n".join(wrong)


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


def save_models(folder: Path) -> Path:
    """A model of every domain in a folder, for the attacks that take one from there."""
    for kind in MODELS:
        threat = next(threat for threat in THREATS if threat.domain.kind == kind)
        save_model(network(threat, seed=1), folder / f"{kind}.safetensors")
    return folder


def inputs(threat: Threat, n: int = 5) -> Tensor:
    """Legal items."""
    u = torch.rand(n, *threat.domain.shape, generator=torch.Generator().manual_seed(0))
    low, high = threat.domain.bounds(u)
    x = low + u * (high - low)
    return x.round() if threat.domain.kind == "events" else x


class Rounded(nn.Module):
    """A model's logits to twelve digits, with its gradient: where two items tie, no last bit of a
    batched product decides."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.model(x)
        return logits + (logits.round(decimals=12) - logits).detach()


def labels(model: nn.Module, x: Tensor) -> Tensor:
    """What the model answers, so that every item has something to lose."""
    with Oracle(model) as oracle:
        return oracle.logits(x).argmax(1)


def run(attack: Attack, model: nn.Module, x: Tensor, y: Tensor, threat: Threat) -> Tensor:
    """The attack with the seeds of items 0, 1, 2, ..."""
    with Oracle(model) as oracle:
        return attack(oracle, x, Misclassification(y), threat, seeds=seeds(0, n=len(x)))
