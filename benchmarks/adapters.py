"""What an adapter adds to the passes of a network of another library.

A CSNN of two convolutions for pictures of 28 x 28 pixels, T = 4, 32 of them, float32, in evaluation
mode, one thread in processor seconds. Ours: ``adapt(net)`` forward, then ``torch.autograd.grad`` to
the input. Against: the network itself, reset as its library says, the same gradient. Target: within
5 %. Beside it, without a target, what the two kinds of gradient rules cost on it: a surrogate, and
ASSG, which looks at the membranes of a pass of its own. About a minute and a half.

    scripts/setup-peers; .venv-peers/bin/python benchmarks/adapters.py

A library that is not installed is left out, with a line that says so.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from harness import Row, clock, compare, interleaved, judged, write
from peers import Spike
from torch import Tensor, nn

from spikeproof.adapters import adapt
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, GradientRule, Oracle

STEPS, ITEMS, ROUNDS, TARGET = 4, 32, 15, 1.05
RULES: dict[str, GradientRule] = {"arctan-5": Surrogate("arctan", 5.0), "assg": ASSG()}


class Net(nn.Module):
    """Convolutions, norms, pools and a readout; what fires, and how, a library says."""

    def __init__(self, neuron: Callable[[], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.read, self.pool = nn.Linear(32 * 49, 10), nn.AvgPool2d(2)
        self.n1, self.n2 = neuron(), neuron()

    def fire(self, neuron: Any, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Spikes and state of one layer at one step."""
        answer: Any = neuron(x, state)
        return answer

    def forward(self, x: Tensor) -> Tensor:
        """The mean readout over the steps."""
        first, second, total = None, None, torch.zeros(())
        for _ in range(STEPS):
            s1, first = self.fire(self.n1, 2 * self.norm1(self.conv1(x)), first)
            s2, second = self.fire(self.n2, 2 * self.norm2(self.conv2(self.pool(s1))), second)
            total = total + self.read(self.pool(s2).flatten(1))
        return total / STEPS


class Hidden(Net):
    """For neurons that keep their state themselves."""

    def fire(self, neuron: Any, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return neuron(x), None


class ByHand(nn.Module):
    """A neuron of plain torch."""

    def forward(self, x: Tensor, v: Tensor | None) -> tuple[Tensor, Tensor]:
        v = x if v is None else 0.5 * v + x
        spikes = Spike.apply(v - 1)  # type: ignore[no-untyped-call]
        return spikes, v * (1 - spikes)


def plain() -> tuple[nn.Module, Callable[[], None]]:
    """Plain torch: a network, and its reset."""
    return Net(ByHand), lambda: None


def spikingjelly() -> tuple[nn.Module, Callable[[], None]]:
    """SpikingJelly, step by step."""
    from spikingjelly.activation_based import functional, neuron, surrogate

    net = Hidden(
        lambda: neuron.LIFNode(tau=2.0, decay_input=False, surrogate_function=surrogate.ATan())
    )
    return net, lambda: functional.reset_net(net)


def snntorch() -> tuple[nn.Module, Callable[[], None]]:
    """snnTorch, with hidden states."""
    import snntorch as snn
    from snntorch import utils

    net = Hidden(lambda: snn.Leaky(beta=0.5, init_hidden=True))
    return net, lambda: utils.reset(net)


def norse() -> tuple[nn.Module, Callable[[], None]]:
    """norse, with states handed on."""
    from norse import torch as library

    return Net(library.LIFBoxCell), lambda: None


LIBRARIES = {"torch": plain, "spikingjelly": spikingjelly, "snntorch": snntorch, "norse": norse}


def gradient(model: nn.Module, reset: Callable[[], None]) -> Callable[[], object]:
    """One forward pass from the beginning, and the gradient of the largest logits."""
    x = torch.rand(ITEMS, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    def call() -> object:
        start = x.clone().requires_grad_(True)
        reset()
        logits = model(start)
        return torch.autograd.grad(logits.amax(1).sum(), start)

    return call


def asked(model: nn.Module, rule: GradientRule | None) -> Callable[[], object]:
    """The same through an open oracle, under a rule."""
    x = torch.rand(ITEMS, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    oracle = Oracle(model, gradient=rule).__enter__()
    return lambda: oracle.logits_and_grad(x, lambda z: z.amax(1))


def rows(name: str) -> list[Row]:
    """The comparisons of one library."""
    net, reset = LIBRARIES[name]()
    net.eval()
    for module in (net.norm1, net.norm2):
        module.running_var.fill_(0.2)  # so that neurons fire
    x = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    adapted = adapt(net, example=x)
    # Apart, because the rules have no target: a third of the rounds is enough to show their cost.
    work = {"adapted": gradient(adapted, lambda: None), "itself": gradient(net, reset)}
    taken = interleaved(work, rounds=ROUNDS, least=2, clock=clock(1))
    ruled = {"own": asked(adapted, None)}
    ruled |= {rule: asked(adapted, made) for rule, made in RULES.items()}
    taken |= interleaved(ruled, rounds=ROUNDS // 3, least=1, clock=clock(1))
    found = [
        judged(compare(name, "the network itself", (taken["adapted"], taken["itself"])), TARGET)
    ]
    for rule in RULES:
        found.append(compare(f"{name}, {rule}", "own gradient", (taken[rule], taken["own"])))
    return found


def main() -> None:
    """Measure and store."""
    torch.set_num_threads(1)
    found, peers = [], {}
    for name in LIBRARIES:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: left out, it is not installed.")
            continue
        found += rows(name)
        peers[name] = version(name)
    write("adapters", found, peers=peers, clock="processor seconds, one thread")


if __name__ == "__main__":
    main()
