"""The reset and the leak as parts of a gradient rule: traces by hand, every rule, composition."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import GradientRuleUnused, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, build
from spikeproof.neurons import (
    IF,
    LIF,
    PLIF,
    Dynamics,
    Neuron,
    NoisyLIF,
    Recurrent,
    Spiking,
    Surrogate,
    gradient_flow,
)
from spikeproof.oracle import (
    ASSG,
    BPTR,
    HART,
    RGA,
    Backward,
    Conversion,
    Expectation,
    GradientRule,
    Mixture,
    Oracle,
    averages,
    name_of,
    passes,
    without_rules,
)
from support.contract_cases import EVENTS, IMAGE
from support.examples import gradient_examples

# Triton looks at it once, when it is imported.
os.environ["TRITON_INTERPRET"] = "1"

ARCTAN = Surrogate("arctan", sharpness=2.0)
KERNELS = ("reference", "fused", "triton")


def layer_of(neuron: Neuron, kernel: str) -> Spiking:
    """A layer, or a skipped test where the kernel is not at hand."""
    if kernel == "fused":
        pytest.importorskip("numba", reason="the fused kernel needs numba")
    if kernel == "triton":
        pytest.importorskip("triton", reason="the triton kernel needs triton")
    return Spiking(neuron, kernel=kernel)


# One neuron, three steps, threshold 1, leak 1/2, currents 1.25, .5, 1; h = 1/2 at every step.
#   hard: u = 1.25, .5, 1.25; du2/du1 = -r 1.25/4, du3/du2 = (1 - r/4)/2
#   soft: u = 1.25, .625, 1.3125; du2/du1 = du3/du2 = (1 - r/2)/2
# Of the last spike: h du3/du2 du2/du1, h du3/du2, h.
BY_HAND = [
    ("hard", 1.0, 1.0, [-0.05859375, 0.1875, 0.5]),
    ("hard", 0.5, 1.0, [-0.0341796875, 0.21875, 0.5]),
    ("hard", 0.0, 1.0, [0.0, 0.25, 0.5]),
    ("soft", 1.0, 1.0, [0.03125, 0.125, 0.5]),
    ("soft", 0.5, 1.0, [0.0703125, 0.1875, 0.5]),
    ("soft", 0.0, 1.0, [0.125, 0.25, 0.5]),
    ("hard", 1.0, 0.0, [0.0, 0.0, 0.5]),
    ("soft", 0.0, 0.0, [0.0, 0.0, 0.5]),
    ("soft", 1.0, 0.5, [0.0078125, 0.0625, 0.5]),
]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("kind", "reset", "leak", "expected"), BY_HAND)
@pytest.mark.parametrize("detached", [False, True])
def test_gradients_of_three_steps_by_hand(
    kernel: str, kind: str, reset: float, leak: float, expected: list[float], detached: bool
) -> None:
    """Whatever the neuron itself says of its reset."""
    neuron = LIF(leak=0.5, reset=kind, surrogate=Surrogate("rectangle", 1.0), detach_reset=detached)
    layer = layer_of(neuron, kernel)
    currents = torch.tensor([1.25, 0.5, 1.0]).view(3, 1, 1).requires_grad_(True)
    with gradient_flow(reset=reset, leak=leak):
        spikes = layer(currents)
    assert spikes.flatten().tolist() == [1.0, 0.0, 1.0]
    (grad,) = torch.autograd.grad(spikes[2].sum(), currents)
    assert grad.flatten().tolist() == expected


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_cut_leak_leaves_the_gradient_through_a_synapse(kernel: str) -> None:
    """c[2] = c[1]/4 + I[2]: the membrane's way is cut, the current's stays, h/4."""
    neuron = LIF(leak=0.5, synapse=0.25, surrogate=Surrogate("rectangle", 1.0))
    currents = torch.tensor([0.75, 0.5]).view(2, 1, 1).requires_grad_(True)
    layer = layer_of(neuron, kernel)
    with gradient_flow(leak=0.0):
        spikes = layer(currents)
    (grad,) = torch.autograd.grad(spikes[1].sum(), currents)
    assert grad.flatten().tolist() == [0.125, 0.5]


def test_a_cut_leak_leaves_the_feedback_of_a_recurrent_layer() -> None:
    """I'[2] = I[2] + 2 s[1]: h at step 2, times the weight 2, times h at step 1."""
    layer = Recurrent(LIF(leak=0.5, surrogate=Surrogate("rectangle", 1.0)), size=1)
    nn.init.constant_(layer.feedback.weight, 2.0)
    currents = torch.tensor([0.75, 0.75]).view(2, 1, 1).requires_grad_(True)
    for leak, first in ((0.0, 0.5), (1.0, 0.5 + 0.25 * (1 - 0.75 * 0.5))):
        with gradient_flow(leak=leak, reset=1.0):
            spikes = layer(currents)
        (grad,) = torch.autograd.grad(spikes[1].sum(), currents)
        assert grad.flatten().tolist() == [first, 0.5]


