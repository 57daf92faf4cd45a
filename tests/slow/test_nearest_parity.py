"""Our minimum-norm attacks beside independent implementations of the same ones, at equal steps.

The libraries are oracles: nothing of theirs is in the package, and a test whose library is not
installed is skipped (``research/attack_evidence/peers.py`` says which there are).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import nn

from research.attack_evidence.optimality import GEOMETRIES, classic, measured
from research.attack_evidence.peers import adversarial_library, foolbox, seeded
from spikeproof import load
from spikeproof.attacks import DDN, FMN, PDPGD, MinimumNorm, SigmaZero
from spikeproof.base import seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Misclassification, Threat

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

STEPS, ITEMS, TOLERANCE = 100, 200, 1.02
POWERS = {"linf": float("inf"), "l2": 2, "l1": 1, "l0": 0}
FOOLBOX = {"linf": "LInf", "l2": "L2", "l1": "L1", "l0": "L0"}
CASES = [
    *((norm, FMN(steps=STEPS), "margin", "adv_lib fmn") for norm in GEOMETRIES),
    *((norm, FMN(steps=STEPS), "margin", "foolbox FMN") for norm in GEOMETRIES),
    *((norm, PDPGD(steps=STEPS), "margin", "adv_lib pdpgd") for norm in ("linf", "l2", "l1")),
    ("l2", DDN(steps=STEPS), "cross_entropy", "adv_lib ddn"),
    ("l2", DDN(steps=STEPS), "cross_entropy", "foolbox DDN"),
    ("l0", SigmaZero(steps=STEPS), "margin", "adv_lib sigma_zero"),
]


@cache
def trained(name: str) -> nn.Module:
    """A network without spikes on the digits."""
    return classic(name, load("digits"))


@pytest.mark.parametrize("model", ["dense", "conv"])
@pytest.mark.parametrize(
    ("norm", "attack", "loss", "peer"), CASES, ids=[f"{n}-{p}" for n, _, _, p in CASES]
)
def test_the_median_distance_is_no_larger_than_an_independent_one(
    model: str,
    norm: str,
    attack: MinimumNorm,
    loss: str,
    peer: str,
    record_property: Callable[[str, object], None],
) -> None:
    library, kind = peer.split()
    pytest.importorskip(library, reason=f"{library} is not installed; it is the other side")
    power = {"norm": POWERS[norm]} if kind in ("fmn", "pdpgd") else {}
    exact = {"levels": None} if peer == "adv_lib ddn" else {}
    if library == "adv_lib":
        run = adversarial_library(kind, **power, **exact)
    else:
        run = foolbox(f"{FOOLBOX[norm] if kind == 'FMN' else ''}{kind}Attack")
    data = load("digits")
    net, split = trained(model), data.validation[:ITEMS]
    threat = Threat(GEOMETRIES[norm], 1.0, data.domain)
    with Oracle(net) as oracle:
        keys = seeds(0, n=len(split))
        near = attack.nearest(
            oracle, split.x, Misclassification(split.y, loss=loss), threat, seeds=keys
        )
    theirs = measured(net, split, threat, seeded(run)(net, split.x, split.y, STEPS).clamp(0, 1))
    ours = measured(net, split, threat, near.x_adv)
    medians = [float(torch.tensor(d).median()) for d in (ours, theirs)]
    record_property(
        "row",
        {
            "measure": "median distance",
            "network": model,
            "threat": norm,
            "attack": f"{type(attack).__name__}, {loss}",
            "peer": peer,
            "ours": medians[0],
            "theirs": None if medians[1] == float("inf") else medians[1],
            "found": [int((d < float("inf")).sum()) for d in (ours, theirs)],
        },
    )
    assert medians[0] <= TOLERANCE * medians[1]
