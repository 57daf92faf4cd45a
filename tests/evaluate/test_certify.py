"""Certificates beside the truth: every legal input of tiny networks is tried."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import suite
from spikeproof.base import SettingError, seeds
from spikeproof.data import Domain
from spikeproof.evaluate import certify, plain_logits
from spikeproof.evaluate.bounds import Box, spikes_of
from spikeproof.evaluate.forward import margins
from spikeproof.evaluate.layer_bounds import Place, bounded, margin_bound, supported
from spikeproof.models import ModelSpec, Network, PerStepNorm, Poisson, SpikePool, build
from spikeproof.neurons import IF, LIF, PLIF, PSN, Neuron, NoisyLIF, Spiking
from spikeproof.threats import L0, L1, L2, Counts, Geometry, Linf, Threat

UNIT = 2.0**-23
LEVELS = 8
GRID = Domain(kind="image", shape=(1, 2, 3), low=0, high=LEVELS, integer=True)
NEURONS: dict[str, Neuron] = {
    f"{reset} {leak:g}": LIF(leak=leak, reset=reset)
    for reset in ("hard", "soft")
    for leak in (0.5, 1.0)
}


def rng(seed: int) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def drawn(domain: Domain, n: int, seed: int) -> Tensor:
    """Legal whole items."""
    span = int(domain.high - domain.low)
    whole = torch.randint(0, span + 1, (n, *domain.shape), generator=rng(seed))
    return whole.float() + domain.low


@cache
def network(neuron: Neuron, steps: int, seed: int, name: str = "dense") -> Network:
    """Random weights; statistics of the batch normalisations from random inputs."""
    norm = ("batch", "tdbn", "per-step")[seed % 3] if name == "dense" else "batch"
    pooling = "max" if name == "cnn-small" and seed % 2 else "average"
    domain = GRID if name == "dense" else Domain(**{**vars(GRID), "shape": (1, 2, 4)})
    spec = ModelSpec(
        name=name, domain=domain, classes=3, width=6, timesteps=steps, neuron=neuron,
        norm=norm, pooling=pooling,
    )  # fmt: skip
    model = build(spec, seed=seed).train()
    with torch.no_grad():
        for number in range(40):
            model(drawn(domain, 64, 1000 * seed + number))
    return model.eval()


def legal(x: Tensor, domain: Domain, radius: int) -> Tensor:
    """Every legal input of one item."""
    ends = [
        range(max(int(v) - radius, int(domain.low)), min(int(v) + radius, int(domain.high)) + 1)
        for v in x.flatten().tolist()
    ]
    return torch.tensor(list(itertools.product(*ends)), dtype=x.dtype).view(-1, *x.shape)


def worst(model: nn.Module, x: Tensor, y: Tensor, domain: Domain, radius: int) -> Tensor:
    """The true largest margin of the attacker, by trying everything."""
    found = []
    for item, label in zip(x, y, strict=True):
        inputs = legal(item, domain, radius)
        found.append(margins(plain_logits(model, inputs), label.expand(len(inputs))).max())
    return torch.stack(found)


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_certified_is_below_truth_and_truth_below_attacked(name: str) -> None:
    sure = right = total = 0
    for steps, seed in itertools.product((2, 4, 6), range(6)):
        model, x = network(NEURONS[name], steps, seed), drawn(GRID, 6, seed)
        y = plain_logits(model, x).argmax(1)
        y[0] = (y[0] + 1) % 3  # one item is wrong when clean
        threat = Threat(Linf(), 1.0, GRID)
        found, truth = certify(model, x, y, threat), worst(model, x, y, GRID, 1)
        assert (found.bound >= truth).all(), (steps, seed)
        assert not (found.certified & (truth > 0)).any() and not found.correct[0]
        assert found.correct[1:].all() and not found.certified[0]
        if seed < 2:
            broken = suite("quick")(model, x, y, threat, seeds=seeds(seed, n=len(x))).won
            assert not (broken & (truth <= 0)).any()
            assert not (broken & found.certified).any()
        sure += int(found.certified.sum())
        right += int((truth < 0).sum())
        total += len(x)
    # Worth something: a bound that certifies nothing would pass what stands above.
    assert total == 108 and right > sure >= 8, (sure, right)


@pytest.mark.parametrize("seed", range(2))
def test_convolutions_and_pooling_are_bounded_too(seed: int) -> None:
    model = network(IF(), 3, seed, "cnn-small")
    domain = model.spec.domain
    assert isinstance(domain, Domain)
    x = drawn(domain, 3, seed)
    y = plain_logits(model, x).argmax(1)
    found = certify(model, x, y, Threat(Linf(), 1.0, domain))
    assert (found.bound >= worst(model, x, y, domain, 1)).all()


def test_no_attack_of_a_suite_breaks_a_certified_item_of_real_images() -> None:
    # Legal inputs fill the box here, so attacks search where nothing can be tried one by one.
    domain, sure = GRID.relaxed(), 0
    for name, seed in itertools.product(("hard 0.5", "soft 1"), range(2)):
        model, x = network(NEURONS[name], 4, seed), drawn(GRID, 24, 7 + seed)
        y = plain_logits(model, x).argmax(1)
        threat = Threat(Linf(), 0.5, domain)
        found = certify(model, x, y, threat)
        attacked = suite("core")(model, x, y, threat, seeds=seeds(seed, n=len(x)))
        after = margins(plain_logits(model, attacked.x_adv), y)
        assert (after <= found.bound).all()
        assert attacked.won.any() and not (attacked.won & found.certified).any()
        sure += int(found.certified.sum())
    assert sure >= 12, sure


def test_radius_zero_bounds_the_network_itself_and_a_larger_radius_never_certifies_more() -> None:
    model, x = network(NEURONS["hard 0.5"], 4, 0), drawn(GRID, 32, 5)
    y = torch.arange(32) % 3
    clean = margins(plain_logits(model, x), y)
    exact = certify(model, x, y, Threat(Linf(), 0.0, GRID))
    assert (exact.bound >= clean).all() and (exact.bound - clean < 1e-4).sum() >= 28
    bounds = [certify(model, x, y, Threat(Linf(), float(r), GRID)).bound for r in (0, 1, 2, 4)]
    assert all((small <= large).all() for small, large in itertools.pairwise(bounds))


def test_the_bound_of_an_item_does_not_hang_on_those_beside_it() -> None:
    model, x = network(NEURONS["soft 0.5"], 4, 1), drawn(GRID, 70, 3)
    y, threat = torch.arange(70) % 3, Threat(Linf(), 1.0, GRID)
    whole = certify(model, x, y, threat).bound
    some = torch.tensor([69, 3, 64])
    assert torch.allclose(certify(model, x[some], y[some], threat).bound, whole[some], rtol=1e-12)


def trace(neuron: LIF, low: list[float], high: list[float]) -> list[tuple[float, float]]:
    """Bounds of one neuron, step by step."""
    box = Box(*(torch.tensor(ends, dtype=torch.float64)[:, None, None] for ends in (low, high)))
    box = spikes_of(box, neuron.dynamics, neuron.leak, 1.0, UNIT)
    return list(zip(box.low.flatten().tolist(), box.high.flatten().tolist(), strict=True))


def test_resets_by_hand() -> None:
    # Fires in any case, and the hard reset forgets it: 0 + [.6, .8], no spike; then .5 of it and
    # [.6, .8] make [.9, 1.2], either.
    hard = trace(LIF(leak=0.5), [1.5, 0.6, 0.6], [1.9, 0.8, 0.8])
    assert hard == [(1, 1), (0, 0), (0, 1)]
    # The soft one keeps [.5, .9]: .25 + .6 and .45 + .8 make [.85, 1.25].
    assert trace(LIF(leak=0.5, reset="soft"), [1.5, 0.6], [1.9, 0.8]) == [(1, 1), (0, 1)]
    # After either, a hard reset leaves between 0 and the threshold, not between .9 and 1.2: with
    # nothing kept 0.4 makes no spike, with .99 kept it does at leak 1.
    assert trace(LIF(leak=1.0), [0.9, 0.4], [1.2, 0.4]) == [(0, 1), (0, 1)]
    # A negative membrane is kept through a step that may fire.
    assert trace(LIF(leak=1.0), [-3.0, 1.5], [2.0, 1.5]) == [(0, 1), (0, 1)]
    # Below the threshold in any case: a monotone sum.
    assert trace(LIF(leak=1.0), [0.3, 0.3, 0.5], [0.4, 0.4, 0.5]) == [(0, 0), (0, 0), (1, 1)]


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("leak", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("synapse", [0.0, 0.5])
def test_spikes_of_drawn_currents_lie_in_their_bounds(
    reset: str, leak: float, synapse: float
) -> None:
    neuron = LIF(leak=leak, reset=reset, synapse=synapse)
    low = torch.randn(6, 1, 2000, generator=rng(0))
    high = low + 0.4 * torch.rand(6, 1, 2000, generator=rng(1))
    low[:, :, :200] = high[:, :, :200] = torch.tensor([0.5, 1.0, -0.25, 1.5]).repeat(50)  # at θ
    for constant in (False, True):
        ends = [end[:1].expand(6, 1, 2000) if constant else end for end in (low, high)]
        box = spikes_of(
            Box(ends[0].double(), ends[1].double(), constant), neuron.dynamics, leak, 1.0, UNIT
        )
        least, most = torch.ones_like(low), torch.zeros_like(low)
        for number in range(60):
            share = torch.rand(1 if constant else 6, 1, 2000, generator=rng(number))
            share = (
                torch.tensor(number / 59.0) if number % 2 and constant else share.round(decimals=1)
            )
            spikes = Spiking(neuron)((ends[0] + share * (ends[1] - ends[0])).contiguous())
            least, most = torch.minimum(least, spikes), torch.maximum(most, spikes)
        assert (box.low <= least).all() and (most <= box.high).all()
        if constant and reset == "hard" and not synapse:
            # The periods are exact but for currents that no draw came upon.
            loose = ((box.high - box.low) - (most - least))[:, :, 200:]
            assert (loose != 0).double().mean() < 0.02


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(4, 3), (4,)),
    "conv": (lambda: nn.Conv2d(2, 4, 2, stride=2, padding=1, groups=2), (2, 3, 3)),
    "batch norm": (lambda: nn.BatchNorm2d(2), (2, 2, 2)),
    "batch norm, vectors": (lambda: nn.BatchNorm1d(5, affine=False), (5,)),
    "average": (lambda: nn.AvgPool2d(2, 1, 1), (1, 3, 3)),
    "spike pool": (lambda: SpikePool(2), (1, 2, 4)),
    "max": (lambda: nn.MaxPool2d(2, 1, 1), (1, 3, 3)),
    "relu": (lambda: nn.Sequential(nn.ReLU())[0], (6,)),
}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_every_corner_lies_in_the_box_and_the_box_is_no_larger(name: str) -> None:
    make, shape = LAYERS[name]
    layer = make().eval()
    for parameter in [*layer.parameters(), *layer.buffers()]:
        if parameter.is_floating_point():
            parameter.data = torch.randn(parameter.shape, generator=rng(2)).abs() + 0.1
            if parameter.ndim > 1 or parameter.requires_grad:
                parameter.data *= torch.randn(parameter.shape, generator=rng(3)).sign()
    low = torch.randn(1, *shape, generator=rng(4))
    high = low + torch.rand(1, *shape, generator=rng(5))
    size = low.numel()
    bits = torch.tensor(list(itertools.product((0, 1), repeat=min(size, 12))))
    bits = torch.cat([bits, torch.randint(0, 2, (len(bits), size - bits.shape[1]))], 1)
    corners = torch.where(bits.view(-1, *shape) == 0, low, high)
    with torch.no_grad():
        out = layer(corners)
    box = bounded(layer, Box(low.double(), high.double()), Place(UNIT, name))
    assert (box.low <= out).all() and (out <= box.high).all()
    if size <= 12:  # monotone or linear in every input: the corners reach both ends
        assert torch.allclose(box.low[0], out.amin(0).double(), atol=1e-4)
        assert torch.allclose(box.high[0], out.amax(0).double(), atol=1e-4)


def test_steps_are_normalised_by_their_own_statistics() -> None:
    layer = PerStepNorm(2, timesteps=2).eval()
    layer.running_mean.copy_(torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    layer.running_var.copy_(torch.tensor([[1.0, 4.0], [0.25, 1.0]]))
    x = torch.randn(2 * 3, 2, generator=rng(0))
    box = bounded(layer, Box(x.double(), x.double()), Place(UNIT, "norm"))
    assert torch.allclose(box.low, layer(x).double(), atol=1e-5)
    assert (box.low <= layer(x)).all() and (layer(x) <= box.high).all()


def test_sums_in_any_order_stay_inside_although_they_round_differently() -> None:
    # Large weights that cancel: what is left of the sum is mostly rounding.
    large = 1e4 * torch.randn(1, 300, generator=rng(0))
    layer = nn.Linear(600, 1, bias=False)
    layer.weight.data = torch.cat([large, -large * (1 + 1e-7)], 1)
    x = torch.rand(1, 300, generator=rng(1)).repeat(1, 2)
    box = bounded(layer, Box(x.double(), x.double()), Place(UNIT, "sum"))
    seen = []
    for seed in range(200):
        order = torch.randperm(600, generator=rng(seed))
        products = (layer.weight[0] * x[0])[order].detach()
        sums = products.cumsum(0)[-1] if seed % 2 else products.sum()
        seen.append(float(sums))
    assert max(seen) > min(seen)
    assert float(box.low) <= min(seen) and max(seen) <= float(box.high)
    assert float(box.high - box.low) < 2e6 * 2.0**-10


def test_the_margin_is_bounded_as_one_difference() -> None:
    # Both logits rise with x_0; only their difference counts: z_1 - z_0 = x_1 - .5.
    layer = nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[100.0, 0.0], [100.0, 1.0]])
    layer.bias.data = torch.tensor([0.5, 0.0])
    box = Box(torch.zeros(2, 2).double(), torch.tensor([[1.0, 0.25]] * 2).double())
    bound = margin_bound(layer, box, torch.tensor([0, 1]), UNIT)
    assert bound.tolist() == pytest.approx([-0.25, 0.5], abs=1e-3)


@pytest.mark.parametrize("geometry", [Linf(), L2(), L1()], ids=lambda g: g.name)
def test_smaller_balls_are_bounded_by_their_box(geometry: Geometry) -> None:
    domain = Domain(kind="real", shape=(2,), low=-1.0, high=1.0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    model[1].weight.data = torch.eye(2)
    x, y = torch.tensor([[0.9, 0.25]]), torch.tensor([0])
    # x_0 may fall by .25 and x_1 rise by it; the box of the domain ends at 1 and is not reached.
    bound = certify(model, x, y, Threat(geometry, 0.25, domain)).bound
    assert bound.item() == pytest.approx(0.5 - 0.65, abs=1e-5)


@pytest.mark.parametrize("geometry", [L0(), Counts()], ids=lambda g: g.name)
def test_a_threat_without_a_box_is_refused(geometry: Geometry) -> None:
    domain = Domain(kind="events", shape=(2, 1, 2, 2), low=0, high=4, integer=True)
    model = build(ModelSpec(name="dense", domain=domain, classes=2, width=2))
    with pytest.raises(SettingError, match=f"l2 and l1 inside theirs; got {geometry.name}"):
        certify(model, torch.ones(1, 2, 1, 2, 2), torch.tensor([0]), Threat(geometry, 1, domain))


def test_event_frames_are_bounded_step_by_step() -> None:
    domain = Domain(kind="events", shape=(2, 1, 2, 2), low=0, high=3, integer=True)
    model = build(ModelSpec(name="dense", domain=domain, classes=2, width=5), seed=1).train()
    with torch.no_grad():
        for number in range(40):
            model(drawn(domain, 32, number))
    x = drawn(domain, 4, 99)
    y = plain_logits(model, x).argmax(1)
    found = certify(model, x, y, Threat(Linf(), 1.0, domain))
    assert (found.bound >= worst(model, x, y, domain, 1)).all()


class Doubled(nn.Linear):
    """Computes something other than a linear layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice as much."""
        return 2 * super().forward(x)


def hooked() -> nn.Module:
    """A layer that a hook changes."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.Linear(3, 3))
    model[1].register_forward_hook(lambda layer, given, out: out + 1)
    return model