NEURONS: dict[str, Neuron] = {
    "lif": LIF(threshold=0.5, surrogate=ARCTAN),
    "lif-soft-synapse": LIF(threshold=0.5, reset="soft", synapse=0.4, surrogate=ARCTAN),
    "if": IF(threshold=0.5, surrogate=ARCTAN),
    "if-soft": IF(threshold=0.5, reset="soft", surrogate=ARCTAN),
    "plif": PLIF(threshold=0.5, surrogate=ARCTAN),
    "noisy": NoisyLIF(threshold=0.5, noise=0.1, surrogate=ARCTAN),
    "recurrent": LIF(threshold=0.5, reset="soft", surrogate=ARCTAN),
}


@cache
def network(name: str, detached: bool) -> Network:
    """The same small network with either reset."""
    neuron = replace(NEURONS[name], detach_reset=detached)  # type: ignore[arg-type, call-arg]
    recurrent = name == "recurrent"
    spec = ModelSpec(
        name="recurrent" if recurrent else "cnn-small",
        domain=EVENTS if recurrent else IMAGE,
        classes=3,
        width=4,
        timesteps=4,
        neuron=neuron,
    )
    model = build(spec, seed=0).eval()
    return model


def inputs(domain: Domain) -> Tensor:
    """Legal items."""
    u = torch.rand(3, *domain.shape, generator=torch.Generator().manual_seed(0))
    low, high = domain.bounds(u)
    x = low + u * (high - low)
    return x.round() if domain.kind == "events" else x


def score(logits: Tensor) -> Tensor:
    """Something to climb, with a slope for every class."""
    return logits @ torch.tensor([1.0, -2.0, 0.5])


def asked(model: Network, gradient: GradientRule | None) -> tuple[Tensor, Tensor]:
    """Logits and gradient of the second of two questions."""
    x = inputs(model.spec.domain)
    with Oracle(model, gradient=gradient, seeds=seeds(0, n=3)) as oracle:
        oracle.logits_and_grad(x, score)
        return oracle.logits_and_grad(x, score)


@pytest.mark.parametrize("name", sorted(NEURONS))
def test_every_rule_detaches_and_keeps_as_networks_built_so_to_the_last_bit(name: str) -> None:
    kept, detached, differ = network(name, False), network(name, True), 0
    for gradient in gradient_examples():
        if isinstance(gradient, Backward):
            continue
        plain = asked(kept, gradient), asked(detached, gradient)
        for built in (kept, detached):
            for chosen, (logits, grad) in zip(("kept", "detached"), plain, strict=True):
                ours = asked(built, Backward(gradient=gradient, reset=chosen))
                assert torch.equal(ours[0], logits), gradient
                assert torch.equal(ours[1], grad), (gradient, chosen)
        differ += not torch.equal(plain[0][1], plain[1][1])
    assert differ >= 4  # among them surrogates, ASSG and PDSG, so that equality says something


