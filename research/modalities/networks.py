"""Data and small networks of the claims on modalities; a network is trained once and stored."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from torch import nn

import spikeproof as sp
from research import PLANS
from research.modalities.folds import fold
from spikeproof.base import digest
from spikeproof.data import Dataset, Split
from spikeproof.evaluate import open_test, plain_logits
from spikeproof.models import Network, load_model
from spikeproof.study import DataPlan, job_of, load_plan, network_of, training_items

__all__ = ["clean_accuracy", "first_right", "folds_part", "i2e_part", "pairs_part", "trained"]

_TRAININGS = {t.name: t for t in load_plan(PLANS / "modalities-folds.toml").training}


@cache
def recordings(number: int, timesteps: int = 10) -> Dataset:
    """A fold of N-MNIST, binary frames."""
    return fold(number, timesteps)


def folds_part(timesteps: int = 10) -> DataPlan:
    """How networks of N-MNIST are trained, as the plan of the folds says."""
    part = load_plan(PLANS / "modalities-folds.toml").data[0]
    epochs = part.epochs if timesteps <= 10 else 8  # a pass costs more with every step
    return replace(part, name=f"n-mnist-{timesteps}", source=None, epochs=epochs)


def i2e_part() -> DataPlan:
    """How networks of I2E(Fashion-MNIST) are trained."""
    return load_plan(PLANS / "modalities-i2e-fashion.toml").data[0]


def pairs_part(model: str, epochs: int) -> DataPlan:
    """How networks of recordings with spoken digits are trained."""
    part = load_plan(PLANS / "modalities-pairs.toml").data[0]
    return replace(part, model=model, epochs=epochs)


def trained(
    folder: Path, name: str, part: DataPlan, data: Dataset, training: str, *, seed: int, **more: Any
) -> tuple[Network, dict[str, Any]]:
    """A network from its file, if these settings made it, or trained now, and what training said.

    Args:
        folder: Where networks are kept.
        name: Of its file.
        part: Network and settings.
        data: What it is trained on; its test items stay sealed.
        training: Name of a training of the plans ``modalities-*``.
        seed: Of first weights and training.
        more: Fields of the training that are replaced.
    """
    path = folder / f"{name}.safetensors"
    facts = folder / f"{name}.json"
    plan = replace(_TRAININGS[training], **more)
    made = digest({"network": part.record(), "training": repr(plan), "seed": seed})[:16]
    if not facts.exists() or json.loads(facts.read_text(encoding="utf-8")).get("made") != made:
        folder.mkdir(parents=True, exist_ok=True)
        data = training_items(data, part.train_items, part.validation_items)
        job = job_of(part, plan, data, seed=seed)
        model = network_of(part, plan, data, seed=seed)
        begun = time.process_time()
        history = sp.fit(
            model, data, job.objective, epochs=job.epochs, seed=job.seed, settings=job.settings,
            augment=job.augment, progress=False,
        )  # fmt: skip
        said = {
            "made": made,
            "training": training,
            "seed": seed,
            "epochs": len(history.epochs),
            "validation_accuracy": history.best.clean_accuracy,
            "training_seconds": round(time.process_time() - begun, 1),
        }
        sp.save_model(model, path)
        facts.write_text(json.dumps(said), encoding="utf-8")
        print(name, json.dumps(said), flush=True)
    found: Network = load_model(path)
    return found.eval(), json.loads(facts.read_text(encoding="utf-8"))


def clean_accuracy(model: nn.Module, split: Split) -> float:
    """Share of items that the plain forward pass has right."""
    return float((plain_logits(model, split.x).argmax(1) == split.y).double().mean())


def first_right(model: nn.Module, data: Dataset, items: int) -> tuple[Split, float, int]:
    """The first so many right items of the test, the share of right ones, and of how many."""
    test = open_test(data)
    right = plain_logits(model, test.x).argmax(1) == test.y
    chosen = right.nonzero().flatten()[:items]
    return test[chosen], float(right.double().mean()), len(test)


def events_per_item(data: Dataset) -> float:
    """Mean number of events of a training recording."""
    return float(data.train.x.flatten(1).sum(1).double().mean())
