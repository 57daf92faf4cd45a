"""Which flags healthy networks raise under ``quick``, and whether what they say holds.

A healthy network is one whose numbers mean what they say: its answer depends on one item and
nothing else, its logits are logits, its gradient is that of its surrogates. The judged networks of
``zoo.py`` but those of Fashion-MNIST, two of digits-av that are trained here, a plain torch network
without spikes, and one that draws its Poisson spikes from torch's own generator, whose flags are
expected. A *stop* that is not expected is a false alarm. A flag from after the attacks says that
the share that stands is too high: it holds where ``standard`` breaks, at the middle radius of the
ladder, at least one of the first 8 items that ``quick`` left there (``--check``).

No threshold of a check was chosen by these networks. One network is one file under
``runs/false-alarms``, measured again where network, settings or the code behind it changed.
``--record`` stores them in research/results. A quarter of an hour on one core, networks of the zoo
not counted; ``--ladders linf`` takes a fourth of it.

    python -m research.attack_evidence.false_alarms --check --record
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import spikeproof as sp
from benchmarks.harness import machine, versions
from research import RESULTS, ROOT
from research.attack_evidence import zoo
from research.attack_evidence.zoo import ZOO, Entry, training_of
from spikeproof.base import write_json
from spikeproof.data import Dataset
from spikeproof.evaluate import Audit, Flag, Outcome, audit, evaluate_ladder, open_test
from spikeproof.models import load_model, model_digest
from spikeproof.study import DataPlan, job_of, load_plan, network_of, training_items
from spikeproof.study.closure import closure_sha256
from spikeproof.train import CrossEntropy, Objective, TrainingSettings

FOLDER = ROOT / "runs" / "false-alarms"
ITEMS, DRAWS, SEED = 48, 2, 0
CHECKED, CHECKED_BY = 8, "standard"
AFTER = ("gradient-free-wins", "radius", "rising")


def _av(training: str, seed: int, **network: Any) -> Entry:
    """A small network of both senses, with the demo's model and threats."""
    (part,) = [part for part in load_plan("demo").data if part.name == "digits-av"]
    named = ("name", "model", "width", "timesteps", "epochs", "batch_size", "learning_rate")
    fields = {name: getattr(part, name) for name in named}
    return Entry(training=training, seed=seed, part={**fields, "epochs": 4}, network=network)


class Relu(nn.Module):
    """No spikes: nothing in it obeys a gradient rule, which a flag says."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.body(x)
        return answer


class OwnPoisson(Relu):
    """Spikes drawn from torch's own generator, as one writes it by hand, straight through."""

    def forward(self, x: Tensor) -> Tensor:
        drawn = (torch.rand(8, *x.shape) < x).to(x.dtype)
        steps = drawn + (x - x.detach())
        answer: Tensor = torch.stack([self.body(step) for step in steps]).mean(0)
        return answer


OWN: dict[str, Entry] = {
    "av-plain-lif": _av("plain", 40),
    "av-at-if": _av("AT", 41, neuron={"kind": "if"}),
}
PLAIN: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...]]] = {
    "digits-relu": (Relu, ("rules",)),
    "digits-own-poisson": (OwnPoisson, ("randomness", "torch-generator", "rules")),
}
ZOOED = [name for name in ZOO if not name.startswith("fashion")]
NETWORKS = (*ZOOED, *OWN, *PLAIN)


