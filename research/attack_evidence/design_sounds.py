"""What breaks sounds that ``standard`` leaves standing: which members it lacked there.

The suites were chosen on images alone (``design.py``). Here are networks of sounds, seeds 0 and 1,
of a width that no network of ``zoo.py`` has, and beside them some of events and images, to see
whether they lack the same; validation items, which nothing is judged on. Every candidate attacks
every item that the suite ``standard``, as it is for images, left standing. What it adds, and at how
many passes, decided what the suites hold for sounds.

A cell is one network and threat: one file under ``runs/evidence/design-sounds``, candidate by
candidate. What is there is not measured again. Where all are there,
research/results/design_sounds.json is written.

    python -m research.attack_evidence.design_sounds [NETWORK ...]
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import torch

import spikeproof as sp
from research import RESULTS
from research.attack_evidence import design, networks, zoo
from spikeproof import base
from spikeproof.attacks import (
    APGD,
    FMN,
    PDPGD,
    PGD,
    SAPGD,
    Member,
    Restarts,
    SigmaZero,
    Suite,
    Targeted,
)
from spikeproof.attacks.suite.presets import SUITES
from spikeproof.base import Seeds
from spikeproof.data import Split
from spikeproof.models import Network
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, Backward
from spikeproof.threats import Threat

FOLDER = networks.FOLDER / "design-sounds"
ITEMS = 150
_EVENTS = {**zoo._EVENTS, "width": 8}
_AUDIO = {**zoo._AUDIO, "width": 16}
ENTRIES: dict[str, zoo.Entry] = {
    "audio-plain": zoo.Entry(training="plain", seed=0, part=_AUDIO),
    "audio-sr": zoo.Entry(training="SR", seed=1, part=_AUDIO),
    "audio-at": zoo.Entry(training="AT", seed=0, part=_AUDIO),
    "events-plain": zoo.Entry(training="plain", seed=0, part=_EVENTS),
    "events-sr": zoo.Entry(training="SR", seed=1, part=_EVENTS),
    "digits-sr": zoo.Entry(training="SR", seed=1, part=zoo._small(12, 5)),
}
THREATS = ("linf", "l2", "l1", "l0")
UNDER = {  # others
    "events-plain": ("linf", "l2", "l1"),  # hardly anything stands
    "events-sr": ("linf",),  # reaches found nothing under the first
}
REACHES = (0.41, 0.425, 0.44, 0.455, 0.47, 0.485)
_ARCTAN = Backward(gradient=Surrogate("arctan", sharpness=5.0), reset="detached")
SAPGD_100, APGD_100 = SAPGD(steps=100, stop=True), APGD(steps=100, stop=True)


def _assg(reach: float) -> Backward:
    return Backward(gradient=ASSG(vanishing=reach), reset="detached")


def reaches() -> dict[str, Member]:
    """Reaches of ASSG with the reset detached, two losses, two schedules of steps."""
    kinds = (
        ("sapgd", SAPGD_100, "cross_entropy"),
        ("sapgd", SAPGD_100, "margin"),
        ("apgd", APGD_100, "cross_entropy"),
    )
    return {
        f"{name}, assg {reach:g}, {loss}": Member(attack=attack, gradient=_assg(reach), loss=loss)
        for name, attack, loss in kinds
        for reach in REACHES
    }


def longer() -> dict[str, Member]:
    """More steps, other starts, named rivals, and searches for the nearest boundary."""
    return {
        "sapgd 400 steps, assg 0.41, margin": Member(
            attack=SAPGD(steps=400, stop=True), gradient=_assg(0.41)
        ),
        "apgd 400 steps, assg 0.425, cross_entropy": Member(
            attack=APGD(steps=400, stop=True), gradient=_assg(0.425), loss="cross_entropy"
        ),
        "4 restarts of sapgd, assg 0.41, margin": Member(
            attack=Restarts(attack=SAPGD_100, times=4), gradient=_assg(0.41)
        ),
        "sapgd at 4 rivals, assg 0.41, margin": Member(
            attack=Targeted(attack=SAPGD_100, rivals=4), gradient=_assg(0.41)
        ),
        "sapgd at 9 rivals, assg 0.41, margin": Member(
            attack=Targeted(attack=SAPGD_100, rivals=9), gradient=_assg(0.41)
        ),
        "sapgd at 4 rivals, assg 0.44, margin": Member(
            attack=Targeted(attack=SAPGD_100, rivals=4), gradient=_assg(0.44)
        ),
        "pgd 200 steps, assg 0.41, margin": Member(
            attack=PGD(steps=200, step_size=0.5, last=0.02, stop=True), gradient=_assg(0.41)
        ),
        "apgd 400 steps, arctan-5, margin": Member(
            attack=APGD(steps=400, stop=True), gradient=_ARCTAN
        ),
        "fmn, arctan-5, margin": Member(attack=FMN(steps=100), gradient=_ARCTAN),
        "fmn 300 steps, arctan-5, margin": Member(attack=FMN(steps=300), gradient=_ARCTAN),
        "pdpgd, arctan-5, margin": Member(attack=PDPGD(steps=100), gradient=_ARCTAN),
    }


def counting() -> dict[str, Member]:
    """Where the radius counts: sigma-zero through the network's own surrogate and another one."""
    own = {f"sigma_zero {n} steps, own, margin": SigmaZero(steps=n) for n in (100, 300, 1000)}
    return {
        **{name: Member(attack=attack) for name, attack in own.items()},
        "sigma_zero 300 steps, arctan-5, margin": Member(
            attack=SigmaZero(steps=300), gradient=_ARCTAN
        ),
        "sigma_zero 300 steps, assg 0.41, margin": Member(
            attack=SigmaZero(steps=300), gradient=_assg(0.41)
        ),
    }


