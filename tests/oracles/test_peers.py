"""Strangers against the suite `standard`, on three tiny networks: who breaks what the other cannot?

The libraries have an environment of their own: ``make test-peers`` makes it and runs these tests,
which are skipped where a library is absent. The whole contest, on nineteen networks with more
items and longer attacks, is ``research/attack_evidence/strangers.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import spikeproof as sp
from spikeproof.evaluate import open_test
from spikeproof.neurons import IF
from spikeproof.train import TrainingSettings
from tests.oracles import jelly, libraries
from tests.oracles.arena import Arena, Budget
from tests.oracles.judge import BROKEN, ILLEGAL, Ball, Judge, Net
from tests.oracles.plain import Plain

REQUIRED = os.environ.get("SPIKEPROOF_PEERS") == "required"
LACKING = libraries.missing()
pytestmark = [
    pytest.mark.skipif(
        bool(LACKING) and not REQUIRED,
        reason=f"needs the libraries of others ({', '.join(LACKING)}): make test-peers",
    ),
    pytest.mark.filterwarnings("ignore"),
]

SMALL = Budget(steps=40, queries=300, settings=2, boundary=0)
# Data set, architecture, its settings, epochs, items, threats.
Case = tuple[str, str, dict[str, Any], int, int, tuple[str, ...]]
CASES: dict[str, Case] = {
    "dense-lif": ("digits", "dense", {"width": 24, "timesteps": 3}, 8, 14, ("linf", "l2", "l1")),
    "cnn-if": (
        "digits",
        "cnn-small",
        {"width": 4, "timesteps": 2, "neuron": IF()},
        5,
        10,
        ("linf", "l0"),
    ),
    "audio-lif": ("digits-audio", "tcn-small", {"width": 4}, 3, 6, ("linf",)),
}


def trained(case: str, folder: Path) -> tuple[Path, Any]:
    """A stored network and its data set."""
    name, architecture, settings, epochs, _, _ = CASES[case]
    data = sp.load(name)
    model = sp.build(architecture, data, seed=20, **settings)
    objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
    how = TrainingSettings(batch_size=64, learning_rate=0.01)
    sp.fit(model, data, objective, epochs=epochs, seed=20, settings=how, progress=False)
    path = folder / "net.safetensors"
    sp.save_model(model, path)
    return path, data


@pytest.mark.parametrize("case", CASES)
def test_standard_breaks_what_strangers_break(case: str, tmp_path: Path) -> None:
    libraries.quiet()
    path, data = trained(case, tmp_path)
    split = open_test(data, CASES[case][4])
    x, y, items = (np.asarray(part.numpy()) for part in (split.x, split.y, split.items))
    judge = Judge(Net.read(path))
    margin, alike = judge.margins(x, y)
    right = np.flatnonzero(alike & (margin < 0))
    x, y, items = x[right], y[right], items[right]
    assert len(right) >= 0.6 * len(split.x)
    _exported(path, x)
    missed, anyone, said = 0, 0, []
    ladders = sp.standard_threats(data)
    for norm in CASES[case][5]:
        threat: Any = ladders[norm][1]
        domain = threat.domain
        ball = Ball(norm, threat.radius, domain.low, domain.high, domain.kind)
        ours = sp.suite("standard")(
            sp.models.load_model(path),
            torch.from_numpy(x),
            torch.from_numpy(y),
            threat,
            seeds=sp.seeds(0, items=torch.from_numpy(items)),
        )
        verdict = judge.verdicts(ours.x_adv.numpy(), x, y, ball, items)
        assert not (verdict == ILLEGAL).any()
        assert ((verdict == BROKEN) <= ours.won.numpy()).all()
        theirs = np.zeros(len(x), bool)
        for name, contestant in libraries.CONTESTANTS.items():
            if not libraries.serves(name, norm, path):
                continue
            arena = Arena(path, x, y, items, ball, SMALL)
            contestant(arena)
            failed = [one for one in arena.attacks if "failed" in one]
            assert not failed, failed
            broke = arena.verdict == BROKEN
            # A rival that breaks nothing would prove nothing.
            assert broke.sum() >= 0.5 * (verdict == BROKEN).sum(), (norm, name, arena.attacks)
            theirs |= broke
            said.append(f"{norm} {name}: {int(broke.sum())}")
        said.append(f"{norm} standard: {int((verdict == BROKEN).sum())} of {len(x)}")
        missed += int((theirs & (verdict != BROKEN)).sum())
        anyone += int((theirs | (verdict == BROKEN)).sum())
    print(case, "; ".join(said))
    # 99.5 % of what anyone breaks; so few items cannot show more than at most one missed.
    assert anyone > 0 and missed <= max(1, 0.005 * anyone), said


def _exported(path: Path, x: Any) -> None:
    """The same network with another library's neurons gives the same answers."""
    inputs = torch.from_numpy(x)
    with torch.no_grad():
        plain = Plain(path)(inputs)
        for surrogate in jelly.SURROGATES:
            other = Plain(path, neurons=jelly.exported(surrogate))(inputs)
            assert jelly.same(plain, other).float().mean() >= 0.95


def test_all_libraries_are_there_with_their_versions() -> None:
    assert not LACKING
    assert set(libraries.versions()) >= {"torch", "numpy", *libraries.LIBRARIES.values()}
