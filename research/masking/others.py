"""Verdicts on networks that no threshold was chosen by.

Two published temporal codes as a defence, with the published gradient and adversarial training
through it; stochastic quantised encoding, claimed by single draws and by the mean of ten; the
recipe ``multinorm`` in every norm; and the networks that the evidence about attacks rests on
(``research.attack_evidence.zoo``), under the middle l_inf radius of their data. All through test
items. One verdict is one file under ``runs/masking``.

    SPIKEPROOF_DATA=FOLDER python -m research.masking.others
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import spikeproof as sp
from research.attack_evidence import zoo as evidence
from research.masking.zoo import FOLDER, SEED, stored, weighed
from spikeproof.attacks import PGD, Member
from spikeproof.base import write_json
from spikeproof.data import Dataset
from spikeproof.evaluate.doctor import diagnose
from spikeproof.models import model_digest
from spikeproof.study.closure import closure_sha256
from tests.zoo import networks
from tests.zoo.networks import Recipe, data_of, trained

__all__ = ["OTHERS", "Other"]

ITEMS = 24
_SINGLE = Member(attack=PGD(steps=30, step_size=0.125), loss="cross_entropy")


@dataclass(frozen=True)
class Other:
    """A network, and what its robust accuracy is claimed under.

    Args:
        group: What it stands for on the page.
        title: What it is called there.
        threat: Norm; its middle radius of the data set counts.
        network: Gives the network and its data.
        claim: The attack that it is claimed by; the usual one where absent.
        items: Right items that are looked at.
    """

    group: str
    title: str
    threat: str
    network: Callable[[], tuple[nn.Module, Dataset]]
    claim: Member | None = None
    items: int = ITEMS


def _own(training: str, encoder: dict[str, Any], seed: int, **more: Any) -> Any:
    settings = {"timesteps": 8, "epochs": 10, **more}
    recipe = Recipe("digits", training, seed, encoder=tuple(encoder.items()), **settings)
    return lambda: (trained(recipe), data_of("digits"))


def _of_evidence(name: str) -> Any:
    return lambda: (evidence.network(name), evidence.items(name))


def _sqe(training: str, seed: int) -> dict[str, Other]:
    network = _own(training, {"kind": "sqe", "levels": 2}, seed)
    found = {}
    for how, claim in (("single", _SINGLE), ("eot", _SINGLE.averaged(10))):
        title = f"SQE (N = 2), {training}, {'single draws' if how == 'single' else 'ten draws'}"
        found[f"sqe-{training}-{how}".lower()] = Other("SQE", title, "linf", network, claim)
    return found


def _code(code: str, seed: int) -> Other:
    network = _own("AT", {"kind": "temporal", "code": code, "slope": "spike"}, seed)
    return Other("published codes", f"temporal code {code}, AT", "linf", network)


OTHERS: dict[str, Other] = {
    "code-pre-at": _code("pre", 60),
    "code-post-at": _code("post", 61),
    **_sqe("plain", 62),
    **_sqe("AT", 63),
    **{
        f"multinorm-{norm}": Other(
            "multinorm", "multinorm, digits", norm, _of_evidence("digits-multinorm-if")
        )
        for norm in ("linf", "l2", "l1", "l0")
    },
    **{
        f"evidence-{name}": Other("evidence", name, "linf", _of_evidence(name))
        for name in evidence.ZOO
        if name != "digits-multinorm-if"
    },
}


def measured(name: str) -> dict[str, Any]:
    """A verdict from its file, or measured now and written."""
    other = OTHERS[name]
    model, data = other.network()
    ladder = sp.standard_threats(data)[other.threat]
    about = {
        "network_sha256": model_digest(model)[:16],
        "items": other.items,
        "seed": SEED,
        "code": closure_sha256([("spikeproof.evaluate.doctor.front", "diagnose")])[:16],
    }
    path = FOLDER / "others" / f"{name}.json"
    if (found := stored(path, about)) is not None:
        return found
    begun = time.process_time()
    diagnosis = diagnose(
        model, data, threats=ladder[len(ladder) // 2], attack=other.claim or _usual(other.threat),
        items=other.items, split="test", seed=SEED,
    )  # fmt: skip
    content = {
        "about": about,
        "network": name,
        "group": other.group,
        "title": other.title,
        "data": data.spec.name,
        **weighed(diagnosis),
        "seconds": round(time.process_time() - begun, 1),
    }
    write_json(path, content)
    raised = [check["name"] for check in content["checks"] if check["state"] == "raised"]
    print(name, content["verdict"], content["claimed"], content["strongest"], raised,
          content["seconds"], flush=True)  # fmt: skip
    return content


def _usual(norm: str) -> Member | None:
    """The claimed attack; that of the diagnosis where a norm needs another."""
    return None if norm in ("l1", "l0") else _SINGLE


def main() -> None:
    """Measure what is not there yet."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--networks", nargs="+", default=list(OTHERS), choices=list(OTHERS))
    made.add_argument("--folder", type=Path, help="where the networks of the evidence are kept")
    chosen = made.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for folder in ("networks", "others"):
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
    networks.FOLDER.append(FOLDER / "networks")
    if chosen.folder is not None:
        evidence.FOLDER = chosen.folder
    for name in chosen.networks:
        measured(name)


if __name__ == "__main__":
    main()
