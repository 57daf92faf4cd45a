"""How long VGG-11 takes to train by one step and to attack by one step, and what bounds it.

The network of the work on sparse gradients: integrate-and-fire neurons, triangle surrogate, T=8,
CIFAR images, 16 items. Measured in turn:

- the sparse-gradient (SR) training step: both losses, their backward pass and the update of SGD;
- the attack step: the input gradient of the cross-entropy in evaluation mode. Ours asks an oracle;
- both again in plain torch, in the way published code goes about them (``published.py``). Before
  anything is timed, this script fails unless losses and gradients agree in double precision;
- ``floor``: the network's convolutions and hidden linear layers alone, with ready inputs: forward,
  backward to the inputs, backward to the weights. An attack step needs the first two, an SR step
  two, three and two of them (7 units). ``gflops`` is the rate at which they run, so a step's share
  of that rate is the floor divided by the step.

    python benchmarks/vgg_step.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from floor import Floor
from harness import Row, clock, compare, elsewhere, interleaved, judged, write
from published import PublishedVGG11, sparse_gradient_loss
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.data import Domain
from spikeproof.models import ModelSpec, Network, build

STEPS, ITEMS, CLASSES, ROUNDS = 8, 16, 10, 7
WEIGHT = 0.008
OBJECTIVE = sp.Objective(
    {"error": (1.0, sp.CrossEntropy()), "sparse": (WEIGHT, sp.SparseGradient.code())}
)
SPEC = ModelSpec(
    name="vgg-11",
    domain=Domain(kind="image", shape=(3, 32, 32)),
    classes=CLASSES,
    timesteps=STEPS,
    width=64,
    neuron=sp.IF(surrogate=sp.Surrogate("triangle", 1.0)),
)
# Ours in units of theirs, and in units of the floor.
TARGETS = {"SR step": (1 / 1.4, 1 / 0.75), "attack step": (1 / 1.35, 1.1)}


def batch(items: int = ITEMS) -> tuple[Tensor, Tensor]:
    """Images and labels."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(items, 3, 32, 32, generator=generator)
    return x, torch.randint(CLASSES, (items,), generator=generator)


def networks() -> tuple[Network, PublishedVGG11]:
    """Ours and the transcription, with the same weights and settled batch statistics."""
    ours, theirs = build(SPEC), PublishedVGG11(STEPS, CLASSES)
    norms = [module for module in ours.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean over all batches; else hardly a neuron would fire
    with torch.no_grad():
        ours(batch()[0])
    for norm in norms:
        norm.momentum = 0.1
    with torch.no_grad():
        for mine, copy in zip(_state(ours), _state(theirs), strict=True):
            copy.copy_(mine)
    return ours, theirs


def _state(model: nn.Module) -> list[Tensor]:
    """Parameters and buffers in order."""
    return [*model.parameters(), *model.buffers()]


def attack(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Summed loss and input gradient as published attacks take them."""
    x = x.detach().clone().requires_grad_(True)
    loss = F.cross_entropy(model(x), y, reduction="sum")
    (grad,) = torch.autograd.grad(loss, x)
    return loss.detach(), grad


def ask(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same through an oracle."""
    with sp.Oracle(model) as oracle:
        logits, grad = oracle.logits_and_grad(x, lambda z: F.cross_entropy(z, y, reduction="none"))
    return F.cross_entropy(logits, y, reduction="sum"), grad


def trainer(model: nn.Module, loss: Callable[[], Tensor]) -> Callable[[], None]:
    """One update of the weights."""
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=1e-6, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        torch.autograd.backward(loss(), inputs=parameters)
        optimizer.step()
        optimizer.zero_grad()

    return step


def agree() -> bool:
    """Fail unless both compute the same losses and gradients; rounding cannot flip a spike here."""
    ours, theirs = (model.double() for model in networks())
    x, y = batch(2)
    x = x.double()
    same = partial(torch.testing.assert_close, rtol=1e-6, atol=1e-9)
    with sp.Oracle(ours):  # evaluation mode
        same(ask(ours, x, y), attack(theirs.eval(), x, y))
    loss, _ = OBJECTIVE(ours.train(), x, y)
    other = sparse_gradient_loss(theirs.train(), x, y, weight=WEIGHT)
    same(loss, other)
    loss.backward()
    other.backward()
    for mine, copy in zip(ours.parameters(), theirs.parameters(), strict=True):
        same(mine.grad, copy.grad)
    return True


def timing(threads: int) -> list[Row]:
    """Both steps, ours and theirs, and the floor, interleaved."""
    torch.set_num_threads(threads)
    (ours, theirs), (learning, copying) = networks(), networks()
    x, y = batch()
    floor = Floor.of(ours, x)
    update = trainer(learning.train(), lambda: OBJECTIVE(learning, x, y)[0])
    theirs_update = trainer(
        copying.train(), lambda: sparse_gradient_loss(copying, x, y, weight=WEIGHT)
    )
    work: dict[str, Callable[[], object]] = {
        "attack step": partial(ask, ours.eval(), x, y),
        "attack step, published": partial(attack, theirs.eval(), x, y),
        "SR step": update,
        "SR step, published": theirs_update,
        **floor.work,
    }
    taken = interleaved(work, rounds=ROUNDS, least=1, clock=clock(threads))
    rows = []
    for name, units in {"attack step": (1, 1, 0), "SR step": (2, 3, 2)}.items():
        title = f"VGG-11 {name}, T={STEPS}, N={ITEMS}, {threads} threads"
        peer, most = TARGETS[name]
        beside = compare(title, "published way", (taken[name], taken[f"{name}, published"]))
        rows.append(judged(beside, peer))
        alone = floor.seconds(taken, *units)
        row = judged(compare(title, "its convolutions alone", (taken[name], alone)), most)
        rate = sum(units) * floor.operations / row["theirs_s"] / 1e9
        rows.append({**row, "gflops": rate, "share_of_rate": 1 / row["ratio"]})
    return rows


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
    told = "processor seconds for one thread, wall-clock seconds for two"
    rows: list[Row] = []
    for threads in (1, 2):
        rows += elsewhere(__file__, "timing", threads)
        write("vgg_step", rows, clock=told)  # what is known so far


if __name__ == "__main__":
    main()
