"""What torchattacks says of networks of other libraries, before and after ``sp.adapt``; a suite.

Every network of ``networks.py`` is attacked in evaluation mode by PGD of torchattacks as its user
calls it, whatever comes of that; by the same PGD through ``sp.adapt``; and by a suite of ours. What
each of them claims about its points is judged again by a plain forward pass in double precision
through a network that was just made, so that it holds no state (``judge``).

A cell is one network under one contestant: one file under ``runs/foreign``. What is there is not
measured again, unless the network, the settings or the code behind it changed. ``--record`` stores
all cells in research/results.

    scripts/setup-peers
    SPIKEPROOF_DATA=FOLDER .venv-peers/bin/python -m research.foreign.measure --record
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchattacks
from safetensors.torch import load_file
from torch import Tensor, nn

import spikeproof as sp
from benchmarks.harness import machine, versions
from research import RESULTS
from research.foreign.networks import FOLDER, ITEMS, NETWORKS, Entry, file_of, trained
from spikeproof.adapters.protocol import version_of
from spikeproof.evaluate import open_test
from spikeproof.study.closure import closure_sha256

RADIUS, TEST, STEPS, BATCH = 8 / 255, 60, 40, 20
SUITES = ("standard",)
PACKAGES = ("numpy", "torchattacks", "spikingjelly", "snntorch", "norse")


class Logits(nn.Module):
    """What users write around a network whose answer is a tuple."""

    def __init__(self, net: nn.Module, entry: Entry) -> None:
        super().__init__()
        self.net, self.entry = net, entry

    def forward(self, x: Tensor) -> Tensor:
        return self.entry.logits(self.net(x))


class Reset(Logits):
    """What users of SpikingJelly write when they know that its neurons keep state."""

    def forward(self, x: Tensor) -> Tensor:
        self.entry.reset(self.net)
        return super().forward(x)


def bare(net: nn.Module, entry: Entry, x: Tensor) -> nn.Module:
    """The network itself."""
    return net


def wrapped(net: nn.Module, entry: Entry, x: Tensor) -> nn.Module:
    """The network, its logits taken out by hand."""
    return Logits(net, entry).eval()


def reset(net: nn.Module, entry: Entry, x: Tensor) -> nn.Module:
    """The network, reset by hand before every forward pass."""
    return Reset(net, entry).eval()


def inner_eval(net: nn.Module, entry: Entry, x: Tensor) -> nn.Module:
    """The same around a network in evaluation mode, but nobody said ``eval()`` to what is around.

    torchattacks puts the model back into the mode in which its outermost module was.
    """
    return Reset(net, entry)


def adapted(net: nn.Module, entry: Entry, x: Tensor) -> nn.Module:
    """The network through ``sp.adapt``."""
    return sp.adapt(net, example=x[:8])


WAYS: dict[str, tuple[Callable[..., nn.Module], str]] = {
    "bare": (bare, "PGD(net.eval(), ...)"),
    "wrapped": (wrapped, "PGD(Logits(net).eval(), ...)"),
    "reset": (reset, "PGD(Reset(net).eval(), ...)"),
    "inner-eval": (inner_eval, "PGD(Reset(net.eval()), ...)"),
    "adapted": (adapted, "PGD(sp.adapt(net), ...)"),
}
ASKED = {
    "spikingjelly": ("bare", "inner-eval", "reset", "adapted"),
    "snntorch": ("bare", "wrapped", "adapted"),
    "norse": ("bare", "wrapped", "adapted"),
    "plain torch": ("bare", "adapted"),
}


@dataclass
class Field:
    """One network, the items that it is attacked on, and which of them it answers right."""

    name: str
    x: Tensor
    y: Tensor

    @property
    def entry(self) -> Entry:
        """Its library, and how its user reads it."""
        return NETWORKS[self.name]

    def net(self) -> nn.Module:
        """The trained network in evaluation mode, from its file every time: attacks change them."""
        net = self.entry.make()
        net.load_state_dict(load_file(file_of(self.name)))
        return net.eval()

    def judged(self, x: Tensor) -> tuple[Tensor, int]:
        """Which points are answered right in double precision, and how many answers are ties.

        The network is made anew for every batch, so no state is in it; a tie counts as wrong. No
        code of the package is used.
        """
        right, ties = [], 0
        for points, labels in zip(x.split(BATCH), self.y.split(BATCH), strict=True):
            net = self.net().double()
            for module in net.modules():
                module.register_forward_pre_hook(_in_double)  # snnTorch's spikes are single
            with torch.no_grad():
                logits = self.entry.logits(net(points.double()))
            own = logits.gather(1, labels[:, None])[:, 0]
            others = logits.scatter(1, labels[:, None], -torch.inf).max(1).values
            right.append(own > others)
            ties += int((own == others).sum())
        return torch.cat(right), ties

    def verdict(self, points: Tensor) -> dict[str, Any]:
        """What the judge says of adversarial points beside the clean items."""
        legal = (points - self.x).abs().amax((1, 2, 3)) <= RADIUS + 1e-6
        legal &= (points >= 0).flatten(1).all(1) & (points <= 1).flatten(1).all(1)
        clean, (found, ties) = self.judged(self.x)[0], self.judged(points)
        return {
            "robust": _bits(clean & (found | ~legal)),
            "illegal": int((~legal).sum()),
            "ties": ties,
        }


def _in_double(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Inputs in double precision, for layers that have weights."""
    return tuple(
        one.double() if isinstance(one, Tensor) and one.is_floating_point() else one
        for one in given
    )


