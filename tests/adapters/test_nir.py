"""Networks of NIR graphs, by graphs that look like those of its library."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from adapters.hand_written import STEPS, Ours, items
from spikeproof.adapters import adapt, agreement, from_nir
from spikeproof.base import FileProblem, InputError, SettingError
from spikeproof.neurons import LIF, Spiking, Surrogate
from spikeproof.oracle import ASSG, Backward, GradientRule, Oracle

X = items(16)
STEP = 1e-4


def node(kind: str, **values: Any) -> Any:
    """A node that looks like one of the library."""
    made = type(kind, (SimpleNamespace,), {"__module__": "nir.ir.node"})
    return made(**{key: np.asarray(value) for key, value in values.items()})


def graph(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> Any:
    """A graph that looks like one of the library."""
    made = type("NIRGraph", (SimpleNamespace,), {"__module__": "nir.ir.graph"})
    return made(nodes=nodes, edges=edges)


def chain(*nodes: Any) -> Any:
    """A graph without branches."""
    named = {f"n{k}": one for k, one in enumerate(nodes)}
    names = list(named)
    return graph(named, list(pairwise(names)))


def affine(layer: nn.Linear) -> Any:
    """A linear layer as a node."""
    return node("Affine", weight=layer.weight.detach(), bias=layer.bias.detach())


def lif(size: int = 12, leak: float = 0.5, **more: Any) -> Any:
    """A LIF whose Euler step is our recursion with gain 1."""
    tau = STEP / (1 - leak)
    one = np.ones(size)
    values = {"tau": tau * one, "r": tau / STEP * one, "v_leak": 0 * one, "v_threshold": one}
    return node("LIF", **{**values, "v_reset": 0 * one, **more})


def of(net: Any) -> Any:
    """Our small network as a graph."""
    return chain(node("Input"), affine(net.fc1), lif(), affine(net.fc2), node("Output"))


def ours(reset: str) -> Any:
    """The same with our neurons, and the surrogate that NIR networks have here."""
    net = Ours()
    soft = {"zero": "hard", "soft": "soft"}[reset]
    net.spikes = Spiking(LIF(leak=0.5, reset=soft, surrogate=Surrogate("arctan", 2.0)))
    return net


@pytest.mark.parametrize("reset", ["zero", "soft"])
@pytest.mark.parametrize(
    "rule",
    [None, Surrogate("triangle", 1.0), ASSG(), Backward(gradient=ASSG(), reset="detached")],
    ids=str,
)
def test_logits_and_gradients_are_those_of_our_neurons(
    reset: str, rule: GradientRule | None
) -> None:
    net = ours(reset)
    adapted = adapt(of(net), reset=reset, steps=STEPS, example=X)
    found = []
    for model in (net, adapted):
        with Oracle(model, gradient=rule) as oracle:
            found.append(oracle.logits_and_grad(X, lambda z: z.amax(1)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert adapted.reading.library == "nir" and adapted.reading.spiking == 1


def test_the_reset_is_asked_for_and_a_wrong_one_shows() -> None:
    net = ours("soft")
    with pytest.raises(SettingError, match=r"reset='zero'.*reset='soft'.*got None"):
        adapt(of(net), steps=STEPS)
    right = adapt(of(net), reset="soft", steps=STEPS, example=X, original=net).reading.notes
    wrong = adapt(of(net), reset="zero", steps=STEPS, example=X, original=net).reading.notes
    assert right[-1].startswith("On 16 items 0.0 %") and "subtracts the threshold" in str(right)
    assert agreement(net, adapt(of(net), reset="soft", steps=STEPS), X).largest < 1e-5
    assert agreement(net, adapt(of(net), reset="zero", steps=STEPS), X).largest > 0.01
    assert wrong[-1].startswith("On 16 items") and wrong[-1] != right[-1]
    with pytest.raises(SettingError, match="example"):
        adapt(of(net), reset="soft", steps=STEPS, original=net)


def test_agreement_counts_what_changed() -> None:
    first, other = nn.Linear(6, 3), nn.Linear(6, 3)
    found = agreement(first, other, X)
    expected = (first(X).argmax(1) != other(X).argmax(1)).double().mean().item()
    assert found.changed == expected and found.record()["items"] == 16
    with pytest.raises(InputError, match="3 and 2 classes"):
        agreement(first, nn.Linear(6, 2), X)


def test_the_exponential_leak_is_another_network() -> None:
    net = ours("zero")
    exact = adapt(from_nir(of(net), reset="zero", exact=True), steps=STEPS, example=X)
    assert "exp(-step / tau)" in str(exact.reading)
    leak = float(np.exp(-0.5))  # tau is two steps
    net.spikes = Spiking(LIF(leak=leak, threshold=1 / (2 * (1 - leak))))
    torch.testing.assert_close(exact(X), net(X), rtol=1e-4, atol=1e-5)


def test_currents_integrators_and_feedback() -> None:
    """By hand: a synapse that keeps half, an integrator, and spikes that come back a step later."""
    one = np.ones(1)
    cuba = node(
        "CubaLIF", tau_syn=2 * STEP * one, tau_mem=2 * STEP * one, r=2 * one, v_leak=0 * one,
        v_threshold=one, v_reset=0 * one, w_in=2 * one,
    )  # fmt: skip
    x = torch.tensor([0.5, 0.0, 0.5]).view(3, 1, 1)
    net = from_nir(chain(node("Input"), cuba, node("Output")), reset="zero", step=STEP)
    # c = .5, .25, .625; u = .5, .5, .875
    assert net(x).flatten().tolist() == [0, 0, 0]
    assert net(2 * x).flatten().tolist() == [1, 0, 1]  # u = 1, .5, .25 + 1.25
    li = node("LI", tau=2 * STEP * one, r=2 * one, v_leak=0 * one)
    kept = from_nir(chain(node("Input"), li, node("Output")), reset="zero", step=STEP)
    assert kept(x).flatten().tolist() == [0.5, 0.25, 0.625]
    back = graph(
        {
            "in": node("Input"),
            "if": node("IF", r=one, v_threshold=one, v_reset=0 * one),
            "w": node("Linear", weight=[[0.5]]),
            "out": node("Output"),
        },
        [("in", "if"), ("if", "w"), ("w", "if"), ("if", "out")],
    )
    pulses = torch.tensor([1.0, 0.5, 0.5, 0.0]).view(4, 1, 1)
    assert from_nir(back, reset="zero")(pulses).flatten().tolist() == [1, 1, 1, 0]
    inside = graph({"a": node("Input"), "g": back, "b": node("Output")}, [("a", "g"), ("g", "b")])
    assert from_nir(inside, reset="zero")(pulses).flatten().tolist() == [1, 1, 1, 0]


def test_layers_without_state() -> None:
    conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
    layers = chain(
        node("Input"),
        node(
            "Conv2d", weight=conv.weight.detach(), bias=conv.bias.detach(), stride=(2, 2),  # type: ignore[union-attr]
            padding=(1, 1), dilation=(1, 1), groups=2,
        ),
        node("SumPool2d", kernel_size=(2, 2), stride=(2, 2), padding=(0, 0)),
        node("Flatten", start_dim=0, end_dim=-1),
        node("Scale", scale=[0.5]),
        node("Threshold", threshold=[0.1]),
        node("Output"),
    )  # fmt: skip
    x = torch.rand(3, 2, 8, 8)
    expected = 0.5 * 4 * nn.functional.avg_pool2d(conv(x), 2).flatten(1)
    got = from_nir(layers, reset="zero")(x[None])[0]
    assert torch.equal(got, (expected >= 0.1).float())


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (chain(node("Affine", weight=np.ones((2, 2)), bias=np.ones(2))), "0 nodes of type Input"),
        (graph({"a": node("Input"), "b": node("Output")}, [("a", "c")]), "not there"),
        (graph({"a": node("Input"), "b": node("Output")}, []), "No edge"),
        (chain(node("Input"), node("Delay", delay=[1.0]), node("Output")), "not served"),
        (chain(node("Input"), lif(tau=-np.ones(12)), node("Output")), "not above zero"),
        (chain(node("Input"), lif(r=np.full(12, np.nan)), node("Output")), "not finite"),
        (chain(node("Input"), node("LIF", r=[1.0]), node("Output")), "cannot be built"),
    ],
)
def test_graphs_that_are_none_are_refused(bad: Any, word: str) -> None:
    with pytest.raises(FileProblem, match=word):
        from_nir(bad, reset="zero")


def test_other_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got int"):
        from_nir(3, reset="zero")
    with pytest.raises(SettingError, match="step must be above zero"):
        from_nir(of(Ours()), reset="zero", step=0.0)
    with pytest.raises(FileProblem):
        adapt(tmp_path / "none.nir", reset="zero")