def candidates(name: str, threat: str) -> dict[str, Member]:
    """The candidates on a network under a threat, by their names."""
    if threat == "l0":
        return counting()
    return reaches() if name == "events-sr" else {**reaches(), **longer()}


def for_images() -> Suite:
    """The suite ``standard`` without what it holds for sounds alone."""
    whole = SUITES["standard"]
    kept = tuple(member for member in whole.members if member.inputs == "any")
    return replace(whole, members=kept)


def cell(name: str, threat_name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Every candidate on what ``standard`` left of one network under one threat.

    Args:
        name: A key of ``ENTRIES``.
        threat_name: A key of the standard threats.
        known: The cell as an earlier call left it, or nothing; what is in it is not measured again.
    """
    entry = ENTRIES[name]
    model, data = zoo.trained(name, entry, FOLDER), zoo.items_of(entry)
    split, threat = data.validation[:ITEMS], sp.standard_threats(data)[threat_name][1]
    keys = sp.seeds(6, items=split.items)
    found = known or begun(model, split, threat, keys)
    hard = torch.isin(split.items, torch.tensor(found["hard"], dtype=torch.int64))
    at = hard.nonzero().flatten()
    x, y, seeds = split.x[at], split.y[at], keys[at]
    for named, member in candidates(name, threat_name).items():
        if len(at) and named not in found["candidates"]:
            clean = design.margins(model, x, y)
            items = (x, y, clean)
            done = design.attacked(model, items, threat, member, seeds.child(named))
            found["candidates"][named] = done
    code = design.code_of(candidates(name, threat_name).values(), model)
    return {"network": name, "threat": threat_name, **found, "code": code}


def begun(model: Network, split: Split, threat: Threat, keys: Seeds) -> dict[str, Any]:
    """What ``standard`` for images leaves of some items."""
    first = for_images()(model, split.x, split.y, threat, seeds=keys)
    return {
        "radius": threat.radius,
        "items": len(split),
        "passes": [first.passes.forward, first.passes.backward],
        "hard": split.items[~first.won].tolist(),
        "candidates": {},
    }


def main() -> None:
    """Measure the networks named, or all, and store the result when all are there."""
    torch.set_num_threads(1)
    found = []
    for name in sys.argv[1:] or ENTRIES:
        for threat in UNDER.get(name, THREATS):
            path = FOLDER / f"{name}-{threat}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            found.append(cell(name, threat, known))
            base.write_json(path, found[-1])
            print(name, threat, flush=True)
    if not sys.argv[1:]:
        command = "python -m research.attack_evidence.design_sounds"
        path = RESULTS / "design_sounds.json"
        design.store(found, path, benchmark="design_sounds", command=command)


if __name__ == "__main__":
    main()