def _bits(marks: Any) -> str:
    """One character per item."""
    return "".join("1" if mark else "0" for mark in marks.tolist())


def torchattacks_says(field: Field, way: str) -> dict[str, Any]:
    """PGD of torchattacks on batches, and the share of points that its user sees answered right."""
    entry, (make, call) = field.entry, WAYS[way]
    net = field.net()
    asked = make(net, entry, field.x)
    read = entry.logits if way == "bare" else lambda out: out
    attack = torchattacks.PGD(asked, eps=RADIUS, alpha=RADIUS / 10, steps=STEPS)
    clean, right, points = [], [], []
    record: dict[str, Any] = {"call": call, "exception": None}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for x, y in zip(field.x.split(BATCH), field.y.split(BATCH), strict=True):
                with torch.no_grad():
                    clean.append(read(asked(x)).argmax(1) == y)
                points.append(attack(x, y))
                with torch.no_grad():
                    right.append(read(asked(points[-1])).argmax(1) == y)
    except Exception as problem:  # whatever a user would meet
        record["exception"] = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
        return record
    both = torch.cat(clean) & torch.cat(right)
    kept = [name for name, module in net.named_modules() if _keeps(module)]
    found = {"clean": _bits(torch.cat(clean)), "robust": _bits(both)}
    return {
        **record,
        "user": found,
        "judge": field.verdict(torch.cat(points)),
        "state_left": kept,
        "training": [name for name, module in net.named_modules() if name and module.training],
    }


def _keeps(module: nn.Module) -> bool:
    """Whether a neuron holds a membrane of a batch."""
    v = getattr(module, "v", None)
    return isinstance(v, Tensor) and v.ndim > 1


def suite_says(field: Field, suite: str) -> dict[str, Any]:
    """``sp.robust_accuracy`` through ``sp.adapt``, with its flags and the reading."""
    net = sp.adapt(field.net(), example=field.x[:8])
    found = sp.robust_accuracy(net, field.x, field.y, threats="linf:8/255", suite=suite)
    (points,), (broken,) = found.x_adv.values(), found.success.values()
    (outcome,) = found.audit.outcomes
    return {
        "call": f'sp.robust_accuracy(sp.adapt(net), x, y, suite="{suite}")',
        "exception": None,
        "user": {"clean": _bits(found.correct), "robust": _bits(~broken & found.correct)},
        "judge": field.verdict(torch.as_tensor(points)),
        "withheld": list(found.audit.withheld),
        "flags": [flag.record() for flag in found.flags],
        "reading": net.reading.record(),
        "not_run": [str(one) for one in outcome.not_run],
        "passes": [found.passes.forward, found.passes.backward],
    }


