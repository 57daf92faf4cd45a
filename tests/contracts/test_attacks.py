"""The contract of every attack, under every threat, on every modality."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import (
    APGD,
    ATTACKS,
    DDN,
    FGSM,
    FMN,
    PDPGD,
    PGD,
    RFGSM,
    SAPGD,
    Attack,
    Countdown,
    MinimumNorm,
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
from spikeproof.evaluate import verify
from spikeproof.models import ModelSpec, Network, build, save_model
from spikeproof.oracle import Oracle
from spikeproof.threats import (
    L0,
    L1,
    L2,
    LOSSES,
    Counts,
    Geometry,
    Goal,
    Joint,
    Linf,
    Threat,
)

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every domain on disk."""
    made = tmp_path_factory.mktemp("models")
    for kind in MODELS:
        threat = next(threat for threat in THREATS if threat.domain.kind == kind)
        save_model(network(threat, seed=1), made / f"{kind}.safetensors")
    return made


@pytest.fixture(autouse=True)
def _models_are_at_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


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
        return attack(oracle, x, Goal(y), threat, seeds=seeds(0, n=len(x)))


def test_every_registered_attack_is_tried_here() -> None:
    assert {ATTACKS.kind(attack) for attack in EACH} == set(ATTACKS)


@each_case
def test_results_are_legal_and_nowhere_worse_than_clean(attack: Attack, threat: Threat) -> None:
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    x_adv = run(attack, model, x, y, threat)
    checked = verify(model, x, x_adv, y, threat)
    clean = verify(model, x, x, y, threat)
    assert x_adv.dtype == x.dtype
    if not (isinstance(attack, PGD) and attack.keep == "last"):  # its page says that it may be
        assert (checked.margin >= clean.margin).all()


@each_case
def test_model_and_inputs_are_left_as_they_were(attack: Attack, threat: Threat) -> None:
    model, x = network(threat), inputs(threat)
    model.body.train()
    next(m for m in model.modules() if isinstance(m, nn.Linear)).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    modes, copy = [m.training for m in model.modules()], x.clone()
    run(attack, model, x, labels(model, x), threat)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(x, copy) and all(p.grad is None for p in model.parameters())


@each_case
def test_the_same_seeds_give_the_same_bytes(attack: Attack, threat: Threat) -> None:
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    assert torch.equal(run(attack, model, x, y, threat), run(attack, model, x, y, threat))


@each_case
def test_an_item_alone_gets_the_answer_it_gets_in_a_batch(attack: Attack, threat: Threat) -> None:
    """In float64, where the rounding of a batched convolution cannot turn a sign."""
    model, x = network(threat).double(), inputs(threat).double()
    y, keys = labels(model, x), seeds(0, n=len(x))
    with Oracle(model) as oracle:
        together = attack(oracle, x, Goal(y), threat, seeds=keys)
        alone = attack(oracle, x[3:4], Goal(y[3:4]), threat, seeds=keys[3:4])
    torch.testing.assert_close(together[3:4], alone, rtol=1e-6, atol=1e-6)


@each_case
def test_radius_zero_returns_the_input(attack: Attack, threat: Threat) -> None:
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    assert torch.equal(run(attack, model, x, y, threat.at(0.0)), x)


@pytest.mark.parametrize("attack", EACH, ids=repr)
def test_repr_and_record_rebuild_the_attack(attack: Attack) -> None:
    assert eval(repr(attack)) == attack
    assert ATTACKS.build(ATTACKS.record(attack)) == attack


