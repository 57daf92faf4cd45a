"""One small spiking CNN per library, written and trained as a user of that library does.

Nothing of this package is in them: each has its library's neurons, surrogate, reset and readout;
the training loop below is the same twenty lines of torch for all. Trained networks are stored
under ``runs/foreign`` and found again there.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from research import ROOT

FOLDER = ROOT / "runs" / "foreign"
ITEMS, EPOCHS, BATCH, RATE, SEED = 4000, 4, 50, 2e-3, 0


def jelly() -> nn.Module:
    """SpikingJelly: multi-step layers, integrate-and-fire, the state kept in the neurons."""
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    class Net(nn.Module):
        def __init__(self, steps: int = 4, width: int = 12) -> None:
            super().__init__()
            self.steps = steps
            self.net = nn.Sequential(
                layer.Conv2d(1, width, 3, padding=1, bias=False),
                layer.BatchNorm2d(width),
                neuron.IFNode(surrogate_function=surrogate.ATan()),
                layer.MaxPool2d(2, 2),
                layer.Conv2d(width, width, 3, padding=1, bias=False),
                layer.BatchNorm2d(width),
                neuron.IFNode(surrogate_function=surrogate.ATan()),
                layer.MaxPool2d(2, 2),
                layer.Flatten(),
                layer.Linear(width * 7 * 7, 64, bias=False),
                neuron.IFNode(surrogate_function=surrogate.ATan()),
                layer.Linear(64, 10, bias=False),
            )
            functional.set_step_mode(self, "m")

        def forward(self, x: Tensor) -> Tensor:
            x = x.unsqueeze(0).repeat(self.steps, 1, 1, 1, 1)
            out: Tensor = self.net(x).mean(0)
            return out

    return Net()


def snn() -> nn.Module:
    """SnnTorch: explicit membranes, spikes of the output layer are counted."""
    import snntorch
    from snntorch import surrogate

    class Net(nn.Module):
        def __init__(self, steps: int = 8, width: int = 12, beta: float = 0.9) -> None:
            super().__init__()
            self.steps, spike = steps, surrogate.fast_sigmoid(slope=25)
            self.conv1 = nn.Conv2d(1, width, 5)
            self.lif1 = snntorch.Leaky(beta=beta, spike_grad=spike)
            self.conv2 = nn.Conv2d(width, width, 5)
            self.lif2 = snntorch.Leaky(beta=beta, spike_grad=spike)
            self.fc = nn.Linear(width * 4 * 4, 10)
            self.lif3 = snntorch.Leaky(beta=beta, spike_grad=spike)
            self.pool = nn.MaxPool2d(2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            mem1, mem2, mem3 = (lif.reset_mem() for lif in (self.lif1, self.lif2, self.lif3))
            spikes, membranes = [], []
            for _ in range(self.steps):
                spk1, mem1 = self.lif1(self.pool(self.conv1(x)), mem1)
                spk2, mem2 = self.lif2(self.pool(self.conv2(spk1)), mem2)
                spk3, mem3 = self.lif3(self.fc(spk2.flatten(1)), mem3)
                spikes.append(spk3)
                membranes.append(mem3)
            return torch.stack(spikes), torch.stack(membranes)

    return Net()


def nor() -> nn.Module:
    """Norse: cells in its container, the state handed on, the largest voltage read out."""
    import norse.torch as norse

    class Net(nn.Module):
        def __init__(self, steps: int = 12, width: int = 12) -> None:
            super().__init__()
            self.steps = steps
            self.net = norse.SequentialState(
                nn.Conv2d(1, width, 5),
                norse.LIFCell(),
                nn.MaxPool2d(2),
                nn.Conv2d(width, width, 5),
                norse.LIFCell(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(width * 4 * 4, 10),
                norse.LICell(),
            )

        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            voltages = []
            for _ in range(self.steps):
                out, state = self.net(x, state)
                voltages.append(out)
            return torch.stack(voltages).max(0).values, state

    return Net()


class Triangle(torch.autograd.Function):
    """A step with the derivative of a triangle, as papers' code has it."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (1 - u.abs()).clamp(min=0)


