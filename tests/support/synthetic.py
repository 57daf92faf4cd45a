"""A made-up run folder for the tests of the report: its numbers come from a formula."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikeproof.analysis import SEVEN
from spikeproof.base import write_arrays, write_json
from spikeproof.data import DigitsAudio, DigitsAV, DigitsEvents, DigitsImages
from support.resealed import reseal_cell, write_plan

RADII = {
    "digits": {"linf": (0.05, 0.1, 0.2), "l2": (0.4, 0.8, 1.6), "l1": (2.0, 4.0, 8.0),
               "l0": (2.0, 4.0, 8.0)},
    "digits-events": {"linf": (0.1, 0.25, 0.5), "l0": (10.0, 20.0, 40.0),
                      "counts": (10.0, 20.0, 40.0)},
    "digits-audio": {"linf": (0.01, 0.02, 0.04), "l2": (0.2, 0.4, 0.8)},
    "digits-av": {"linf": (0.05, 0.1, 0.2), "joint": (0.5, 1.0, 2.0)},
}  # fmt: skip
MAKERS = {
    "digits": DigitsImages, "digits-events": DigitsEvents, "digits-audio": DigitsAudio,
    "digits-av": DigitsAV,
}  # fmt: skip
# Training → clean accuracy, and how fast the accuracy falls under each threat.
TRAININGS = {
    "plain": (0.96, {"linf": 2.6, "l2": 2.2, "l1": 2.0, "l0": 1.8, "counts": 1.9, "joint": 2.4}),
    "SR": (0.94, {"linf": 1.0, "l2": 1.3, "l1": 1.7, "l0": 1.9, "counts": 1.8, "joint": 1.2}),
    "AT": (0.91, {"linf": 0.5, "l2": 0.7, "l1": 1.0, "l0": 1.5, "counts": 1.4, "joint": 0.6}),
    "SR+AT": (0.89, {"linf": 0.4, "l2": 0.6, "l1": 0.9, "l0": 1.4, "counts": 1.3, "joint": 0.5}),
}
# Members of the suite, and how many items each was the first to break at the lower radii.
SUITE = (("pgd own margin", 24), ("pgd arctan-5 margin", 1), ("random", 0))


def objective(training: str) -> dict[str, Any]:
    """What a train record says about the objective."""
    terms = {"error": {"kind": "cross_entropy", "weight": 1.0}}
    if "SR" in training:
        terms["sparse"] = {"kind": "sparse_gradient", "weight": 0.1, "h": 0.01}
    inputs = {"threat": "linf", "level": 1} if "AT" in training else None
    return {"terms": terms, "inputs": inputs}


def write_run(
    folder: Path, *, data: Sequence[str] = ("digits",), seeds: Sequence[int] = (0, 1), n: int = 40,
    trainings: Sequence[str] = ("plain", "SR", "AT"), probes: bool = True, gallery: bool = True,
    name: str = "synthetic", question: str | None = "sparse-gradient",
    claims: Sequence[str] = SEVEN,
) -> Path:  # fmt: skip
    """Write a complete run folder and return it."""
    plan = {
        "name": name, "seeds": list(seeds), "suite": "quick", "items": n, "draws": 10,
        "probe_items": n, "workers": 1,
        "data": [{"name": d, "model": "cnn-small", "threats": list(RADII[d])} for d in data],
        "training": [{"name": t, **objective(t)} for t in trainings],
        "claims": list(claims), **({} if question is None else {"question": question}),
    }  # fmt: skip
    for d in data:
        for training in trainings:
            for seed in seeds:
                _network(folder, d, training, seed, n, probes, gallery)
    cells = [{"id": path.name} for path in sorted((folder / "cells").iterdir())]
    write_plan(folder, {"plan": plan, "cells": cells})
    return folder


def _network(
    folder: Path, data: str, training: str, seed: int, n: int, probes: bool, gallery: bool
) -> None:
    """The train, attack and probe cells of one network."""
    base = {"data": data, "training": training, "seed": seed}
    history = [{"epoch": 1, "loss": 0.4, "validation_accuracy": 0.9}]
    result = {"epochs": 1, "best_epoch": 1, "history": history, "parameters": 1234}
    cell = {"kind": "train", "model": {"name": "cnn-small"}, "objective": objective(training)}
    parent = _write(folder, {**cell, **base}, result, {})
    for threat in RADII[data]:
        _attack(folder, {**base, "parent": parent}, threat, n, gallery)
    if probes:
        _probe(folder, {**base, "parent": parent}, n)
    if data == "digits-events":
        _timing(folder, {**base, "parent": parent}, n)


def _attack(folder: Path, base: dict[str, Any], threat: str, n: int, gallery: bool) -> None:
    """One attack cell: item i falls at the radius that its own strength allows."""
    data, training, seed = base["data"], base["training"], base["seed"]
    rng = np.random.default_rng([seed, len(training), 7])
    clean, falls = TRAININGS.get(training, TRAININGS["plain"])
    radii = np.array(RADII[data][threat])
    correct = rng.random(n) < clean
    strength = rng.exponential(radii[1] / falls[threat], n)
    broken = ~correct | (strength < radii[:, None])
    random_correct = np.clip(correct * (1 - 0.05 * radii[:, None] / radii[1]), 0, 1)
    arrays = {
        "items": np.arange(n) * 3, "y": np.arange(n) % 10, "clean_margin": rng.normal(size=n),
        "correct": correct, "broken": broken, "margin": rng.normal(size=broken.shape),
        "member": np.where(broken, 1, -1).astype(np.int16),
        "distance": np.where(broken, radii[:, None], 0.0), "random_correct": random_correct,
        "length": np.where(broken, radii[:, None], 0.0),
    }  # fmt: skip
    result = {
        "n": n, "clean_accuracy": float(correct.mean()),
        "robust_accuracy": [float(v) for v in (~broken).mean(1)],
        "random_accuracy": [float(v) for v in random_correct.mean(1)],
        "passes": {"forward": 400 * n, "backward": 120 * n},
        "members": [{"name": m, "first_breaks": [b, b, 1]} for m, b in SUITE],
    }  # fmt: skip
    geometry = {"name": threat, "geometry": {"kind": threat}, "radii": radii.tolist(), "space": "x"}
    cell = {**base, "kind": "attack", "threat": geometry, "suite": {"name": "quick"}, "items": n}
    first = np.flatnonzero(broken[1] & correct)[:2]
    shown = None
    if gallery and seed == 0 and len(first):
        shown = _gallery(data, threat, radii[1], arrays["items"][first], arrays["y"][first])
    _write(folder, cell, result, arrays, shown)


def _gallery(
    data: str, threat: str, radius: float, items: np.ndarray, y: np.ndarray
) -> dict[str, np.ndarray]:
    """Items that look attacked."""
    x = MAKERS[data]()(torch.from_numpy(items)).numpy()
    rng = np.random.default_rng(5)
    x_adv = x.copy()
    if data == "digits-events":
        flips = rng.random(x.shape) < 0.01
        x_adv = np.where(flips, np.where(x > 0, x - 1, x + 1), x)
    elif threat == "l0":
        x_adv[:, :, 2, 3] = 1.0
    else:
        x_adv = x + radius * np.sign(rng.normal(size=x.shape)).astype(x.dtype)
        x_adv = np.clip(x_adv, 0 if data == "digits" else -1, 1)
    return {
        "x": x, "x_adv": x_adv.astype(x.dtype), "y": y, "predicted": y,
        "predicted_adv": (y + 1) % 10, "radius": np.array(radius),
    }  # fmt: skip


def _probe(folder: Path, base: dict[str, Any], n: int) -> None:
    """One probe cell: sparse trainings have sparse, small gradients."""
    data, training, seed = base["data"], base["training"], base["seed"]
    rng = np.random.default_rng([seed, len(training), 11])
    sparse = "SR" in training
    pr = np.exp(rng.normal(np.log(9 if sparse else 24), 0.3, n))
    l2 = np.exp(rng.normal(-3.5 if sparse else -1.5, 0.8, n))
    arrays = {
        "items": np.arange(n) * 3, "y": np.arange(n) % 10, "g_pr": pr, "g_l2": l2,
        "g_l1": l2 * np.sqrt(pr), "g_linf": l2 / np.sqrt(pr), "g_l0": np.minimum(64, 2 * pr),
    }  # fmt: skip
    norms = [t for t in RADII[data] if t in ("linf", "l2", "l1", "l0")]
    for norm in norms:
        theory = {"linf": 3 * pr, "l2": np.full(n, 66.0)}.get(norm, 2145 / pr)
        rho = l2**2 * np.exp(rng.normal(0, 0.2, n)) * 1e-2
        arrays |= {
            f"rho_random_{norm}": rho, f"rho_random_se_{norm}": 0.1 * rho,
            f"rho_adv_{norm}": np.minimum(1, rho * theory), f"ratio_{norm}": theory * 0.97,
            f"theory_{norm}": theory, f"lower_{norm}": theory / 2, f"upper_{norm}": theory * 2,
        }  # fmt: skip
    activity = {"spikes1": 0.21, "spikes2": 0.12, "spikes3": 0.08}
    layers = {k: {"rate": v, "dead": 0.03, "saturated": 0.01} for k, v in activity.items()}
    medians = {norm: {"ratio": float(np.median(arrays[f"ratio_{norm}"]))} for norm in norms}
    threats = [{"name": norm, "radius": RADII[data][norm][1]} for norm in norms]
    cell = {**base, "kind": "probe", "threats": threats, "draws": 10, "items": n}
    _write(folder, cell, {"norms": medians, "activity": layers}, arrays)


def _timing(folder: Path, base: dict[str, Any], n: int) -> None:
    """One timing cell: three of four draws are right under jitter, half of them in SR."""
    right = np.full((1, n), 2 if "SR" in base["training"] else 3)
    arrays = {"items": np.arange(n) * 3, "y": np.arange(n) % 10,
              "correct": np.ones(n, dtype=bool), "jitter": right}  # fmt: skip
    levels = {"jitter": [1.5]}
    cell = {**base, "kind": "timing", "levels": levels, "hidden": False, "draws": 4, "items": n}
    _write(folder, cell, {"n": n}, arrays)


def _write(
    folder: Path,
    cell: dict[str, Any],
    result: dict[str, Any],
    arrays: dict[str, np.ndarray],
    gallery: dict[str, np.ndarray] | None = None,
) -> str:
    """One cell folder; returns its name."""
    place = folder / "cells" / "new"
    if arrays:
        write_arrays(place / "items.npz", arrays)
    if gallery is not None:
        write_arrays(place / "gallery.npz", gallery)
    write_json(place / "wall.json", {"seconds": 2.5, "threads": 1, "host": {"machine": "test"}})
    inputs = {"data_sha256": "d" * 64, "model_sha256": "e" * 64, "code_sha256": "c" * 64,
              "parent": cell.get("parent")}  # fmt: skip
    versions = {"spikeproof": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6", "python": "3.12"}
    record = {"cell": cell, "inputs": inputs, "versions": versions, "result": result}
    write_json(place / "record.json", record)
    return reseal_cell(place)
