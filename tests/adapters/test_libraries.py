"""Layers of other libraries, as far as adapters look at them; the real ones: tests/foreign."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from adapters.hand_written import STEPS, Hand, Ours, Spike, Stack, items
from spikeproof.adapters import adapt, protocol
from spikeproof.base import SettingError
from spikeproof.neurons import LIF, Spiking, Surrogate, gradient_flow
from spikeproof.oracle import ASSG, Backward, GradientRule, Oracle

X = items()
ARCTAN = Surrogate("arctan", 5.0)


def of_library(name: str) -> Any:
    """Let a class say that it was made by a library."""

    def said(kind: type[Any]) -> type[Any]:
        kind.__module__ = name
        return kind

    return said


@of_library("spikingjelly.activation_based.surrogate")
class ATan(nn.Module):
    """A surrogate that is a module."""

    alpha = 2.0

    def forward(self, u: Tensor) -> Tensor:
        spikes: Tensor = Spike.apply(u, 0.0)  # type: ignore[no-untyped-call]
        return spikes


@of_library("spikingjelly.activation_based.neuron.lif")
class LIFNode(nn.Module):
    """A node with a dictionary of memories."""

    def __init__(self) -> None:
        super().__init__()
        self._memories: dict[str, Any] = {"v": 0.0}
        self.surrogate_function = ATan()
        self.detach_reset, self.step_mode = False, "s"

    def reset(self) -> None:
        self._memories["v"] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        v = 0.5 * self._memories["v"] + x
        spikes: Tensor = self.surrogate_function(v - 1.0)
        sent = spikes.detach() if self.detach_reset else spikes
        self._memories["v"] = v * (1 - sent)
        return spikes


@of_library("snntorch._neurons.leaky")
class Leaky(nn.Module):
    """A cell with its state in a buffer, its reset at once or delayed."""

    def __init__(self, delay: bool) -> None:
        super().__init__()
        self.register_buffer("mem", torch.zeros(0), persistent=False)
        self.threshold, self.reset_delay = 1.0, delay
        self.spike_grad = lambda u: Spike.apply(u, 0.0)  # type: ignore[no-untyped-call]

    def fire(self, mem: Tensor) -> Tensor:
        spikes: Tensor = self.spike_grad(mem - self.threshold)
        return spikes

    def mem_reset(self, mem: Tensor) -> Tensor:
        return self.fire(mem).clone().detach()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.mem.shape != x.shape:
            self.mem = torch.zeros_like(x)
        self.mem = 0.5 * self.mem * (1 - self.mem_reset(self.mem)) + x
        spikes = self.fire(self.mem)
        if not self.reset_delay:
            self.mem = self.mem * (1 - spikes)
        return spikes, self.mem


class State(NamedTuple):
    """What a cell hands on."""

    v: Tensor


def threshold(u: Tensor) -> Tensor:
    """Looked up by steps among the names of their module."""
    spikes: Tensor = Spike.apply(u, 0.0)  # type: ignore[no-untyped-call]
    return spikes


def step(x: Tensor, state: State) -> tuple[Tensor, State]:
    """One step of a cell."""
    v = 0.5 * state.v + x
    z = threshold(v - 1)
    return z, State(v * (1 - z))


@of_library("norse.torch.module.lif")
class LIFCell(nn.Module):
    """A cell with a step and parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.activation, self.p = step, Parameters()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        return self.activation(x, State(torch.zeros_like(x)) if state is None else state)


class Parameters:
    """A threshold."""

    v_th = 1.0


class Jelly(Stack):
    """One step a call."""

    def __init__(self) -> None:
        super().__init__()
        self.node = LIFNode()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.node(self.fc1(x)))
        return out


class Torch(Stack):
    """All steps in one call."""

    def __init__(self, delay: bool) -> None:
        super().__init__()
        self.cell = Leaky(delay)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        spikes, membranes = [], []
        for _ in range(STEPS):
            spike, membrane = self.cell(self.fc1(x))
            spikes.append(self.fc2(spike))
            membranes.append(membrane)
        return torch.stack(spikes), torch.stack(membranes)


