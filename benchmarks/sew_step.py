"""How long a training step of SEW-ResNet-18 takes beside the same network of SpikingJelly layers.

CIFAR images, the stem for small images, T=4, 16 items, width 64: forward,
cross-entropy of the mean logits, backward and the update of SGD. LIF neurons of leak 0.5 without
decay of the input, arctan of sharpness 2, attached reset. Theirs runs many steps a call (step mode
``m``) on the torch backend, the only one for a CPU, eager; like SpikingJelly's own model it
convolves the image once and repeats it behind the stem. Its model zoo needs torchvision, so the
network is written here. This script fails unless logits and all gradients agree in double
precision first. ``its convolutions alone`` is what bounds both: forward, backward to the inputs
and backward to the weights, with ready inputs.

    pip install loguru tqdm matplotlib; pip install --no-deps spikingjelly
    python benchmarks/sew_step.py
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from floor import Floor
from harness import Row, clock, compare, elsewhere, interleaved, judged, write
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, build

STEPS, ITEMS, CLASSES, WIDTH, ROUNDS = 4, 16, 10, 64, 7
TARGET = 1 / 1.5
SPEC = ModelSpec(
    name="sew-resnet-18",
    domain=Domain(kind="image", shape=(3, 32, 32)),
    classes=CLASSES,
    timesteps=STEPS,
    width=WIDTH,
    neuron=sp.LIF(leak=0.5, surrogate=sp.Surrogate("arctan", 2.0)),
)


def batch(items: int = ITEMS) -> tuple[Tensor, Tensor]:
    """Images and labels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(items, 3, 32, 32, generator=generator)
    return x, torch.randint(CLASSES, (items,), generator=generator)


def spiking() -> nn.Module:
    """SpikingJelly's neurons, set to ours."""
    from spikingjelly.activation_based import neuron, surrogate

    return neuron.LIFNode(
        tau=2.0,
        decay_input=False,
        v_reset=0.0,
        surrogate_function=surrogate.ATan(2.0),
        step_mode="m",
    )


def normalised(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
    """Convolution and batch normalisation over all steps, of SpikingJelly."""
    from spikingjelly.activation_based import layer

    place = {"stride": stride, "padding": kernel // 2, "bias": False, "step_mode": "m"}
    return [
        layer.Conv2d(before, after, kernel, **place),
        layer.BatchNorm2d(after, step_mode="m"),
    ]


class Block(nn.Module):
    """Spikes of two convolutions plus spikes of the shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *normalised(before, after, 3, stride),
            spiking(),
            *normalised(after, after, 3, 1),
            spiking(),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(*normalised(before, after, 1, stride), spiking())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.branch(x) + self.shortcut(x)
        return out


class Peer(nn.Module):
    """SEW-ResNet-18 of SpikingJelly layers; parameters in the order of ours."""

    def __init__(self) -> None:
        super().__init__()
        from spikingjelly.activation_based import layer

        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
        )
        self.spikes = spiking()
        blocks, before = [], WIDTH
        for stage in range(4):
            after = WIDTH * 2**stage
            blocks += [Block(before, after, 2 if stage else 1), Block(after, after, 1)]
            before = after
        self.blocks = nn.Sequential(*blocks)
        self.pool = layer.AdaptiveAvgPool2d((1, 1), step_mode="m")
        self.readout = layer.Linear(before, CLASSES, step_mode="m")

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``; the neurons forget first, as users must tell them to."""
        from spikingjelly.activation_based import functional

        functional.reset_net(self)
        currents = self.stem(x).unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)
        out = self.pool(self.blocks(self.spikes(currents)))
        logits: Tensor = self.readout(out.flatten(2)).mean(0)
        return logits


def networks() -> tuple[Network, Peer]:
    """Both, with the same weights."""
    ours, theirs = build(SPEC), Peer()
    with torch.no_grad():
        for mine, copy in zip(ours.parameters(), theirs.parameters(), strict=True):
            copy.copy_(mine)
    return ours, theirs


def loss_of(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of the mean logits."""
    return F.cross_entropy(model(x), y)


def trainer(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    """One update of the weights."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        loss_of(model, x, y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def agree() -> bool:
    """Fail unless both compute the same logits and gradients; rounding flips no spike here."""
    ours, theirs = (model.double().train() for model in networks())
    x, y = batch(4)
    same = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-9)
    losses = [loss_of(model, x.double(), y) for model in (ours, theirs)]
    same(*losses)
    for loss in losses:
        loss.backward()
    for mine, copy in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(mine.grad, copy.grad)
    return True


def timing(threads: int) -> list[Row]:
    """Both steps, interleaved."""
    torch.set_num_threads(threads)
    x, y = batch()
    models = networks()
    ours, theirs = (trainer(model.train(), x, y) for model in models)
    floor = Floor.of(models[0], x)
    work = {"ours": ours, "theirs": theirs, **floor.work}
    taken = interleaved(work, rounds=ROUNDS, least=1, clock=clock(threads))
    title = f"SEW-ResNet-18 training step, T={STEPS}, N={ITEMS}, {threads} threads"
    alone = floor.seconds(taken, 1, 1, 1)
    bound = compare(title, "its convolutions alone", (taken["ours"], alone))
    rate = 3 * floor.operations / bound["theirs_s"] / 1e9
    return [
        judged(compare(title, "SpikingJelly, eager", (taken["ours"], taken["theirs"])), TARGET),
        {**bound, "gflops": rate, "share_of_rate": 1 / bound["ratio"]},
    ]


def measure(what: str, *arguments: Any) -> Any:
    """One part of the benchmark."""
    parts: dict[str, Callable[..., Any]] = {"agree": agree, "timing": timing}
    return parts[what](*arguments)


def main() -> None:
    """Measure and store; with an argument, measure one part and print it."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(*json.loads(sys.argv[1]))))
        return
    elsewhere(__file__, "agree")
    peers = {"spikingjelly": importlib.metadata.version("spikingjelly")}
    told = "processor seconds for one thread, wall-clock seconds for two"
    rows: list[Row] = []
    for threads in (1, 2):
        rows += elsewhere(__file__, "timing", threads)
        write("sew_step", rows, peers=peers, clock=told)  # what is known so far


if __name__ == "__main__":
    main()
