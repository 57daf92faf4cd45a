"""Whether `standard` breaks what anything else does, what the usual protocol overestimates, cost.

On the networks of ``networks.py`` (Fashion-MNIST, trained here), test items that no training saw:

1. Dominance: the items that any rival breaks and ``standard`` does not. Rivals: every member with
   gradients alone with five times its steps (or restarts), the four published gradient settings
   with PGD-50 on the cross-entropy, ASSG with SAPGD-100, and what only ``full`` has; then, with
   other draws, Square with 5000 queries (SparseRS under l_0) on what ``standard`` left standing.
2. Overestimation: the network's own surrogate with PGD-10 and PGD-20 on the cross-entropy, against
   ``standard``; intervals given the network.
3. Cost: ``standard`` beside the published protocol (four settings, PGD-50 on every item, worst case
   taken afterwards), one thread, processor time.

A finished network and threat is kept under ``runs/evidence`` and not measured again. The network
with Poisson coding meets fewer items, its rivals average ten draws as ``standard`` does, and 2 and
3 are left out for it: averages cost ten times the passes.

    SPIKEPROOF_DATA=FOLDER python -m research.attack_evidence.dominance [NETWORK ...]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import spikeproof as sp
from benchmarks.harness import write
from research import RESULTS
from research.attack_evidence import networks
from spikeproof.attacks import (
    PGD,
    SAPGD,
    Member,
    Restarts,
    SparseRS,
    Square,
    Suite,
    Targeted,
    suite,
)
from spikeproof.data import Split
from spikeproof.evaluate import open_test, plain_logits
from spikeproof.metrics import Intervals
from spikeproof.models import Direct, Network
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, RGA
from spikeproof.threats import Misclassification, Threat

ITEMS, FEW, MANY = 40, 12, 100
THREATS = {
    "plain-lif": ("linf", "l2", "l1"),
    "sr-lif": ("linf",),
    "at-lif": ("linf", "l2", "l1", "l0"),
    "sr-at-lif": ("linf",),
    "at-if": ("linf",),
    "plain-poisson": ("linf",),
}
_PGD50 = PGD(steps=50, step_size=0.32, stop=True)
_PATHS = (
    Surrogate("triangle", sharpness=1.0),
    Surrogate("sigmoid", sharpness=4.0),
    Surrogate("arctan", sharpness=2.0),
    RGA(),
)
PUBLISHED = tuple(Member(attack=_PGD50, gradient=path, loss="cross_entropy") for path in _PATHS)
ADAPTIVE = Member(attack=SAPGD(steps=100, stop=True), gradient=ASSG(), loss="cross_entropy")


def longer(member: Member) -> Member:
    """The member with five times its steps, or five times its runs."""
    attack = member.attack
    if isinstance(attack, Restarts):
        return replace(member, attack=replace(attack, times=5 * attack.times))
    if isinstance(attack, Targeted):
        inner = attack.attack
        return replace(member, attack=replace(attack, attack=replace(inner, steps=5 * inner.steps)))
    return replace(member, attack=replace(attack, steps=5 * attack.steps))


def rivals(drawing: bool) -> tuple[Member, ...]:
    """Everything that ``standard`` is to dominate."""
    members = suite("standard").members
    own = members[:3] if drawing else members
    rest = () if drawing else suite("full").members[len(members) :]
    slow = (Square, SparseRS)
    return (
        *(longer(m) for m in own if not isinstance(m.attack, slow)),
        *PUBLISHED,
        ADAPTIVE,
        *(m for m in rest if not isinstance(m.attack, slow)),
    )


def left(model: Network, split: Split) -> Split:
    """The items that are right when clean."""
    wrong = Misclassification(split.y).margin(plain_logits(model, split.x, items=split.items)) > 0
    return split[(~wrong).nonzero().flatten()]


def contest(model: Network, split: Split, threat: Threat) -> dict[str, Any]:
    """Dominance on one network and threat."""
    drawing = not isinstance(model.spec.encoder, Direct)
    part = left(model, split)
    keys = sp.seeds(0, items=part.items)
    begun = time.process_time()
    ours = suite("standard")(model, part.x, part.y, threat, seeds=keys.child("standard"))
    spent = time.process_time() - begun
    others = Suite(rivals(drawing))
    fitted = others.fitted(model, part.x)
    theirs = others(model, part.x, part.y, threat, seeds=keys.child("rivals"), every=True)
    broken = theirs.broken
    served = [stat.tried > 0 for stat in theirs.stats]
    standing = (~ours.won).nonzero().flatten()
    square = None
    if len(standing):
        few = part[standing]
        attack = SparseRS(steps=5000) if threat.name == "l0" else Square(steps=5000)
        last = Suite((Member(attack=attack),))
        gained = last(model, few.x, few.y, threat, seeds=keys[standing].child("square"))
        square = int(gained.won.sum())
    anyone = broken.any(0)
    return {
        "threat": threat.name,
        "radius": threat.radius,
        "items": len(split),
        "right": len(part),
        "standard": int(ours.won.sum()),
        "anyone": int(anyone.sum()),
        "missed": int((anyone & ~ours.won).sum()),
        "only_standard": int((ours.won & ~anyone).sum()),
        "members": [
            {"name": member.name, "broke": int(row.sum())}
            for member, row, there in zip(fitted.members, broken, served, strict=True)
            if there
        ],
        "tallies": [
            {"name": member.name, **stat.record()}
            for member, stat in zip(
                suite("standard").fitted(model, part.x).members, ours.stats, strict=True
            )
            if stat.tried
        ],
        "square_gains": square,
        "standard_s": spent,
        "passes": [ours.passes.forward, ours.passes.backward],
    }


def protocol(model: Network, split: Split, threat: Threat) -> dict[str, Any]:
    """Overestimation and cost on one network under l_inf."""
    part = left(model, split)
    keys = sp.seeds(1, items=part.items)
    begun = time.process_time()
    ours = suite("standard")(model, part.x, part.y, threat, seeds=keys.child("standard"))
    spent = time.process_time() - begun
    whole = tuple(replace(m, attack=replace(_PGD50, stop=False)) for m in PUBLISHED)
    begun = time.process_time()
    four = Suite(whole)(model, part.x, part.y, threat, seeds=keys.child("four"), every=True)
    theirs = time.process_time() - begun
    usual = {}
    for steps in (10, 20):
        one = Member(attack=PGD(steps=steps, step_size=2.5 / steps), loss="cross_entropy")
        found = Suite((one,))(model, part.x, part.y, threat, seeds=keys.child("usual", steps))
        usual[f"pgd-{steps}"] = over(found.won, ours.won, len(split))
    return {
        "items": len(split),
        "right": len(part),
        "robust": float((~ours.won).sum()) / len(split),
        "overestimates": usual,
        "four_settings": over(four.won, ours.won, len(split)),
        "standard_s": spent,
        "published_s": theirs,
        "survivors": [int((~ours.won).sum()), int((~four.won).sum())],
    }


def over(won: torch.Tensor, ours: torch.Tensor, n: int) -> dict[str, float]:
    """How many points of accuracy a weaker attack leaves too many, with its 95 % interval."""
    left, fewer = np.zeros((1, n)), np.zeros((1, n))
    left[0, : len(won)], fewer[0, : len(won)] = (~won).numpy(), (~ours).numpy()
    gap = Intervals(1, n).difference(left, fewer)
    robust = 100 * float((~won).sum()) / n
    ends = {"points": 100 * gap.value, "low": 100 * gap.low, "high": 100 * gap.high}
    return {"robust": robust, **ends}


def kept(name: str, measure: Any) -> Any:
    """A result from its file, or measured and stored."""
    path = networks.FOLDER / "dominance" / f"{name}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        found = measure()
        path.write_text(json.dumps(found), encoding="utf-8")
        print(name, {k: v for k, v in found.items() if k not in ("members", "tallies")}, flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def measured(name: str) -> dict[str, Any]:
    """Everything about one network."""
    data = networks.data()
    model = networks.network(name, data)
    ladders = sp.standard_threats(data)
    few = FEW if "poisson" in name else ITEMS
    split = open_test(data, few)
    contests = {
        threat: kept(f"{name}-{threat}", lambda t=threat: contest(model, split, ladders[t][1]))
        for threat in THREATS[name]
    }
    found: dict[str, Any] = {"network": name, "contests": contests}
    if "poisson" not in name:
        whole = open_test(data, MANY)
        usual = kept(f"{name}-protocol", lambda: protocol(model, whole, ladders["linf"][1]))
        found["protocol"] = usual
    return found


def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cost rows in the form that every benchmark has."""
    made = []
    for one in found:
        if "protocol" not in one:
            continue
        usual = one["protocol"]
        ratio = usual["standard_s"] / usual["published_s"]
        made.append(
            {
                "work": f"{one['network']}: standard under l_inf, N = {usual['items']}",
                "against": "four settings, PGD-50",
                "ours_s": usual["standard_s"],
                "theirs_s": usual["published_s"],
                "ratio": ratio,
                "target": 0.25,
                "met": ratio <= 0.25 and usual["survivors"][0] <= usual["survivors"][1],
            }
        )
    return made


def main() -> None:
    """Measure the networks named, or all, and store the result when all are there."""
    torch.set_num_threads(1)
    found = [measured(name) for name in sys.argv[1:] or THREATS]
    if not sys.argv[1:]:
        write("dominance", rows(found), folder=RESULTS, evidence=found)


if __name__ == "__main__":
    main()
