"""Recipes against several threats: what they choose, what it costs, and what they remember."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.attacks import PGD
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Joint, Linf, Threat
from spikeproof.train import (
    AVG,
    EAT,
    INPUTS,
    MAX,
    MSD,
    SAT,
    Adversarial,
    CrossEntropy,
    Forward,
    Inputs,
    Objective,
)

DOMAIN = Domain(kind="audio", shape=(4,))
ERROR = {"error": (1.0, CrossEntropy())}
FAST = PGD(steps=4, step_size=0.5)


def members(*pairs: tuple[Geometry, float], domain: Any = DOMAIN) -> tuple[Adversarial, ...]:
    """One fast attack per threat."""
    return tuple(Adversarial(FAST, Threat(g, radius, domain)) for g, radius in pairs)


PAIR = members((Linf(), 0.1), (L1(), 0.25))
EVERY: dict[str, Inputs] = {
    "avg": AVG(PAIR),
    "eat": EAT(PAIR),
    "max": MAX(PAIR),
    "msd": MSD(tuple(member.threat for member in PAIR), steps=4),
    "sat": SAT(PAIR),
}


class Counting(nn.Module):
    """A linear model that counts the items it answers, and whose input gradient it is asked."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.forwards = self.backwards = 0

    def forward(self, x: Tensor) -> Tensor:
        self.forwards += len(x)
        if x.requires_grad:
            x.register_hook(self._back)
        return x.flatten(1) @ self.weight.T

    def _back(self, grad: Tensor) -> None:
        self.backwards += len(grad)


@pytest.fixture
def model() -> Counting:
    """Three classes over four features, float64."""
    generator = torch.Generator().manual_seed(0)
    return Counting(torch.randn(3, 4, generator=generator, dtype=torch.float64))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Twelve items in the box."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(12, 4, generator=generator, dtype=torch.float64), torch.arange(12) % 3


def test_max_takes_each_items_larger_loss(model: Counting, batch: tuple[Tensor, Tensor]) -> None:
    x, y = batch
    keys = seeds(0, n=12)
    each = [m(model, x, y, seeds=keys.child("member", i)) for i, m in enumerate(PAIR)]
    losses = torch.stack([F.cross_entropy(model(z), y, reduction="none") for z in each])
    chosen = MAX(PAIR)(model, x, y, seeds=keys)
    which = losses.argmax(0)
    assert set(which.tolist()) == {0, 1}, "both threats are the worst for some item"
    assert torch.equal(chosen, torch.stack(each)[which, torch.arange(12)])


def test_judged_by_the_margin_max_gives_the_union_accuracy(
    model: Counting, batch: tuple[Tensor, Tensor]
) -> None:
    x, _ = batch
    y = model(x).argmax(1)
    keys = seeds(0, n=12)
    each = [m(model, x, y, seeds=keys.child("member", i)) for i, m in enumerate(PAIR)]
    union = torch.stack([model(z).argmax(1) == y for z in each]).all(0)
    assert 0 < int(union.sum()) < 12
    for inputs in EVERY.values():
        judged = inputs.judged
        if isinstance(judged, MAX):
            assert torch.equal(model(judged(model, x, y, seeds=keys)).argmax(1) == y, union)


def test_the_average_of_losses_is_what_avg_trains_on(
    model: Counting, batch: tuple[Tensor, Tensor]
) -> None:
    x, y = batch
    keys = seeds(0, n=12)
    loss, _ = Objective(ERROR, AVG(PAIR))(model, x, y, seeds=keys)
    each = [m(model, x, y, seeds=keys.child("member", i)) for i, m in enumerate(PAIR)]
    written = sum(F.cross_entropy(model(z), y) for z in each) / 2
    torch.testing.assert_close(loss, written)