class LIF(nn.Module):
    """Leak .5, threshold 1, reset to 0, over all steps in one call."""

    def forward(self, x: Tensor) -> Tensor:
        v, spikes = torch.zeros_like(x[0]), []
        for current in x:
            v = 0.5 * v + current
            spike = Triangle.apply(v - 1)  # type: ignore[no-untyped-call]
            v = v * (1 - spike)
            spikes.append(spike)
        return torch.stack(spikes)


class Steps(nn.Module):
    """A layer without state on every step at once."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x.flatten(0, 1))
        return out.unflatten(0, x.shape[:2])


class Plain(nn.Module):
    """Plain torch: neurons and surrogate by hand."""

    def __init__(self, steps: int = 4, width: int = 12) -> None:
        super().__init__()
        self.steps = steps
        self.net = nn.Sequential(
            Steps(nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width)),
            LIF(),
            Steps(nn.AvgPool2d(2), nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)),
            LIF(),
            Steps(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(width * 7 * 7, 10)),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x.expand(self.steps, *x.shape)).mean(0)
        return out


def no_reset(net: nn.Module) -> None:
    """State begins anew in every call of the network, or is handed on by the caller."""


def jelly_reset(net: nn.Module) -> None:
    """What SpikingJelly asks for after every batch."""
    from spikingjelly.activation_based import functional

    functional.reset_net(net)


@dataclass(frozen=True)
class Entry:
    """A library's network, and how its user reads it.

    Args:
        make: The network, untrained.
        logits: Its logits from what a call returns, as its user reads them.
        reset: What its user calls before every batch.
        why: What the user knows about the reading, for the page.
    """

    library: str
    make: Callable[[], nn.Module]
    logits: Callable[[Any], Tensor]
    reset: Callable[[nn.Module], None]
    why: str


NETWORKS = {
    "spikingjelly": Entry(
        "spikingjelly", jelly, lambda out: out, jelly_reset,
        "`IFNode`s keep their membranes until `functional.reset_net(net)`",
    ),
    "snntorch": Entry(
        "snntorch", snn, lambda out: out[0].mean(0), no_reset,
        "returns `(spikes, membranes)` of 8 steps; the spikes are counted",
    ),
    "norse": Entry(
        "norse", nor, lambda out: out[0], no_reset,
        "returns `(voltages, state)`; the largest voltage of 12 steps",
    ),
    "plain torch": Entry(
        "torch", Plain, lambda out: out, no_reset,
        "a hand-written `autograd.Function` with a triangle for its derivative",
    ),
}  # fmt: skip


def trained(name: str, x: Tensor, y: Tensor) -> nn.Module:
    """The network of a name, from its file or trained now; in evaluation mode."""
    entry, path = NETWORKS[name], file_of(name)
    torch.manual_seed(SEED)
    net = entry.make()
    if path.exists():
        net.load_state_dict(load_file(path))
        return net.eval()
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(SEED)
    net.train()
    for epoch in range(EPOCHS):
        total = 0.0
        for idx in torch.randperm(len(x), generator=generator).split(BATCH):
            entry.reset(net)
            loss = nn.functional.cross_entropy(_trained_on(entry, net(x[idx])), y[idx])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(idx)
        print(f"{name}: epoch {epoch + 1}, loss {total / len(x):.3f}", flush=True)
    entry.reset(net)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, part)
    part.replace(path)
    return net.eval()


def _trained_on(entry: Entry, out: Any) -> Tensor:
    """What the loss sees: snnTorch's users count spikes, which softmax wants larger than 1."""
    logits = entry.logits(out)
    return logits * len(out[0]) if entry.library == "snntorch" else logits


def file_of(name: str) -> Path:
    """Where a network's weights are kept; another place where code or settings are others."""
    text = inspect.getsource(inspect.getmodule(file_of))  # type: ignore[arg-type]
    return (
        FOLDER
        / f"{name.replace(' ', '-')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.safetensors"
    )