@pytest.mark.parametrize(
    ("attack", "forward", "backward"),
    [
        (PGD(steps=7), 9, 7),
        (PGD(steps=7, random_start=False), 8, 7),
        (PGD(steps=7, keep="last"), 7, 7),
        (PGD(steps=7, random_start=False, keep="last"), 7, 7),
        (Random(draws=6), 7, 0),
        (Restarts(attack=PGD(steps=3), times=2), 10, 6),
        (Swap(steps=5), 7, 6),
        (FMN(steps=5), 8, 5),
        (SigmaZero(steps=5), 8, 5),
        (PDPGD(steps=5), 8, 5),
        (FGSM(), 2, 1),
        (RFGSM(steps=3), 5, 3),
        (SAPGD(steps=4), 6, 4),
        (Targeted(attack=PGD(steps=3), rivals=2), 13, 6),
        (SparseRS(steps=5, stop=False), 7, 0),
        (SparsePGD(steps=5), 7, 5),
        (Saliency(), 5, 3),
        (Saliency(steps=2, candidates=4), 12, 2),
        (Transfer(source="image.safetensors"), 2, 0),
    ],
    ids=repr,
)
def test_passes_equal_the_documented_cost(attack: Attack, forward: int, backward: int) -> None:
    threat = Threat(L0(), 3, IMAGE)
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    with Oracle(model) as oracle:
        attack(oracle, x, Goal(y), threat, seeds=seeds(0, n=5))
        extra = oracle.passes.forward - 5 * forward
    if isinstance(attack, MinimumNorm):  # "at most": items won within the radius are left alone
        assert extra <= 0 and 0 < oracle.passes.backward <= 5 * backward
        return
    assert oracle.passes.backward == 5 * backward
    # Restarts may look once more at what each run returned.
    assert extra == (5 * 3 if isinstance(attack, Restarts) and extra else 0)


class Flat(nn.Module):
    """A constant model that still depends on its input, with gradient zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits that favour class 0 by one."""
        zero = 0 * x.flatten(1).sum(1, keepdim=True)
        return torch.cat([zero + 1, zero, zero], dim=1)


@each_case
def test_a_zero_gradient_never_becomes_a_success(attack: Attack, threat: Threat) -> None:
    x = inputs(threat)
    y = torch.zeros(len(x), dtype=torch.int64)
    x_adv = run(attack, Flat(), x, y, threat)
    assert not verify(Flat(), x, x_adv, y, threat).won.any()


@pytest.mark.parametrize(
    ("attack", "threat"),
    [(a, t) for a, t in CASES if isinstance(a, MinimumNorm)],
    ids=[f"{a!r}-{t.name}-{t.domain.kind}" for a, t in CASES if isinstance(a, MinimumNorm)],
)
def test_the_nearest_points_are_legal_adversarial_and_as_far_as_they_say(
    attack: MinimumNorm, threat: Threat
) -> None:
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    y[0] = (y[0] + 1) % 3
    with Oracle(model) as oracle:
        near = attack.nearest(oracle, x, Goal(y), threat, seeds=seeds(0, n=len(x)))
    found = near.distance.isfinite()
    far = max(1.0, float(near.distance[found].max()))
    checked = verify(model, x, near.x_adv, y, threat.at(far))
    assert torch.equal(checked.won, found)
    torch.testing.assert_close(checked.distance[found], near.distance[found])
    assert near.distance[0] == 0 and torch.equal(near.x_adv[~found], x[~found])
    with Oracle(Flat()) as oracle:
        none = attack.nearest(oracle, x, Goal(0 * y), threat, seeds=seeds(0, n=len(x)))
    assert none.distance.isinf().all() and torch.equal(none.x_adv, x)


@pytest.mark.parametrize("wide", [False, True])
def test_passes_of_apgd_equal_the_documented_cost(wide: bool) -> None:
    threat = Threat(L1(), 4, IMAGE)
    model, x = network(threat), inputs(threat)
    y = labels(model, x)
    with Oracle(model) as oracle:
        APGD(steps=7, wide=wide)(oracle, x, Goal(y), threat, seeds=seeds(0, n=5))
        assert (oracle.passes.forward, oracle.passes.backward) == (5 * 9, 5 * 7)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("attack", [PGD(steps=30), APGD(steps=30), SAPGD(steps=30)], ids=repr)
def test_targeted_attacks_reach_the_class_they_want(attack: Attack, loss: str) -> None:
    threat = Threat(L2(), 3.0, IMAGE)
    model, x = network(threat), inputs(threat)
    target = (labels(model, x) + 1) % 3
    with Oracle(model) as oracle:
        goal = Goal(target, targeted=True, loss=loss)
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=5))
        won = goal.margin(oracle.logits(x_adv)) > 0
        assert torch.equal(oracle.logits(x_adv).argmax(1) == target, won)
    assert won.float().mean() >= 0.6
