"""The contract of every gradient rule, on every architecture and neuron."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from spikeproof import oracle as room
from spikeproof.base import SettingError
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, Network, build
from spikeproof.neurons import IF, LIF, PLIF, PSN, Firing, Neuron, Surrogate, gradient_rule
from spikeproof.oracle import (
    ASSG,
    BPTR,
    GRADIENTS,
    HART,
    PDSG,
    RGA,
    CommonRandomNumbers,
    Conversion,
    Expectation,
    ExpectedNetwork,
    GradientRule,
    Mixture,
    Oracle,
    Passes,
    Smoothing,
    gradient_from,
    gradient_record,
    name_of,
    passes,
)
from support.contract_cases import AUDIO, EVENTS, IMAGE, VIEWS
from support.examples import gradient_costs, gradient_examples

NEURON = LIF(threshold=0.5, surrogate=Surrogate("arctan", 1.0))


def spec(name: str, domain: Domain | Views = IMAGE, neuron: Neuron = NEURON) -> ModelSpec:
    """A small network of two steps."""
    return ModelSpec(name=name, domain=domain, classes=3, width=4, timesteps=2, neuron=neuron)


MODELS = {
    "cnn": spec("cnn-small"),
    "cnn-events": spec("cnn-small", EVENTS),
    "cnn-if-soft": spec("cnn-small", neuron=IF(threshold=0.5, reset="soft")),
    "cnn-synapse": spec(
        "cnn-small", neuron=LIF(threshold=0.5, synapse=0.4, decay_input=True, detach_reset=True)
    ),
    "cnn-plif": spec("cnn-small", neuron=PLIF(threshold=0.5)),
    "cnn-psn": spec("cnn-small", neuron=PSN(timesteps=2)),
    "dense": spec("dense"),
    "recurrent": spec("recurrent", EVENTS),
    "tcn": spec("tcn-small", AUDIO),
    "fusion": spec("fusion-small", VIEWS),
    "vgg-5": spec("vgg-5"),
    "sew-resnet-18": spec("sew-resnet-18"),
    "spiking-resnet-18": spec("spiking-resnet-18"),
    "wrn-16-4": spec("wrn-16-4"),
}
COSTS, EACH = gradient_costs(), gradient_examples()
# Batch statistics are what they say.
ALONE = [gradient for gradient in EACH if gradient != PDSG(statistics="batch")]
each_path = pytest.mark.parametrize("gradient", EACH, ids=repr)
each_model = pytest.mark.parametrize("name", sorted(MODELS))


@cache
def network(name: str) -> Network:
    """A float64 network in training mode whose batch statistics have seen inputs."""
    model = build(MODELS[name], seed=0).double()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the mean over all batches, exact from the first
    with torch.no_grad():
        model(inputs(name, 8))
    return model


def inputs(name: str, n: int = 3) -> Tensor:
    """Legal items."""
    domain = MODELS[name].domain
    u = torch.rand(n, *domain.shape, generator=torch.Generator().manual_seed(0)).double()
    low, high = domain.bounds(u)
    x = low + u * (high - low)
    return x.round() if MODELS[name].domain.kind == "events" else x


def plain(name: str) -> Tensor:
    """The network's answers in evaluation mode, without an oracle."""
    model = network(name)
    modes = [module.training for module in model.modules()]
    with torch.no_grad():
        logits: Tensor = model.eval()(inputs(name))
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training
    return logits


def score(logits: Tensor) -> Tensor:
    """Something to climb, with a slope for every class."""
    return logits @ torch.tensor([1.0, -2.0, 0.5], dtype=logits.dtype)


def test_every_registered_path_is_tried_here() -> None:
    assert {GRADIENTS.kind(gradient) for gradient in COSTS} == set(GRADIENTS)


