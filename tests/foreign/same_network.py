"""One network, written for every library: the same weights, the same neurons.

Two layers of LIF neurons over a repeated item: leak .5, threshold 1, reset to 0, and a linear
readout of the mean spikes. The surrogate is an arctan of sharpness 2; norse has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.neurons import LIF, Spiking, Surrogate

STEPS, SHARPNESS = 4, 2.0
SIZES = (64, 48, 32, 10)


class Stack(nn.Module):
    """Three linear layers; neurons stand between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(k, m) for k, m in pairwise(SIZES))


class Ours(Stack):
    """Neurons of spikeproof."""

    def __init__(self, *, detach: bool = False) -> None:
        super().__init__()
        neuron = LIF(leak=0.5, surrogate=Surrogate("arctan", SHARPNESS), detach_reset=detach)
        self.spikes1, self.spikes2 = Spiking(neuron), Spiking(neuron)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1).expand(STEPS, -1, -1)
        out: Tensor = self.fc3(self.spikes2(self.fc2(self.spikes1(self.fc1(x)))).mean(0))
        return out


def jelly(mode: str, inside: bool) -> nn.Module:
    """SpikingJelly, single-step or multi-step, the steps inside or left to the user."""
    from spikingjelly.activation_based import neuron, surrogate

    class Jelly(Stack):
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = (
                neuron.LIFNode(
                    tau=2.0,
                    decay_input=False,
                    v_reset=0.0,
                    surrogate_function=surrogate.ATan(SHARPNESS),
                    step_mode=mode,
                )
                for _ in range(2)
            )

        def spikes(self, x: Tensor) -> Tensor:
            out: Tensor = self.n2(self.fc2(self.n1(self.fc1(x))))
            return out

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1 if inside or mode == "s" else 2)
            if not inside:
                out: Tensor = self.fc3(self.spikes(x))
            elif mode == "m":
                out = self.fc3(self.spikes(x.expand(STEPS, -1, -1)).mean(0))
            else:
                out = torch.stack([self.fc3(self.spikes(x)) for _ in range(STEPS)]).mean(0)
            return out

    return Jelly()


def snn(*, hidden: bool = False, delay: bool = False) -> nn.Module:
    """SnnTorch, with explicit or hidden states, its reset at once or delayed."""
    import snntorch
    from snntorch import surrogate

    class Snn(Stack):
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = (
                snntorch.Leaky(
                    beta=0.5,
                    reset_mechanism="zero",
                    reset_delay=delay,
                    spike_grad=surrogate.atan(alpha=SHARPNESS),
                    init_hidden=hidden,
                )
                for _ in range(2)
            )

        def forward(self, x: Tensor) -> Any:
            x = x.flatten(1)
            if hidden:
                return self.fc3(self.n2(self.fc2(self.n1(self.fc1(x)))))
            m1, m2 = self.n1.reset_mem(), self.n2.reset_mem()
            answers, membranes = [], []
            for _ in range(STEPS):
                s1, m1 = self.n1(self.fc1(x), m1)
                s2, m2 = self.n2(self.fc2(s1), m2)
                answers.append(self.fc3(s2))
                membranes.append(m2)
            return torch.stack(answers), torch.stack(membranes)

    return Snn()


def nor(*, cells: bool) -> nn.Module:
    """Norse, as cells whose state is handed on or in its container over all steps."""
    from norse import torch as norse
    from norse.torch.functional.lif_box import LIFBoxParameters

    # v + dt / tau (2 I - v) is .5 v + I.
    parameters = LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0))

    class Nor(Stack):
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = norse.LIFBoxCell(parameters), norse.LIFBoxCell(parameters)

        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            first, second = (None, None) if state is None else state
            s1, first = self.n1(2 * self.fc1(x.flatten(1)), first)
            s2, second = self.n2(2 * self.fc2(s1), second)
            return self.fc3(s2), (first, second)

    class Whole(Nor):
        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            answers = []
            for current in x:
                answer, state = super().forward(current, state)
                answers.append(answer)
            return torch.stack(answers), state

    return Nor() if cells else Whole()


class Spike(torch.autograd.Function):
    """A step with the derivative of an arctan."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (SHARPNESS / 2) / (1 + (math.pi / 2 * SHARPNESS * u) ** 2)


class Plain(Stack):
    """Plain torch."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        v1, v2, total = torch.zeros(1), torch.zeros(1), torch.zeros(1)
        for _ in range(STEPS):
            v1 = 0.5 * v1 + self.fc1(x)
            s1 = Spike.apply(v1 - 1)  # type: ignore[no-untyped-call]
            v1 = v1 * (1 - s1)
            v2 = 0.5 * v2 + self.fc2(s1)
            s2 = Spike.apply(v2 - 1)  # type: ignore[no-untyped-call]
            v2 = v2 * (1 - s2)
            total = total + self.fc3(s2)
        return total / STEPS


# How each is made, how often it must be called, and whether its own reset is detached.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int | None, bool]] = {
    "jelly-m": (lambda: jelly("m", inside=False), STEPS, False),
    "jelly-m-inside": (lambda: jelly("m", inside=True), None, False),
    "jelly-s": (lambda: jelly("s", inside=False), STEPS, False),
    "jelly-s-inside": (lambda: jelly("s", inside=True), None, False),
    "snn": (snn, None, False),
    "snn-delayed": (lambda: snn(delay=True), None, True),
    "snn-hidden": (lambda: snn(hidden=True), STEPS, False),
    "norse": (lambda: nor(cells=True), STEPS, False),
    "norse-whole": (lambda: nor(cells=False), STEPS, False),
    "plain": (Plain, None, False),
}


def weights() -> dict[str, Tensor]:
    """Of three linear layers, untrained."""
    generator = torch.Generator().manual_seed(3)
    made = {}
    for number, (k, m) in enumerate(pairwise(SIZES), start=1):
        made[f"fc{number}.weight"] = torch.randn(m, k, generator=generator) * (2.0 / k) ** 0.5
        made[f"fc{number}.bias"] = torch.randn(m, generator=generator) * 0.2 + 0.1
    return made


def trained() -> tuple[dict[str, Tensor], Any]:
    """Of three linear layers, trained on the digits with our neurons; and the digits."""
    import spikeproof as sp

    data = sp.load("digits")
    net = Ours()
    net.load_state_dict(weights())
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(12):
        for idx in torch.randperm(len(data.train), generator=generator).split(64):
            loss = nn.functional.cross_entropy(net(data.train.x[idx]), data.train.y[idx])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return {name: value.detach() for name, value in net.state_dict().items()}, data


def filled(net: nn.Module, values: dict[str, Tensor]) -> nn.Module:
    """A network with these weights."""
    with torch.no_grad():
        for name, value in values.items():
            net.get_parameter(name).copy_(value)
    return net
