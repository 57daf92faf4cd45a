"""How near the best known adversarial point each minimum-norm attack comes, per norm.

Optimality is 1 - (area - best) / (clean * most - best) over the security curves: 1 for the best
known distances, 0 for no success. "Best known" is the union of everything that ran here: ours, and
the attacks of ``peers.py`` whose libraries are installed; without them ours are measured
against each other, which says less, and the result says so. Two networks without spikes and three
with, trained here on the embedded digits (seed 0); test items that no training saw. The libraries
attack the spiking networks through plain autograd, which is each network's own surrogate. All
points are measured again here: distance, range, and a wrong class in the plain forward pass. An
item that is wrong when clean has distance 0 where an attack leaves it alone, as ours do.

Per norm one procedure of ours is named, the same on every network, beside the union of ours. They
were named after dense, conv and plain had been measured, and before SR and AT.

A finished network is kept under ``runs/evidence`` and not measured again; names as arguments
choose.

    python -m research.attack_evidence.optimality [NETWORK ...]
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

import spikeproof as sp
from benchmarks.harness import target, write
from research import RESULTS
from research.attack_evidence.networks import FOLDER
from research.attack_evidence.peers import installed, peers, seeded
from spikeproof.attacks import DDN, FMN, PDPGD, Countdown, MinimumNorm, SigmaZero
from spikeproof.base import Seeds
from spikeproof.data import Dataset, Split
from spikeproof.evaluate import open_test, plain_logits
from spikeproof.metrics import attack_optimality
from spikeproof.models import load_model
from spikeproof.neurons import Surrogate
from spikeproof.oracle import GradientRule
from spikeproof.threats import L0, L1, L2, Geometry, Linf, Misclassification, Threat
from spikeproof.train import TrainingSettings

ITEMS, STEPS, TARGET = 100, 100, 0.95
GEOMETRIES: dict[str, Geometry] = {"linf": Linf(), "l2": L2(), "l1": L1(), "l0": L0()}
# A radius at which nothing stands.
MOST = {"linf": 1.0, "l2": 8.0, "l1": 64.0, "l0": 64.0}
SPIKING = ("plain", "SR", "AT")
NETWORKS = ("dense", "conv", *SPIKING)
RIVALS = 4
TOWARDS = f"FMN towards {RIVALS} rivals"
PICKS = {"linf": TOWARDS, "l2": TOWARDS, "l1": TOWARDS, "l0": "Countdown"}
Distances = npt.NDArray[np.float64]
ARCTAN = Surrogate("arctan", sharpness=5.0)


def trained(name: str, data: Dataset) -> nn.Module:
    """A network by its name; those with spikes are kept under ``runs/evidence``."""
    if name in ("dense", "conv"):
        return classic(name, data)
    path = FOLDER / f"digits-{name}.safetensors"
    if path.exists():
        kept: nn.Module = load_model(path)
        return kept.eval()
    terms: dict[str, Any] = {"error": (1.0, sp.CrossEntropy())}
    if name == "SR":
        terms["sparse"] = (0.1, sp.SparseGradient())
    near = sp.Adversarial(sp.PGD(steps=2, step_size=0.7), sp.standard_threats(data)["linf"][1])
    objective = sp.Objective(terms, near) if name == "AT" else sp.Objective(terms)
    model = sp.build("cnn-small", data, neuron=sp.LIF(leak=0.5), timesteps=4, width=8, seed=0)
    settings = TrainingSettings(batch_size=64, learning_rate=5e-3)
    sp.fit(model, data, objective, epochs=10, seed=0, settings=settings, progress=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sp.save_model(model, path)
    return model.eval()


def classic(name: str, data: Dataset) -> nn.Module:
    """A network without spikes, trained plainly for 15 epochs."""
    torch.manual_seed(0)
    body: list[nn.Module] = [nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128)]
    if name == "conv":
        body = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()]
        body += [nn.Flatten(), nn.Linear(512, 128)]
    model = nn.Sequential(*body, nn.ReLU(), nn.Linear(128, 10))
    adam = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(15):
        for batch in torch.randperm(len(data.train)).split(64):
            adam.zero_grad()
            loss = functional.cross_entropy(model(data.train.x[batch]), data.train.y[batch])
            loss.backward()
            adam.step()
    return model.eval()


def ours(norm: str, spiking: bool) -> dict[str, tuple[MinimumNorm, GradientRule | None, int]]:
    """Our attacks under a norm: attack, gradient rule, number of rivals."""
    path = ARCTAN if spiking else None
    found: dict[str, tuple[MinimumNorm, GradientRule | None, int]] = {
        TOWARDS: (FMN(steps=STEPS), path, RIVALS),
        "FMN": (FMN(steps=STEPS), None, 0),
    }
    if norm != "l0":
        found["PDPGD"] = (PDPGD(steps=STEPS), path, 0)
    if norm == "l2":
        found["DDN"] = (DDN(steps=STEPS), path, 0)
    if norm == "l0":
        found |= {
            "SigmaZero": (SigmaZero(steps=STEPS), path, 0),
            "Countdown": (Countdown(), path, 0),
        }
    return found


def nearest(
    model: nn.Module,
    split: Split,
    threat: Threat,
    run: tuple[MinimumNorm, GradientRule | None, int],
) -> Tensor:
    """The nearest points of one of our attacks, towards each rival in one batch if it has some."""
    attack, path, rivals = run
    n, keys = len(split), sp.seeds(0, items=split.items)
    with sp.Oracle(model, gradient=path) as oracle:
        if not rivals:
            goal = Misclassification(split.y)
            return attack.nearest(oracle, split.x, goal, threat, seeds=keys).x_adv
        others = oracle.logits(split.x).scatter(1, split.y[:, None], -math.inf)
        aims = others.sort(dim=1, descending=True).indices[:, :rivals]
        every = Seeds(torch.cat([keys.child("rival", k).values for k in range(rivals)]))
        goal = Misclassification(split.y.repeat(rivals), rival=aims.T.flatten())
        x = split.x.repeat(rivals, *[1] * (split.x.ndim - 1))
        near = attack.nearest(oracle, x, goal, threat, seeds=every)
    best = near.distance.view(rivals, n).argmin(0)
    return near.x_adv[best * n + torch.arange(n)]


def measured(model: nn.Module, split: Split, threat: Threat, x_adv: Tensor) -> Distances:
    """The distance of each point; inf where it is out of range or its class is right."""
    legal = threat.domain.contains(x_adv)
    wrong = plain_logits(model, x_adv).argmax(1) != split.y
    distance = threat.distance(x_adv, split.x)
    return torch.where(wrong & legal, distance, torch.full_like(distance, math.inf)).numpy()


def distances(
    model: nn.Module, split: Split, threat: Threat, spiking: bool
) -> tuple[dict[str, Distances], dict[str, float]]:
    """What each attack found, and its processor time in seconds."""
    norm, found, spent = threat.name, {}, {}
    work: dict[str, Callable[[], Tensor]] = {
        f"ours {name}": partial(nearest, model, split, threat, run)
        for name, run in ours(norm, spiking).items()
    }
    if installed():
        for name, make in peers(norm, MOST[norm]).items():
            if name.split()[0] in installed():
                work[name] = partial(seeded(make()), model, split.x, split.y, STEPS)
    for name, call in work.items():
        begun = time.process_time()
        x_adv = call().detach()
        spent[name] = time.process_time() - begun
        x_adv = torch.where(x_adv.isfinite(), x_adv, split.x)
        # Libraries leave the range by a rounding error; what is further out does not count.
        inside = x_adv.clamp(0, 1)
        x_adv = torch.where((x_adv - inside).abs() < 1e-6, inside, x_adv)
        found[name] = measured(model, split, threat, x_adv)
    return found, spent


def contest(model: nn.Module, split: Split, threat: Threat, spiking: bool) -> dict[str, Any]:
    """Optimality of every attack under one norm and of the union of ours."""
    found, spent = distances(model, split, threat, spiking)
    best = np.min(list(found.values()), axis=0)
    own = np.min([d for name, d in found.items() if name.startswith("ours ")], axis=0)
    most = float(best[np.isfinite(best)].max())
    found["union of ours"] = own
    scores = {name: attack_optimality(d, best, most) for name, d in found.items()}
    return {
        "norm": threat.name,
        "items": len(split),
        "median": float(np.median(best)),
        "most": most,
        "nearest_ours": int((own <= best * (1 + 1e-3)).sum()),
        "attacks": {
            name: {
                "optimality": scores[name],
                "median": None if np.isinf(np.median(d)) else float(np.median(d)),
                "found": int(np.isfinite(d).sum()),
                "seconds": spent.get(name),
            }
            for name, d in found.items()
        },
    }


def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per network and norm: the named attack and the union of ours, judged."""
    made = []
    for one in found:
        for norm, c in one["contests"].items():
            pick = c["attacks"][f"ours {PICKS[norm]}"]["optimality"]
            ours = c["attacks"]["union of ours"]["optimality"]
            row = {"network": one["network"], "norm": norm, "attack": PICKS[norm], "pick": pick}
            made.append({**row, "ours": ours, "target": TARGET, "met": min(pick, ours) >= TARGET})
    return made