class Nor(Stack):
    """A state is handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = LIFCell()

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        spikes, after = self.cell(self.fc1(x), state)
        return self.fc2(spikes), after


NETWORKS = {
    "spikingjelly": (Jelly, STEPS),
    "snntorch": (lambda: Torch(False), None),
    "delayed": (lambda: Torch(True), None),
    "norse": (Nor, STEPS),
}
RULES: list[GradientRule | None] = [
    ARCTAN,
    ASSG(),
    Backward(gradient=ARCTAN, reset="detached"),
    Backward(gradient=ARCTAN, reset="kept"),
    Backward(gradient=ASSG(vanishing=0.455), reset="detached"),
    Backward(reset="detached"),
]


@pytest.fixture(autouse=True)
def _a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library is installed here."""
    monkeypatch.setattr(protocol, "version_of", lambda name: "2.0.0")


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_state_and_reading(name: str) -> None:
    make, steps = NETWORKS[name]
    net = make()  # type: ignore[operator]
    net(X)  # its state has begun
    adapted = adapt(net, steps=steps, example=X)
    for _ in range(2):
        torch.testing.assert_close(adapted(X), Hand()(X))
    reading = adapted.reading
    assert reading.library == name.replace("delayed", "snntorch")
    assert reading.spiking == 1 and reading.rules and reading.resets == ("kept", "detached")
    assert reading.time == ("none" if steps else "inside") and reading.reduce == "rate"
    assert reading.stateful is (name != "norse")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.filterwarnings("error")
def test_rules_and_resets_are_those_of_layers_of_ours(name: str, rule: GradientRule) -> None:
    make, steps = NETWORKS[name]
    adapted = adapt(make(), steps=steps, example=X)  # type: ignore[operator]
    neuron = LIF(leak=0.5, surrogate=Surrogate("arctan", 2.0), detach_reset=name == "delayed")
    ours = Ours()
    ours.spikes = Spiking(neuron)
    before = str(adapted.network), [set(vars(m)) for m in adapted.network.modules()]
    results = []
    for model in (ours, adapted):
        with Oracle(model, gradient=rule) as oracle:
            for _ in range(2):
                found = oracle.logits_and_grad(X, lambda z: z.amax(1))
        results.append(found)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert results[0][1].any()
    # What was put in for one pass is gone after it.
    assert before == (str(adapted.network), [set(vars(m)) for m in adapted.network.modules()])


@pytest.mark.parametrize("share", [{"reset": 0.5}, {"leak": 0.0}])
def test_shares_that_no_library_knows_are_not_obeyed(share: dict[str, float]) -> None:
    adapted = adapt(Jelly(), steps=STEPS, example=X)
    with gradient_flow(**share) as scope:
        adapted(X)
    assert scope.served == 0
    with gradient_flow(reset=0.0, leak=1.0) as scope:
        adapted(X)
    assert scope.served == 1


def test_a_clear_word_on_old_spikingjelly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "version_of", lambda name: "0.0.0.0.14")
    with pytest.raises(SettingError, match=r"got 0\.0\.0\.0\.14.*spikingjelly>=2"):
        adapt(Jelly(), steps=STEPS)


def test_multi_step_nodes_take_time_first() -> None:
    class Multi(LIFNode):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([super(Multi, self).forward(one) for one in x])

    net = Jelly()
    net.node = Multi()
    net.node.step_mode = "m"
    adapted = adapt(net, steps=STEPS, example=X)
    torch.testing.assert_close(adapted(X), Hand()(X))
    assert adapted.reading.time == "first"
    recordings = torch.rand(5, 7, 6)
    truth = adapted.network(recordings.transpose(0, 1)).mean(0)
    torch.testing.assert_close(adapt(net, example=recordings)(recordings), truth)


def test_a_library_can_be_named() -> None:
    assert adapt(Jelly(), library="torch", steps=STEPS, example=X).reading.library == "torch"
    with pytest.raises(SettingError, match="library"):
        adapt(Jelly(), library="jelly")