def test_msd_chooses_by_hand() -> None:
    # Both items lose by moving down. (.5, .5): l_inf gains .1 * (4 + 1), l_1 only .11 * 4.
    # (0, .5) stands on the bound: l_inf gains .1 * 1, l_1 .11 * 1.
    model = Counting(torch.tensor([[4.0, 1.0], [0.0, 0.0]], dtype=torch.float64))
    domain = Domain(kind="audio", shape=(2,))
    x = torch.tensor([[0.5, 0.5], [0.0, 0.5]], dtype=torch.float64)
    threats = Threat(Linf(), 0.1, domain), Threat(L1(), 0.11, domain)
    msd = MSD(threats, steps=1, step_size=1.0)
    found = msd(model, x, torch.tensor([0, 0]), seeds=seeds(0, n=2))
    expected = torch.tensor([[0.4, 0.4], [0.0, 0.39]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


def test_msd_reaches_the_worst_corner_of_a_linear_model(batch: tuple[Tensor, Tensor]) -> None:
    x = 0.3 + 0.4 * batch[0]
    weight = torch.tensor([[3.0, -1.0, 0.5, 0.2], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    y = torch.zeros(12, dtype=torch.int64)
    for radius, best in ((0.05, 0.1 * 4.7), (0.2, 0.2 * 3.0)):  # l_inf wins, then l_1
        threats = Threat(Linf(), 0.1, DOMAIN), Threat(L1(), radius, DOMAIN)
        found = MSD(threats)(Counting(weight), x, y, seeds=seeds(0, n=12))
        drop = ((x - found) @ weight[0]).tolist()
        # l_1 steps go a share of the way to the best point: 1 - .6^10 of it.
        assert drop == pytest.approx([best] * 12, rel=0.01)


def test_sat_draws_for_every_item_and_every_epoch(batch: tuple[Tensor, Tensor]) -> None:
    sat = SAT(PAIR)
    drawn = sat.drawn(seeds(0, n=4000)).double().mean()
    assert abs(float(drawn) - 0.5) < 0.03
    again = sat.drawn(seeds(0, n=4000).child("inputs", 2))
    assert not torch.equal(again, sat.drawn(seeds(0, n=4000)))


def test_eat_draws_by_running_error() -> None:
    eat = EAT(members((Linf(), 0.1), (L1(), 0.2), (L2(), 0.2)))
    memory = {"eat.wrong": torch.tensor([6, 3, 1]), "eat.seen": torch.tensor([10, 10, 10])}
    shares = eat.drawn(seeds(0, n=8000), memory).bincount(minlength=3) / 8000
    assert shares.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)
    even = [1 / 3] * 3
    assert eat.chances({}).tolist() == pytest.approx(even)
    unseen = {"eat.wrong": torch.tensor([6, 3, 0]), "eat.seen": torch.tensor([10, 10, 0])}
    assert eat.chances(unseen).tolist() == pytest.approx(even)
    perfect = {"eat.wrong": torch.zeros(3), "eat.seen": torch.ones(3)}
    assert eat.chances(perfect).tolist() == pytest.approx(even)


def test_eat_counts_what_the_training_pass_got_wrong() -> None:
    eat, keys = EAT(PAIR), seeds(0, n=6)
    which = eat.drawn(keys, {})
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0]] * 3)  # items 1, 3, 5 are wrong
    clean = Forward(nn.Identity(), logits, torch.zeros(6, dtype=torch.int64))
    memory: dict[str, Tensor] = {}
    eat.learn(clean, seeds=keys, memory=memory)
    assert memory["eat.seen"].tolist() == [int((which == p).sum()) for p in (0, 1)]
    assert memory["eat.wrong"].tolist() == [int((which[1::2] == p).sum()) for p in (0, 1)]
    before = {name: counts.clone() for name, counts in memory.items()}
    now = eat.drawn(keys, memory)
    eat.learn(clean, seeds=keys, memory=memory)
    assert (memory["eat.seen"] - before["eat.seen"]).tolist() == now.bincount(minlength=2).tolist()


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_inputs_belong_to_the_item_and_stay_legal(
    kind: str, model: Counting, batch: tuple[Tensor, Tensor]
) -> None:
    x, y = batch
    inputs, keys = EVERY[kind], seeds(0, n=12)
    before = x.clone()
    made = inputs(model, x, y, seeds=keys).view(inputs.copies, 12, 4)
    assert torch.equal(x, before)
    assert torch.equal(made, inputs(model, x, y, seeds=keys).view_as(made))
    rows = torch.tensor([7, 2, 9])
    some = inputs(model, x[rows], y[rows], seeds=keys[rows]).view(inputs.copies, 3, 4)
    torch.testing.assert_close(some, made[:, rows])
    for block in made:
        inside = [t.distance(block, x) <= t.radius * (1 + 1e-6) for t in inputs.against]
        assert torch.stack(inside).any(0).all()
        assert DOMAIN.contains(block).all()
        assert (block != x).any(1).sum() > 9


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_passes_are_what_the_page_says(
    kind: str, model: Counting, batch: tuple[Tensor, Tensor]
) -> None:
    EVERY[kind](model, *batch, seeds=seeds(0, n=12))
    # PGD of 4 steps: 6 forwards and 4 backwards per item.
    expected = {
        "avg": (2 * 6, 2 * 4),
        "eat": (6, 4),
        "max": (2 * 6 + 2, 2 * 4),
        "msd": (4 * (2 + 1), 4),
        "sat": (6, 4),
    }[kind]
    assert (model.forwards, model.backwards) == (12 * expected[0], 12 * expected[1])