def code() -> str:
    """One hash of all code of the package that a cell can reach."""
    roots = [
        ("spikeproof.evaluate.front", "robust_accuracy"),
        ("spikeproof.adapters.adapt", "adapt"),
        ("spikeproof.attacks.suite.presets", "SUITES"),
    ]
    return closure_sha256(roots)[:16]


def measured(
    field: Field, what: str, run: Callable[[], dict[str, Any]], *, stored_only: bool
) -> dict[str, Any] | None:
    """A cell from its file, or measured now and written; None where only stored ones count."""
    about = {
        "network": hashlib.sha256(file_of(field.name).read_bytes()).hexdigest()[:16],
        "radius": RADIUS,
        "items": TEST,
        "steps": STEPS,
        "code": code() if what not in ("bare", "wrapped", "reset", "inner-eval") else "",
        "batch": BATCH,
    }
    path = FOLDER / f"{field.name.replace(' ', '-')}.{what}.json"
    if path.exists():
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if stored["about"] == about:
            return stored
    if stored_only:
        return None
    begun = time.process_time()
    found = {"about": about, "contestant": what, **run()}
    found["seconds"] = round(time.process_time() - begun, 1)
    _write(path, found)
    told = found["exception"] or found["user"]["robust"].count("1")
    print(f"{field.name} {what}: {told}, {found['seconds']} s", flush=True)
    return found


def measure(name: str, suites: list[str], *, stored_only: bool) -> dict[str, Any]:
    """All cells of one network."""
    data = sp.load("fashion-mnist")
    test = open_test(data, TEST)
    trained(name, data.train.x[:ITEMS], data.train.y[:ITEMS])
    field = Field(name, test.x, test.y)
    clean, ties = field.judged(field.x)
    net = field.net()
    with torch.no_grad():
        single = field.entry.logits(net(field.x)).argmax(1) == field.y
    work: dict[str, Callable[[], dict[str, Any]]] = {
        **{way: partial(torchattacks_says, field, way) for way in ASKED[name]},
        **{suite: partial(suite_says, field, suite) for suite in suites},
    }
    cells = [measured(field, what, run, stored_only=stored_only) for what, run in work.items()]
    return {
        "network": name,
        "why": field.entry.why,
        "clean": {"judge": _bits(clean), "ties": ties, "single": _bits(single)},
        "parameters": sum(p.numel() for p in net.parameters()),
        "cells": [cell for cell in cells if cell is not None],
    }


def _write(path: Path, content: Any) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def main() -> None:
    """Measure what is not there yet."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    made.add_argument(
        "--suites", nargs="+", default=list(SUITES), choices=("quick", "core", *SUITES)
    )
    made.add_argument("--record", action="store_true", help="store all in research/results")
    made.add_argument("--stored", action="store_true", help="measure nothing that is not there")
    chosen = made.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    rows = [measure(name, chosen.suites, stored_only=chosen.stored) for name in chosen.networks]
    if not chosen.record:
        return
    arguments = " ".join(sys.argv[1:])
    content = {
        "benchmark": "foreign",
        "command": f"python -m research.foreign.measure {arguments}".strip(),
        "machine": machine(),
        "versions": {**versions(), **{name: version_of(name) for name in PACKAGES}},
        "settings": {
            "radius": RADIUS, "items": TEST, "steps": STEPS, "batch": BATCH,
            "suites": chosen.suites,
            "training_items": ITEMS,
        },
        "rows": rows,
    }  # fmt: skip
    _write(RESULTS / "foreign.json", content)


if __name__ == "__main__":
    main()
