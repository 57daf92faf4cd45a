"""Which candidate member breaks which hard item, and at how many passes: what the suites rest on.

Split: suites were chosen on the networks here, small ones of Fashion-MNIST (``networks.py``) and
three of digits, all with seed 0. They are judged on the networks of ``zoo.py``, none of which was
looked at before. A hard item is right when clean and stands after one cheap member (PGD with large
falling steps, Swap where features are counted). Every candidate attacks every hard item, so it is
known what each would add to any others, and which share of the clean margin was left of an item
that a later candidate broke.

A cell is one network and threat: one file under ``runs/evidence/design``. What is there is not
measured again. Where all are there, research/results/design.json is written.

    SPIKEPROOF_DATA=FOLDER python -m research.attack_evidence.design [NETWORK ...]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import spikeproof as sp
from benchmarks.harness import machine, versions
from research import RESULTS
from research.attack_evidence import networks
from spikeproof.attacks import (
    APGD,
    FMN,
    PGD,
    SAPGD,
    Attack,
    Countdown,
    Member,
    Restarts,
    SparseRS,
    Square,
    Suite,
    Swap,
    Targeted,
)
from spikeproof.data import Dataset
from spikeproof.evaluate import open_test
from spikeproof.models import Network, load_model
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, Backward
from spikeproof.study.closure import closure_sha256
from spikeproof.threats import Threat
from spikeproof.train import TrainingSettings

FOLDER = networks.FOLDER / "design"
FASHION = ("plain-lif", "sr-lif", "at-lif", "sr-at-lif", "at-if")
# Name -> (training, neuron); digits, 15 epochs.
DIGITS: dict[str, tuple[str, sp.LIF | None]] = {
    "digits-at": ("AT", None),
    "digits-sr": ("SR", None),
    "digits-at-if": ("AT", sp.LIF(leak=1.0)),
}
THREATS = ("linf", "l2", "l1", "l0")
# Test items, and hard ones of them at most.
OF_FASHION, OF_DIGITS = (80, 40), (120, 60)
RULES = {
    "arctan-5": Surrogate("arctan", sharpness=5.0),
    "arctan-2": Surrogate("arctan", sharpness=2.0),
    "triangle-1": Surrogate("triangle", sharpness=1.0),
    "assg .455": ASSG(vanishing=0.455),
    "assg .425": ASSG(vanishing=0.425),
}
LARGE = PGD(steps=40, step_size=0.5, last=0.2, stop=True)
SWAP = Swap(steps=40, share=0.8, noise=0.2, stop=True)
ATTACKS: dict[str, Attack] = {
    "pgd": LARGE,
    "apgd": APGD(steps=100, stop=True),
    "sapgd": SAPGD(steps=100, stop=True),
    "fmn": FMN(steps=100),
    "4 restarts of pgd": Restarts(attack=LARGE, times=4),
    "pgd at 9 rivals": Targeted(attack=LARGE, rivals=9),
    "swap": SWAP,
    "countdown": Countdown(),
    "square 2000": Square(steps=2000),
    "sparse_rs 2000": SparseRS(steps=2000),
}
# (attack, rule, loss); tried with the reset kept and detached.
BOTH = (
    ("pgd", "arctan-5", "margin"),
    ("pgd", "triangle-1", "margin"),
    ("apgd", "arctan-5", "cross_entropy"),
    ("apgd", "arctan-5", "margin"),
    ("sapgd", "assg .455", "cross_entropy"),
    ("fmn", "arctan-5", "margin"),
    ("4 restarts of pgd", "arctan-5", "margin"),
)
DETACHED = (
    ("pgd", "arctan-2", "margin"),
    ("pgd", "assg .455", "margin"),
    ("apgd", "assg .455", "cross_entropy"),
    ("sapgd", "arctan-5", "cross_entropy"),
    ("sapgd", "assg .425", "cross_entropy"),
    ("sapgd", "assg .455", "margin"),
    ("pgd at 9 rivals", "arctan-5", "margin"),
)
COUNTED = (
    ("swap", "arctan-5", "margin"),
    ("swap", "triangle-1", "margin"),
    ("swap", "assg .455", "margin"),
    ("countdown", "arctan-5", "margin"),
    ("pgd", "arctan-5", "margin"),
    ("sapgd", "assg .455", "cross_entropy"),
)


def candidates(threat: str) -> dict[str, Member]:
    """The candidates under a threat by their names, the reset last."""
    counted = threat == "l0"
    told = {"kept": COUNTED if counted else BOTH}
    told["detached"] = COUNTED if counted else (*BOTH, *DETACHED)
    found = {
        f"{attack}, {rule}, {loss}, {reset}": Member(
            attack=ATTACKS[attack],
            gradient=Backward(gradient=RULES[rule], reset=reset),
            loss=loss,
        )
        for reset, each in told.items()
        for attack, rule, loss in each
    }
    search = "sparse_rs 2000" if counted else "square 2000"
    return {**found, search: Member(attack=ATTACKS[search])}


def first(threat: str) -> Member:
    """The cheap member that hard items withstood."""
    attack = SWAP if threat == "l0" else LARGE
    return Member(attack=attack, gradient=Backward(gradient=RULES["arctan-5"], reset="detached"))


def load(name: str) -> tuple[Network, Dataset]:
    """A network of the design set, from its file or trained now, and its data."""
    if name in FASHION:
        whole = networks.data()
        return networks.network(name, whole), whole
    training, neuron = DIGITS[name]
    data, path = sp.load("digits"), networks.FOLDER / f"{name}.safetensors"
    if path.exists():
        loaded: Network = load_model(path)
        return loaded, data
    more = {} if neuron is None else {"neuron": neuron}
    model = sp.build("cnn-small", data, timesteps=4, width=12, seed=0, **more)
    terms: dict[str, Any] = {"error": (1.0, sp.CrossEntropy())}
    inputs = []
    if training == "AT":
        threat = sp.standard_threats(data)["linf"][1]
        inputs = [sp.Adversarial(sp.PGD(steps=3, step_size=0.5), threat)]
    else:
        terms["sparse"] = (networks.SPARSE, sp.SparseGradient())
    objective = sp.Objective(terms, *inputs)
    settings = TrainingSettings(batch_size=64, learning_rate=5e-3)
    sp.fit(model, data, objective, epochs=15, settings=settings, progress=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sp.save_model(model, path)
    return model, data


def cell(name: str, threat_name: str) -> dict[str, Any]:
    """Every candidate on the hard items of one network under one threat."""
    model, data = load(name)
    items, most = OF_FASHION if name in FASHION else OF_DIGITS
    split, threat = open_test(data, items), sp.standard_threats(data)[threat_name][1]
    keys = sp.seeds(5, items=split.items)
    easy = Suite((first(threat_name),))(model, split.x, split.y, threat, seeds=keys)
    with torch.no_grad():
        right = int((model(split.x).argmax(1) == split.y).sum())
    hard = (~easy.won).nonzero().flatten()[:most]
    x, y, seeds = split.x[hard], split.y[hard], keys[hard]
    clean = margins(model, x, y)
    found = {
        named: attacked(model, (x, y, clean), threat, member, seeds.child(named))
        for named, member in candidates(threat_name).items()
    }
    return {
        "network": name,
        "threat": threat_name,
        "radius": threat.radius,
        "items": len(split),
        "right": right,
        "hard": split.items[hard].tolist(),
        "candidates": found,
        "code": code_of(candidates(threat_name).values(), model),
    }


def margins(model: Network, x: Tensor, y: Tensor) -> Tensor:
    """Margins of some inputs, positive where they are wrong."""
    with torch.no_grad():
        found: Tensor = sp.Misclassification(y).margin(model(x))
    return found


def attacked(
    model: Network, items: tuple[Tensor, Tensor, Tensor], threat: Threat, member: Member, seeds: Any
) -> dict[str, Any]:
    """What one candidate did to each hard item, alone."""
    x, y, clean = items
    begun = time.process_time()
    result = Suite((member,))(model, x, y, threat, seeds=seeds)
    seconds = time.process_time() - begun
    left = margins(model, result.x_adv, y) / clean
    return told(result.won, left, [result.passes.forward, result.passes.backward], seconds)


def told(won: Any, left: Any, passes: list[int], seconds: float) -> dict[str, Any]:
    """Of each hard item whether it broke (0 or 1) and which share of its clean margin was left."""
    return {
        "broke": "".join("1" if one else "0" for one in won.tolist()),
        "left": [round(float(one), 3) for one in left.tolist()],
        "passes": passes,
        "seconds": round(seconds, 1),
    }


def code_of(members: Iterable[Member], model: Network) -> str:
    """One hash over all code that the candidates can reach."""
    parts = [type(one) for member in members for one in _parts(member)]
    roots = {(part.__module__, part.__name__) for part in (Suite, type(model.body), *parts)}
    return closure_sha256(sorted(roots))[:16]


def _parts(member: Member) -> list[object]:
    """A candidate's algorithm and rule, and what these wrap."""
    inner = [getattr(member.attack, "attack", None), getattr(member.gradient, "gradient", None)]
    return [one for one in (member.attack, member.gradient, *inner) if one is not None]


def store(cells: list[dict[str, Any]], path: Path = RESULTS / "design.json", **more: Any) -> None:
    """All cells in one file, one cell a line."""
    content = {
        "benchmark": "design",
        "command": "python -m research.attack_evidence.design",
        "machine": machine(),
        "versions": versions(),
        **more,
    }
    lines = ",\n".join(json.dumps(one) for one in cells)
    text = json.dumps(content, indent=1, sort_keys=True).removesuffix("\n}")
    part = path.with_suffix(".part")
    part.write_text(f'{text},\n "evidence": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    part.replace(path)


def main() -> None:
    """Measure the networks named, or all, and store the result when all are there."""
    torch.set_num_threads(1)
    names, found = sys.argv[1:] or [*FASHION, *DIGITS], []
    for name in names:
        for threat in THREATS:
            path = FOLDER / f"{name}-{threat}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(cell(name, threat)), encoding="utf-8")
                print(name, threat, flush=True)
            found.append(json.loads(path.read_text(encoding="utf-8")))
    if not sys.argv[1:]:
        store(found)


if __name__ == "__main__":
    main()