def main() -> None:
    """Measure what is not there yet, and store everything."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the libraries warn about themselves
    data = sp.load("digits")
    split = open_test(data, ITEMS)
    folder = FOLDER / "optimality" / ("-".join(installed()) or "ours")
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    chosen = sys.argv[1:] or NETWORKS
    for name in chosen:
        path = folder / f"{name}.json"
        if not path.exists():
            model = trained(name, data)
            right = (plain_logits(model, split.x).argmax(1) == split.y).double().mean()
            contests = {}
            for norm, geometry in GEOMETRIES.items():
                threat = Threat(geometry, MOST[norm], data.domain)
                contests[norm] = contest(model, split, threat, name in SPIKING)
                print(name, norm, contests[norm]["most"], flush=True)
            one = {"network": name, "clean": float(right), "contests": contests}
            path.write_text(json.dumps(one), encoding="utf-8")
        found.append(json.loads(path.read_text(encoding="utf-8")))
    lacking = [name for name in NETWORKS if name not in chosen]
    more = {"libraries": installed(), "steps": STEPS, "unmeasured": lacking}
    scores = rows(found)
    write("optimality", [], folder=RESULTS, scores=scores, evidence=found, **more)
    for row in scores:
        print(
            f"  {row['network']:<8} {row['norm']:<5} one attack {row['pick']:.3f}  "
            f"all of ours {row['ours']:.3f}  {target(row)}"
        )


if __name__ == "__main__":
    main()