@pytest.mark.parametrize("gradient", [BPTR(), RGA(), HART(), Conversion()], ids=name_of)
def test_rules_that_do_not_run_through_time_have_nothing_to_change(gradient: GradientRule) -> None:
    model = network("lif", False)
    changed = asked(model, Backward(gradient=gradient, reset="detached", leak="cut"))
    assert torch.equal(changed[1], asked(model, gradient)[1])


def test_a_mixture_of_a_kept_and_a_detached_rule_is_the_mean_of_both() -> None:
    model = network("lif", False)
    parts = tuple(Backward(gradient=ARCTAN, reset=reset) for reset in ("kept", "detached"))
    kept, detached = (asked(model, part)[1] for part in parts)
    assert not torch.equal(kept, detached)
    mixed = asked(model, Mixture(gradients=parts))[1]
    assert torch.equal(mixed, torch.stack([kept, detached]).mean(0))


def test_an_average_of_a_detached_rule_is_a_detached_average() -> None:
    model, inner = network("noisy", False), ASSG()
    within = Expectation(samples=3, gradient=Backward(gradient=inner, reset="detached"))
    around = Backward(gradient=Expectation(samples=3, gradient=inner), reset="detached")
    plain = asked(model, Expectation(samples=3, gradient=inner))
    ours, theirs = asked(model, within), asked(model, around)
    assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])
    assert torch.equal(ours[0], plain[0]) and not torch.equal(ours[1], plain[1])
    assert averages(around) and not averages(within.gradient)
    assert passes(around) == passes(within) == (3, 3)


def test_of_two_wrappers_the_inner_one_decides_what_it_names() -> None:
    model = network("lif", False)
    inner = Backward(gradient=ARCTAN, reset="kept")
    both = Backward(gradient=inner, reset="detached", leak=0.5)
    expected = Backward(gradient=ARCTAN, reset="kept", leak=0.5)
    assert torch.equal(asked(model, both)[1], asked(model, expected)[1])
    assert torch.equal(asked(model, Backward(gradient=inner))[1], asked(model, inner)[1])


def test_the_scope_ends_with_the_question() -> None:
    model = network("lif", False)
    before = asked(model, None)[1]

    def fail(logits: Tensor) -> Tensor:
        raise RuntimeError("boom")

    rule = Backward(reset="detached")
    with pytest.raises(RuntimeError, match="boom"), Oracle(model, gradient=rule) as oracle:
        oracle.logits_and_grad(inputs(IMAGE), fail)
    assert torch.equal(asked(model, None)[1], before)
    assert LIF().dynamics.reset == 1.0 and LIF(detach_reset=True).dynamics.reset == 0.0
    assert Dynamics().carry == 1.0


def test_a_network_without_such_neurons_is_said_to_ignore_it() -> None:
    model, x = nn.Linear(2, 3), torch.zeros(1, 2)
    with (
        Oracle(model, gradient=Backward(reset="detached")) as oracle,
        pytest.warns(GradientRuleUnused, match="own/detached"),
    ):
        _, grad = oracle.logits_and_grad(x, score)
    assert torch.equal(grad[0], score(model.weight.T))
    assert without_rules(Backward(gradient=BPTR(), leak="cut")) is None
    noisy = Backward(gradient=Expectation(samples=2, gradient=BPTR()), leak="cut")
    assert without_rules(noisy) == Expectation(samples=2)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (Backward(reset="detached"), "own/detached"),
        (Backward(gradient=ASSG(), reset="kept"), "assg-arctan/kept"),
        (Backward(gradient=ARCTAN, reset=0.0, leak="cut"), "arctan-2/detached/leak-cut"),
        (Backward(reset=0.25, leak=0.5), "own/reset-0.25/leak-0.5"),
    ],
)
def test_the_name_says_what_flows(rule: Backward, name: str) -> None:
    assert name_of(rule) == name


@pytest.mark.parametrize("wrong", ["cut", "gone", -0.1, 1.5, True, float("nan")])
def test_other_shares_of_the_reset_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError, match="Backward.reset"):
        Backward(reset=wrong)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="Backward.leak"):
        Backward(leak="detached")
    with pytest.raises(SettingError, match="leak must lie"), gradient_flow(leak=-0.1):
        pass