def last_hooked() -> nn.Module:
    """A last layer that a hook changes."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    model[1].register_forward_hook(lambda layer, given, out: 2 * out)
    return model


def small(**settings: object) -> Network:
    """A small network for images in [0, 1]."""
    domain = Domain(kind="image", shape=(1, 2, 3))
    given = {"name": "dense", "domain": domain, "classes": 3, "width": 2, "timesteps": 2}
    return build(ModelSpec(**{**given, **settings}))  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a residual network": (
        lambda: small(name="sew-resnet-18", domain=Domain(kind="image", shape=(1, 8, 8))),
        "layer 'body', SEWResNet; it bounds chains of .*Linear.*LIF, IF and PLIF",
    ),
    "psn": (lambda: small(neuron=PSN(timesteps=2)), "'body.layers.0', Spiking of PSN neurons"),
    "noise": (lambda: small(neuron=NoisyLIF(noise=0.1)), "Spiking of NoisyLIF neurons"),
    "poisson": (lambda: small(encoder=Poisson()), "'body.stem', Stem with Poisson coding"),
    "subclass": (lambda: nn.Sequential(nn.Flatten(), Doubled(6, 3), nn.ReLU()), "'1', Doubled"),
    "last subclass": (lambda: nn.Sequential(nn.Flatten(), Doubled(6, 3)), "'1', Doubled"),
    "hook": (hooked, "'1', Linear with hooks"),
    "last hook": (last_hooked, "'1', Linear with hooks"),
    "tanh": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.Tanh()), "'2', Tanh"),
    "no statistics": (
        lambda: nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(6, track_running_stats=False), nn.Linear(6, 3)
        ),
        "'1', BatchNorm1d without running statistics",
    ),
    "mirrored padding": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), nn.Flatten(), nn.Linear(6, 3)
        ),
        "'0', Conv2d padded by 'reflect'",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_bounded_is_refused_by_name(name: str) -> None:
    make, sentence = REFUSED[name]
    model = make()
    domain = (
        model.spec.domain if isinstance(model, Network) else Domain(kind="image", shape=(1, 2, 3))
    )
    x = torch.full((3, *domain.shape), 0.5)
    with pytest.raises(SettingError, match=sentence):
        certify(model, x, torch.tensor([0, 1, 2]), Threat(Linf(), 0.1, domain))


def test_a_network_that_computes_something_else_than_its_layers_is_refused() -> None:
    class Twice(Network):
        """A network whose answer is not its body's."""

        def forward(self, x: Tensor) -> Tensor:
            """Twice the body's."""
            return 2 * super().forward(x)

    inner = small()
    x = torch.full((2, 1, 2, 3), 0.5)
    threat = Threat(Linf(), 0.1, inner.spec.domain)
    with pytest.raises(SettingError, match="Twice does not compute what its layers do"):
        certify(Twice(inner.spec, inner.body), x, torch.tensor([0, 1]), threat)


def test_half_precision_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2)).bfloat16()
    x = torch.zeros(1, 2, dtype=torch.bfloat16)
    threat = Threat(Linf(), 0.1, Domain(kind="real", shape=(2,)))
    with pytest.raises(SettingError, match="float32 and float64 networks only; got torch.bfloat16"):
        certify(model, x, torch.tensor([0]), threat)


def test_a_learned_leak_is_bounded_as_it_stands() -> None:
    model = network(PLIF(leak=0.3), 4, 0)
    x = drawn(GRID, 4, 0)
    y = plain_logits(model, x).argmax(1)
    found = certify(model, x, y, Threat(Linf(), 1.0, GRID))
    assert (found.bound >= worst(model, x, y, GRID, 1)).all()


def test_the_layers_that_have_a_rule_are_told() -> None:
    assert {"AvgPool2d", "BatchNorm2d", "Conv2d", "Linear", "MaxPool2d", "Spiking"} <= set(
        supported()
    )
