"""Studies made up for the page of evidence about training, every number known in advance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from research.pages import training
from spikeproof.analysis import extract
from support import made_run
from support.resealed import reseal, write_plan

RADII = (0.1, 0.2, 0.4)
CROSS = {"error": {"kind": "cross_entropy", "weight": 1.0}}
ITEMS = 40
MADE_ACTIVITY = {"rate": 0.25, "dead": 0.0, "saturated": 0.0}


class Study:
    """A made run in which a training leaves a given number of items standing under each threat."""

    def __init__(self, folder: Path) -> None:
        self.run, self.folder = made_run.MadeRun(folder / "run"), folder
        (folder / "studies").mkdir(parents=True)

    def add(
        self,
        training: str,
        objective: Any,
        *,
        clean: int = ITEMS,
        passes: int = 10,
        data: str = "digits",
        seeds: tuple[int, ...] = (0, 1, 2),
        **standing: Any,
    ) -> None:
        """A training: items right when clean, and standing (the first ones) per threat."""
        model = standing.pop("model", {})
        spread = standing.pop("spread", 2.0)
        for seed in seeds:
            self.run.train(data, training, seed, objective, passes=passes, **model)
            right = np.arange(ITEMS) < clean
            for threat in ("linf", "l2", "l1", "l0"):
                broken = np.arange(ITEMS) >= standing.get(threat, 0)
                self.run.attack(data, training, seed, threat, RADII, right, [broken] * 3)
            sizes = {name: np.full(ITEMS, spread) for name in ("g_l0", "g_l1", "g_l2", "g_pr")}
            self.run.probe(data, training, seed, {}, sizes, {"a": MADE_ACTIVITY})

    def store(self, studies: Path, name: str, suite: str) -> None:
        """Keep an extract of this study under a name."""
        folder = self.run.plan()
        content = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        content["plan"] |= {"suite": suite, "items": 40}
        write_plan(folder, content)
        reseal(folder)
        extract(folder, studies / f"{name}.json")

    def page(self, name: str, *, suite: str) -> str:
        """The page with this study, and with those stored beside it."""
        self.store(self.folder / "studies", name, suite)
        return training.page(self.folder / "studies")


def against(*threats: str, terms: Any = CROSS) -> dict[str, Any]:
    """Training on inputs attacked under one threat, or several."""
    if len(threats) == 1:
        return {"terms": terms, "inputs": {"threat": {"name": threats[0]}}}
    return {"terms": terms, "inputs": {"threats": [{"name": name} for name in threats]}}
