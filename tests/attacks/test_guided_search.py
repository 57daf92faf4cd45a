"""GuidedSearch: closed forms, brute force without a gradient, and fewer queries than Square."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import GuidedSearch, Square
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, build
from spikeproof.neurons import LIF
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Joint, Linf, Misclassification, Threat

SOUND = Domain(kind="audio", shape=(40,), low=-1.0)
IMAGE = Domain(kind="image", shape=(1, 6, 6))


class Steps(nn.Module):
    """A piecewise constant function of 12 bits with gradient zero: pairs decide together."""

    def __init__(self) -> None:
        super().__init__()
        draw = seeds(5, n=1)
        self.single = draw.child("single").normal((12,), torch.float64)[0]
        self.pair = draw.child("pair").normal((12, 12), torch.float64)[0]

    def value(self, x: Tensor) -> Tensor:
        """How far class 1 is in front, ``(N,)``."""
        bits = (x.double().flatten(1) > 0.5).double() * 2 - 1
        return bits @ self.single + ((bits @ self.pair) * bits).sum(1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of two classes."""
        best = self.value(x) + 0 * x.double().flatten(1).sum(1)
        return torch.stack([torch.zeros_like(best), best], 1)


def bits() -> Tensor:
    """All points of 12 bits."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=12))).view(-1, 1, 3, 4)


def test_it_finds_what_exhaustive_search_finds_where_the_gradient_is_zero() -> None:
    model, threat = Steps(), Threat(Linf(), 1.0, Domain(kind="image", shape=(1, 3, 4)))
    top = float(model.value(bits()).max())
    x = bits()[[0, 700, 2222, 4095]]
    goal = Misclassification(torch.zeros(4, dtype=torch.int64))
    with Oracle(model) as oracle:
        attack = GuidedSearch(steps=1500, ascent=2, share=0.4, heat=0.3, stop=False)
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=4))
    assert float(model.value(x).max()) < top
    torch.testing.assert_close(model.value(x_adv), torch.full((4,), top, dtype=torch.float64))


def test_counted_units_reach_what_exhaustive_search_finds_without_a_gradient() -> None:
    model, threat = Steps(), Threat(L0(), 3, Domain(kind="image", shape=(1, 3, 4)))
    x = bits()[[0, 700, 2222, 4095]]
    near = (bits()[None] != x[:, None]).flatten(2).sum(2) == 3
    best = torch.where(near, model.value(bits())[None], -math.inf).amax(1)
    goal = Misclassification(torch.zeros(4, dtype=torch.int64))
    with Oracle(model) as oracle:
        attack = GuidedSearch(steps=1500, ascent=2, share=0.8, heat=0.3, stop=False)
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=4))
    best = torch.maximum(best, model.value(x))  # all three units are spent, or none
    torch.testing.assert_close(model.value(x_adv), best)


@pytest.mark.parametrize(("geometry", "radius"), [(Linf(), 0.1), (L2(), 0.5), (L1(), 1.0)])
def test_on_a_linear_model_it_reaches_the_closed_form(
    geometry: Linf | L2 | L1, radius: float
) -> None:
    weight = seeds(1, n=1).normal((40,), torch.float64)[0]
    model = nn.Linear(40, 2, bias=False).double()
    model.weight.data.copy_(torch.stack([torch.zeros_like(weight), weight]))
    threat, x = Threat(geometry, radius, SOUND), torch.zeros(3, 40, dtype=torch.float64)
    norm = {"linf": 1, "l2": 2, "l1": math.inf}[geometry.name]
    gain = radius * float(torch.linalg.vector_norm(weight, norm))
    with Oracle(model) as oracle:
        x_adv = GuidedSearch(steps=200, stop=False)(
            oracle, x, Misclassification(torch.tensor([0, 0, 0])), threat, seeds=seeds(0, n=3)
        )
    torch.testing.assert_close(
        x_adv @ weight, torch.full_like(x_adv[:, 0], gain), rtol=1e-6, atol=0
    )


def test_it_needs_fewer_passes_than_square_on_neurons_without_a_leak() -> None:
    spec = ModelSpec(
        name="dense", domain=IMAGE, classes=3, width=24, timesteps=4, neuron=LIF(leak=1.0)
    )
    model = build(spec, seed=0)
    for k in range(20):
        model(seeds(k, n=16).uniform((1, 6, 6), torch.float32))
    x, keys = seeds(9, n=60).uniform((1, 6, 6), torch.float32), seeds(0, n=60)
    threat, found, spent = Threat(Linf(), 0.06, IMAGE), [], []
    for attack in (GuidedSearch(steps=300, ascent=10), Square(steps=1500)):
        with Oracle(model) as oracle:
            goal = Misclassification(oracle.logits(x).argmax(1))
            before = oracle.passes
            x_adv = attack(oracle, x, goal, threat, seeds=keys)
            after = oracle.passes
            found.append(int((goal.margin(oracle.logits(x_adv)) > 0).sum()))
        spent.append(after.forward + after.backward - before.forward - before.backward)
    assert found[0] >= found[1] > 0, found
    assert 3 * spent[0] < spent[1], spent


def test_it_goes_on_from_a_start_and_leaves_what_is_won_there_alone() -> None:
    model, threat = Steps(), Threat(Linf(), 1.0, Domain(kind="image", shape=(1, 3, 4)))
    values = model.value(bits())
    x = bits()[[int(values.argmin())] * 2]
    start = torch.stack([x[0], bits()[int(values.argmax())]])
    with Oracle(model) as oracle:
        goal = Misclassification(torch.tensor([0, 0]))
        x_adv = GuidedSearch(steps=1, ascent=2)(
            oracle, x, goal, threat, seeds=seeds(0, n=2), start=start
        )
        # One clean pass each; the won item costs one gradient, the other two and the proposal.
        assert (oracle.passes.forward, oracle.passes.backward) == (2 + 2 + 1 + 1, 2 + 1 + 1)
    assert torch.equal(x_adv[1], start[1])


def test_it_says_no_where_views_are_measured_differently() -> None:
    views = Views((("image", IMAGE), ("audio", SOUND)))
    mixed = Threat(Joint({"image": (L2(), 0.1), "audio": (Linf(), 0.1)}), 1.0, views)
    assert not GuidedSearch().serves(mixed)
    assert GuidedSearch().serves(Threat(L0(), 3, IMAGE))
    with Oracle(Steps()) as oracle, pytest.raises(SettingError, match="Use PGD"):
        GuidedSearch()(
            oracle,
            torch.zeros(1, 76),
            Misclassification(torch.tensor([0])),
            mixed,
            seeds=seeds(0, n=1),
        )


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"steps": 0}, {"ascent": 0}, {"every": 0}, {"share": 0.0}, {"heat": -1.0}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            GuidedSearch(**wrong)  # type: ignore[arg-type]