def test_the_divergence_attack_takes_one_forward_more(
    model: Counting, batch: tuple[Tensor, Tensor]
) -> None:
    inputs = Adversarial(FAST, PAIR[0].threat, loss="divergence")
    inputs(model, *batch, seeds=seeds(0, n=12))
    assert (model.forwards, model.backwards) == (12 * 7, 12 * 4)


EVENTS = Domain(kind="events", shape=(2, 1, 2, 2), high=3.0, integer=True)
PACKED = Views((("image", Domain(kind="image", shape=(1, 2, 2))), ("audio", DOMAIN)))
JOINT = Joint({"image": (Linf(), 0.1), "audio": (L1(), 0.2)})


@pytest.mark.parametrize("kind", sorted(EVERY))
@pytest.mark.parametrize("domain", [EVENTS, PACKED], ids=["events", "views"])
def test_any_set_of_threats_will_do(kind: str, domain: Domain | Views) -> None:
    threats = {
        EVENTS: (Threat(Counts(), 2, EVENTS), Threat(L2(), 0.5, EVENTS.relaxed())),
        PACKED: (Threat(JOINT, 1.0, PACKED), Threat(L0(), 2, PACKED)),
    }[domain]
    cls = INPUTS[kind]
    inputs = cls.planned(threats, FAST if "attack" in cls.wants else None, domain, {})
    x = torch.zeros(6, *domain.shape)
    if domain is EVENTS:
        x = (4 * torch.rand(6, *domain.shape)).floor().clamp(max=3)
    model = Counting(torch.randn(2, domain.size))
    made = inputs(model, x, torch.arange(6) % 2, seeds=seeds(0, n=6))
    for block in made.view(inputs.copies, 6, *domain.shape):
        legal = [
            t.domain.contains(block) & (t.distance(block, x) <= t.radius * (1 + 1e-6))
            for t in threats
        ]
        assert torch.stack(legal).any(0).all()
    assert INPUTS.build(INPUTS.record(inputs), domain) == inputs


@pytest.mark.parametrize("kind", sorted(EVERY))
def test_records_rebuild_the_objective(kind: str) -> None:
    objective = Objective(ERROR, EVERY[kind])
    assert Objective.from_record(objective.record(), domain=DOMAIN) == objective
    with pytest.raises(SettingError, match="need the domain of the data"):
        Objective.from_record(objective.record())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MAX(PAIR[:1]), "MAX needs at least two members"),
        (lambda: AVG((FAST, FAST)), "AVG needs at least two members, each Adversarial"),
        (lambda: MAX(PAIR, by="los"), r"Unknown MAX.by 'los'"),
        (lambda: MSD((PAIR[0].threat,)), "MSD needs at least two threats; got 1"),
        (lambda: MSD((PAIR[0].threat,) * 2, steps=0), "MSD.steps must be a whole number >= 1"),
        (lambda: MSD((PAIR[0].threat,) * 2, step_size=0), "MSD.step_size must be positive"),
        (lambda: EAT.planned((), FAST, DOMAIN, {"stepz": 3}), "unknown setting 'stepz'"),
        (lambda: INPUTS.build("sat", DOMAIN), "members: Field required"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        make()
