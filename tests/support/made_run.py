"""Run folders written by hand, for tests that must know every number in advance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.analysis import SEVEN
from spikeproof.evaluate import Check, Diagnosis, Thresholds, judged
from support.resealed import reseal_cell, write_plan

PLAIN = {"terms": {"error": {"kind": "cross_entropy", "weight": 1.0}}, "inputs": None}
SPARSE = {
    "terms": {
        "error": {"kind": "cross_entropy", "weight": 1.0},
        "sparse": {"kind": "sparse_gradient", "weight": 0.1, "h": 0.01},
    },
    "inputs": None,
}


def against(threat: str, *, sparse: bool = False) -> dict[str, Any]:
    """The objective of adversarial training under a threat."""
    terms = (SPARSE if sparse else PLAIN)["terms"]
    geometry = {"kind": threat}
    return {"terms": terms, "inputs": {"threat": {"name": threat, "geometry": geometry}}}


class MadeRun:
    """Writes cells one by one; ``plan`` comes last and lists them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: list[str] = []
        self.data: list[str] = []
        self.objectives: dict[str, Mapping[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def train(
        self,
        data: str,
        training: str,
        seed: int,
        objective: Mapping[str, Any],
        *,
        passes: int = 10,
        shift: Mapping[str, float] | None = None,
        also: Mapping[str, Any] | None = None,
        **model: Any,
    ) -> None:
        """A train cell that took so many forward passes, half as many backward, and seconds.

        ``also`` is what else the cell was told.
        """
        self.objectives[training] = objective
        cell = {"kind": "train", "objective": objective, "model": model, **(also or {})}
        counts = {"forward": passes, "backward": passes // 2}
        epoch = {**counts, "firing": {}, "clean_accuracy": 0.5, "warnings": {}}
        epoch |= {} if shift is None else {"shift": shift}
        result = {"parameters": 7, "epochs": 1, "best_epoch": 1, "history": [epoch]}
        place = self._cell(data, training, seed, cell, result)
        wall = {"seconds": 1.5, "processor_seconds": float(passes), "host": {"cpus": 2}}
        (place / "wall.json").write_text(json.dumps(wall))

    def attack(
        self,
        data: str,
        training: str,
        seed: int,
        threat: str,
        radii: Sequence[float],
        correct: Any,
        broken: Any,
        **arrays: Any,
    ) -> Path:
        """An attack cell; ``length`` and ``random_correct`` may be given, ``items`` too."""
        correct, broken = np.asarray(correct, dtype=bool), np.asarray(broken, dtype=bool)
        n = len(correct)
        whole = {
            "items": np.arange(n),
            "y": np.zeros(n, dtype=np.int64),
            "clean_margin": np.where(correct, -1.0, 1.0),
            "correct": correct,
            "broken": broken | ~correct,
            "length": np.ones(broken.shape),
            "random_correct": np.tile(correct.astype(float), (len(radii), 1)),
        }
        whole |= {name: np.asarray(value) for name, value in arrays.items()}
        record = {"name": threat, "geometry": {"kind": threat}, "radii": list(radii)}
        cell = {"kind": "attack", "threat": record, "items": n}
        result = {"n": n, "clean_accuracy": float(correct.mean())}
        return self._cell(data, training, seed, cell, result, whole)

    def probe(
        self,
        data: str,
        training: str,
        seed: int,
        radii: Mapping[str, float],
        arrays: Mapping[str, Any],
        activity: Mapping[str, Any] | None = None,
    ) -> Path:
        """A probe cell."""
        n = len(next(iter(arrays.values())))
        threats = [{"name": name, "radius": radius} for name, radius in radii.items()]
        whole = {"items": np.arange(n), "y": np.zeros(n, dtype=np.int64)}
        whole |= {name: np.asarray(value) for name, value in arrays.items()}
        cell = {"kind": "probe", "threats": threats, "draws": 10, "items": n}
        return self._cell(data, training, seed, cell, {"activity": activity or {}}, whole)

    def timing(
        self,
        data: str,
        training: str,
        seed: int,
        rights: Mapping[str, tuple[Sequence[float], Any]],
        *,
        draws: int,
        correct: Any = None,
    ) -> Path:
        """A timing cell: kind → its levels and right draws per level and item."""
        counts = {kind: np.asarray(found, dtype=np.int64) for kind, (_, found) in rights.items()}
        n = next(iter(counts.values())).shape[1]
        right = np.ones(n, dtype=bool) if correct is None else np.asarray(correct, dtype=bool)
        whole = {"items": np.arange(n), "y": np.zeros(n, dtype=np.int64), "correct": right}
        levels = {kind: list(each) for kind, (each, _) in rights.items()}
        cell = {"kind": "timing", "levels": levels, "hidden": False, "draws": draws, "items": n}
        return self._cell(data, training, seed, cell, {"n": n}, {**whole, **counts})

    def doctor(self, data: str, training: str, seed: int, verdicts: Mapping[str, bool]) -> Path:
        """A cell of verdicts on masking: threat with radius, "linf:0.1" → whether it is masked."""
        found = tuple(
            judged(
                threat,
                [
                    Check(
                        name="overstated", weight="proof", number=float(masked), threshold=0.5,
                        needed=True, seen="Some.", why="Why.", settles="So.", mend="Mend.",
                    )
                ],
                Thresholds(), items=20, claimed=0.9, strongest=0.2,
            )
            for threat, masked in verdicts.items()
        )  # fmt: skip
        diagnosis = Diagnosis(data=data, seed=seed, items=20, attack={}, verdicts=found)
        result = {"n": 20, "diagnosis": diagnosis.record()}
        return self._cell(data, training, seed, {"kind": "doctor"}, result)

    def plan(self, trainings: Sequence[str] = (), cells: Sequence[str] | None = None) -> Path:
        """The plan; trainings in the given order first."""
        names = [*trainings, *(name for name in self.objectives if name not in trainings)]
        tables = [{"name": name, **self.objectives[name]} for name in names]
        plan = {
            "name": "made",
            "data": [{"name": name} for name in self.data],
            "training": tables,
            "seeds": [0, 1],
            "claims": list(SEVEN),
        }
        listed = self.ids if cells is None else list(cells)
        content = {"plan": plan, "cells": [{"id": one} for one in listed]}
        write_plan(self.folder, content)
        return self.folder

    def _cell(
        self,
        data: str,
        training: str,
        seed: int,
        cell: dict[str, Any],
        result: dict[str, Any],
        arrays: Mapping[str, Any] | None = None,
    ) -> Path:
        place = self.folder / "cells" / "new"
        place.mkdir(parents=True)
        if data not in self.data:
            self.data.append(data)
        if arrays is not None:
            np.savez(place / "items.npz", **arrays)
        record = {
            "cell": {**cell, "data": data, "training": training, "seed": seed},
            "inputs": {"data_sha256": "da", "model_sha256": f"mo{seed}", "code_sha256": "co"},
            "versions": {"torch": "2.13"},
            "result": result,
        }
        (place / "wall.json").write_text(json.dumps({"seconds": 1.5, "host": {"cpus": 2}}))
        (place / "record.json").write_text(json.dumps(record))
        self.ids.append(reseal_cell(place))
        return place.with_name(self.ids[-1])