def loaded(name: str) -> tuple[nn.Module, Dataset]:
    """A trained network, from its file or trained now, and its data."""
    if name in ZOO:
        return zoo.network(name), zoo.items(name)
    path = FOLDER / f"{name}.safetensors"
    if name in OWN:
        entry = OWN[name]
        data = training_items(sp.load(entry.data), None, None)
        if not path.exists():
            part, training = DataPlan(**entry.part), training_of(entry)
            job = job_of(part, training, data, seed=entry.seed)
            model = network_of(part, training, data, seed=entry.seed)
            sp.fit(
                model, data, job.objective, epochs=job.epochs, seed=job.seed,
                settings=job.settings, augment=job.augment, progress=False,
            )  # fmt: skip
            sp.save_model(model, path)
        return load_model(path), data
    data = sp.load("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        plain = PLAIN[name][0]()
        if name == "digits-own-poisson":
            warnings.simplefilter("ignore")
        settings = TrainingSettings(batch_size=64, learning_rate=5e-3)
        objective = Objective({"error": (1.0, CrossEntropy())})
        sp.fit(plain, data, objective, epochs=15, seed=SEED, settings=settings, progress=False)
    return plain.eval(), data


def code() -> str:
    """One hash of all code of the package that the checks and the attacks can reach."""
    roots = [
        ("spikeproof.evaluate.diagnose.before", "flags_before"),
        ("spikeproof.evaluate.diagnose.after", "review"),
        ("spikeproof.evaluate.diagnose.serve", "served"),
        ("spikeproof.evaluate.ladder", "evaluate_ladder"),
        ("spikeproof.attacks.suite.presets", "SUITES"),
    ]
    return closure_sha256(roots)[:16]


def checked(model: nn.Module, data: Dataset, quick: Outcome) -> dict[str, Any]:
    """How many of the first items that ``quick`` left the larger suite breaks, one radius."""
    begun = time.process_time()
    left = (~quick.broken[quick.middle]).nonzero()[0][:CHECKED]
    if not len(left):
        return {"standing": 0, "more": 0, "seconds": 0.0}
    split = open_test(data, ITEMS)[torch.from_numpy(left)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        larger = evaluate_ladder(
            model, split, quick.ladder[quick.middle], CHECKED_BY, seed=SEED, draws=DRAWS
        )
    more = int(larger.broken[0].sum())
    seconds = round(time.process_time() - begun, 1)
    return {"standing": len(left), "more": more, "seconds": seconds}


def judged(
    model: nn.Module, data: Dataset, found: Audit, expected: tuple[str, ...], *, check: bool
) -> list[Any]:
    """Every flag with whether it is expected, or holds."""
    rows = []
    for flag in found.flags or ():
        row: dict[str, Any] = {**flag.record(), "expected": flag.name in expected}
        if flag.name in AFTER:
            outcome = _ladder_of(flag, found)
            row["threat"] = outcome.name
            if check:
                row["check"] = checked(model, data, outcome)
        rows.append(row)
    return rows


def _ladder_of(flag: Flag, found: Audit) -> Outcome:
    """The ladder that a flag from after the attacks speaks of."""
    said = [one for one in found.outcomes if flag.seen.startswith(f"Under {one.name}")]
    return max(said, key=lambda one: len(one.name))


def measured(name: str, ladders: Sequence[str], *, check: bool) -> dict[str, Any]:
    """A network from its file under runs, or measured now and written."""
    model, data = loaded(name)
    threats = [one for key in ladders for one in sp.standard_threats(data)[key]]
    about = {
        "network_sha256": model_digest(model)[:16],
        "items": ITEMS,
        "draws": DRAWS,
        "seed": SEED,
        "suite": "quick",
        "ladders": list(ladders),
        "checked": CHECKED,
        "checked_by": CHECKED_BY,
        "code": code(),
    }
    path = FOLDER / f"{name}.json"
    if path.exists():
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        unchecked = any("check" not in f for f in stored["flags"] if f["name"] in AFTER)
        if stored["about"] == about and not (check and unchecked):
            return stored
    begun = time.process_time()
    expected = PLAIN[name][1] if name in PLAIN else ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = audit(model, data, threats, "quick", items=ITEMS, draws=DRAWS, seed=SEED)
    seconds = round(time.process_time() - begun, 1)
    content = {
        "about": about,
        "network": name,
        "data": data.spec.name,
        "clean": found.outcomes[0].clean_accuracy,
        "expected": list(expected),
        "flags": judged(model, data, found, expected, check=check),
        "seconds": seconds,
    }
    write_json(path, content)
    print(name, [flag["name"] for flag in content["flags"]], f"{seconds} s", flush=True)
    return content


def main() -> None:
    """Measure what is not there yet."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    made.add_argument("--ladders", nargs="+", default=["linf", "l2", "l1", "l0"])
    made.add_argument("--check", action="store_true", help="attack what a flag says would break")
    made.add_argument("--record", action="store_true", help="store all in research/results")
    chosen = made.parse_args()
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = [measured(name, chosen.ladders, check=chosen.check) for name in chosen.networks]
    if chosen.record:
        arguments = " ".join(sys.argv[1:])
        content = {
            "benchmark": "false-alarms",
            "command": f"python -m research.attack_evidence.false_alarms {arguments}".strip(),
            "machine": machine(),
            "versions": versions(),
            "rows": rows,
        }
        write_json(RESULTS / "false_alarms.json", content)


if __name__ == "__main__":
    main()