@each_model
def test_no_path_changes_a_bit_of_the_logits_or_of_the_model(name: str) -> None:
    model, x, expected = network(name), inputs(name), plain(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    for gradient in EACH:
        with Oracle(model, gradient=gradient) as oracle:
            logits, grad = oracle.logits_and_grad(x, score)
            assert torch.equal(oracle.logits(x), expected), gradient
        assert torch.equal(logits, expected), gradient
        assert grad.shape == x.shape and torch.isfinite(grad).all(), gradient
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(plain(name), expected)


@each_model
def test_asking_about_some_items_is_asking_about_all(name: str) -> None:
    """Three questions, the second about two of three items, the last in another order."""
    model, x = network(name), inputs(name)
    some, turned = torch.tensor([0, 2]), torch.tensor([2, 0, 1])
    for gradient in ALONE:
        with Oracle(model, gradient=gradient) as oracle:
            whole = [oracle.logits_and_grad(x, score)[1] for _ in range(3)]
        with Oracle(model, gradient=gradient) as oracle:
            oracle.logits_and_grad(x[some], score, some)
            fewer = oracle.logits_and_grad(x[some], score, some)[1]
            fewest = oracle.logits_and_grad(x[turned[:2]], score, turned[:2])[1]
        torch.testing.assert_close(fewer, whole[1][some], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(fewest, whole[2][turned[:2]], rtol=1e-9, atol=1e-12)


@each_model
def test_a_firing_knows_its_membranes(name: str) -> None:
    seen: list[Firing] = []

    def rule(firing: Firing) -> Tensor:
        seen.append(firing)
        return firing.through(Surrogate("arctan", 2.0).slope)

    results = []
    for chosen in (Surrogate("arctan", 2.0), rule):
        x = inputs(name).requires_grad_(True)
        with gradient_rule(chosen):
            logits = network(name).eval()(x)
        results.append((logits, torch.autograd.grad(score(logits).sum(), x)[0]))
    network(name).train()
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    fired = torch.cat([firing.spikes.flatten() for firing in seen])
    above = torch.cat([firing.membranes.flatten() for firing in seen])
    clear = above.abs() > 1e-9
    assert torch.equal(fired[clear] == 1, above[clear] > 0)
    assert 0 < fired.mean() < 1


def test_gradient_rules_say_what_they_cost() -> None:
    assert {gradient: passes(gradient) for gradient in COSTS} == COSTS


@pytest.mark.parametrize("gradient", COSTS, ids=repr)
def test_passes_equal_the_documented_cost(gradient: GradientRule) -> None:
    forward, backward = COSTS[gradient]
    with Oracle(network("dense"), gradient=gradient) as oracle:
        oracle.logits_and_grad(inputs("dense"), score)
    assert oracle.passes == Passes(forward=3 * forward, backward=3 * backward)


@each_path
def test_a_gradient_of_zero_stays_zero(gradient: GradientRule | None) -> None:
    """Far below every threshold, where nothing fires and compact surrogates vanish."""
    model = build(spec("dense")).double().eval()
    with torch.no_grad():
        for parameter in model.body.stem.parameters():
            parameter.zero_()
    x = torch.zeros(2, *IMAGE.shape, dtype=torch.float64)
    with Oracle(model, gradient=gradient) as oracle:
        for _ in range(3):
            assert (oracle.logits_and_grad(x, score)[1] == 0).all()


@each_path
def test_everything_is_undone_after_an_error(gradient: GradientRule | None) -> None:
    model, x = network("cnn"), inputs("cnn").requires_grad_(True)
    modes = [module.training for module in model.modules()]

    def fail(logits: Tensor) -> Tensor:
        raise RuntimeError("boom")

    def input_gradient() -> Tensor:
        (grad,) = torch.autograd.grad(score(model(x)).sum(), x)
        return grad

    model.eval()
    before = input_gradient()
    with pytest.raises(RuntimeError, match="boom"), Oracle(model, gradient=gradient) as oracle:
        oracle.logits_and_grad(inputs("cnn"), fail)
    assert torch.equal(input_gradient(), before)
    assert not any(module.training for module in model.modules())
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training


def test_repr_and_record_rebuild_every_path() -> None:
    for gradient in EACH:
        assert eval(repr(gradient), {**vars(room), "Surrogate": Surrogate}) == gradient
        assert gradient_from(gradient_record(gradient)) == gradient
        assert " " not in name_of(gradient)


def test_a_record_without_a_kind_is_a_surrogate() -> None:
    assert gradient_from({"shape": "arctan", "sharpness": 5.0, "height": 1.0}) == Surrogate(
        "arctan", 5.0
    )
    assert gradient_from("hart") == HART()
    inner = {
        "kind": "mixture",
        "gradients": [{"kind": "bptr"}, {"kind": "expected_network", "gradient": "rga"}],
    }
    assert gradient_from(inner) == Mixture(gradients=(BPTR(), ExpectedNetwork(gradient=RGA())))


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("asg", "Unknown gradient 'asg'.*'assg'"),
        ({"kind": "hart", "sharpnes": 1.0}, "unknown setting 'sharpnes'.*'sharpness'"),
        ({"kind": "rga", "gradient": "bptr"}, "unknown setting 'gradient'"),
        ({"kind": "expectation", "samples": "many"}, "samples"),
        ({"kind": "mixture", "gradients": [{"kind": "pdgs"}]}, "'pdgs'.*'pdsg'"),
        ({"shape": "arctan", "sharpnes": 1.0}, "unknown setting 'sharpnes'"),
    ],
)
def test_a_wrong_record_is_refused(record: object, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        gradient_from(record)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ASSG(shape="exponential"),
        lambda: ASSG(memory=1.5),
        lambda: ASSG(reach=0.0),
        lambda: ASSG(relax=-1.0),
        lambda: PDSG(statistics="layer"),
        lambda: RGA(low=-0.1),
        lambda: RGA(extent=0.0),
        lambda: HART(sharpness=0.0),
        lambda: Conversion(activation="tanh"),
        lambda: Conversion(levels=0),
        lambda: Mixture(gradients=()),
        lambda: Smoothing(pairs=0),
        lambda: Smoothing(noise=0.0),
        lambda: Expectation(samples=0),
        lambda: CommonRandomNumbers(samples=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]
