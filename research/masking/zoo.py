"""How often the verdict on masking is right, on defences of which the truth is known.

The entries are those of ``tests/zoo``. Three of their groups have been seen and are the design set;
``second`` was written when every check and threshold stood, and is looked at through test items, as
two of the others are. The truth of every entry is established by attacks on its twin, by its
not being a function of the item, or by a closed form (``tests/zoo/truth.py``), never by a check.

One entry is one file under ``runs/masking``, measured again where its settings or the code behind
it changed; ``research.masking.record`` stores all in research/results/masking.json.

    python -m research.masking.zoo
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import torch

import tests.zoo.broken
import tests.zoo.fresh
import tests.zoo.second
import tests.zoo.sound
from research import ROOT
from spikeproof.base import SpikeproofError, write_json
from spikeproof.evaluate.doctor import diagnose
from spikeproof.study.closure import closure_sha256
from tests.zoo import networks
from tests.zoo.entry import ENTRIES, half, registered
from tests.zoo.truth import established

__all__ = ["FOLDER", "SPLITS", "code", "measured", "stored", "truth_of", "weighed"]

FOLDER = ROOT / "runs" / "masking"
SPLITS = {"design": "validation", "judged": "test", "fresh": "test", "second": "test"}
SEED = 0
_ = (
    tests.zoo.broken,
    tests.zoo.fresh,
    tests.zoo.second,
    tests.zoo.sound,
)  # their entries are known once they are imported


def code() -> str:
    """One hash of all code of the package that the diagnosis can reach."""
    return closure_sha256([("spikeproof.evaluate.doctor.front", "diagnose")])[:16]


def weighed(diagnosis: Any) -> dict[str, Any]:
    """What is kept of a diagnosis: the verdict, and every check with its number."""
    (one,) = diagnosis.verdicts
    checks = [
        {
            "name": check.name,
            "weight": check.weight,
            "number": check.number,
            "threshold": check.threshold,
            "below": check.below,
            "needed": check.needed,
            "symptom": check.symptom,
            "state": check.state,
        }
        for check in one.checks
    ]
    return {
        "threat": one.threat,
        "verdict": one.verdict,
        "because": one.because,
        "items": one.items,
        "claimed": one.claimed,
        "strongest": one.strongest,
        "forward": diagnosis.forward,
        "backward": diagnosis.backward,
        "checks": checks,
    }


def truth_of(name: str) -> dict[str, Any]:
    """What is true of an entry, from its file or established now; no part of the diagnosis."""
    entry, split = ENTRIES[name], SPLITS[half(name)]
    roots = [("tests.zoo.truth", "established"), (entry.build.__module__, entry.build.__name__)]
    about = {
        "split": split,
        "items": entry.items,
        "seed": SEED,
        "code": closure_sha256(roots)[:16],
    }
    path = FOLDER / "truth" / f"{name}.json"
    if (found := stored(path, about)) is not None:
        return found
    begun = time.process_time()
    case = entry.build()
    built = time.process_time()
    content = {
        "about": about,
        "entry": name,
        "truth": entry.truth,
        "half": half(name),
        "fact": entry.fact,
        "why": entry.why,
        "data": case.data.spec.name,
        **established(entry, case, split, seed=SEED).record(),
        "build_seconds": round(built - begun, 1),
        "truth_seconds": round(time.process_time() - built, 1),
    }
    write_json(path, content)
    agrees = "agrees" if content["agrees"] else "DOES NOT AGREE"
    shares = " ".join(f"{key} {content[key]}" for key in ("claimed", "strongest", "moved", "exact"))
    print(name, entry.truth, agrees, shares, content["build_seconds"], content["truth_seconds"],
          flush=True)  # fmt: skip
    return content


def measured(name: str) -> dict[str, Any]:
    """The diagnosis of an entry from its file, or measured now and written."""
    entry, split = ENTRIES[name], SPLITS[half(name)]
    built = closure_sha256([(entry.build.__module__, entry.build.__name__)])[:16]
    about = {"split": split, "items": entry.items, "seed": SEED, "code": code(), "entry": built}
    path = FOLDER / "diagnoses" / f"{name}.json"
    if (found := stored(path, about)) is not None:
        return found
    case = entry.build()
    begun = time.process_time()
    with registered(case):
        found = diagnose(
            case.model, case.data, threats=case.threat, attack=case.claimed,
            items=entry.items, split=split, seed=SEED,
        )  # fmt: skip
    seconds = round(time.process_time() - begun, 1)
    content = {"about": about, "entry": name, **weighed(found), "diagnosis_seconds": seconds}
    write_json(path, content)
    raised = [check["name"] for check in content["checks"] if check["state"] == "raised"]
    print(name, entry.truth, content["verdict"], raised, seconds, flush=True)
    return content


def stored(path: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """What a file holds, where it was measured in the same way."""
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found if found["about"] == about else None


def main() -> None:
    """Measure what is not there yet."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--entries", nargs="+", default=list(ENTRIES), choices=list(ENTRIES))
    made.add_argument("--truth", action="store_true", help="establish what is true, nothing else")
    chosen = made.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for folder in ("networks", "truth", "diagnoses"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    networks.FOLDER.append(FOLDER / "networks")
    failed = []
    for name in chosen.entries:
        truth_of(name)
        try:
            if not chosen.truth:
                measured(name)
        except SpikeproofError as problem:  # the others are measured all the same
            failed.append(name)
            print(f"{name}: {type(problem).__name__}: {problem}", flush=True)
    if failed:
        raise SystemExit(f"Not diagnosed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
