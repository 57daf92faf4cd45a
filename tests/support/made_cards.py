"""Cards for tests: one of a small run, and folders of it that somebody changed and sealed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import digest_file, read_arrays, sealed, write_arrays
from spikeproof.data import load
from spikeproof.models import build, save_model, spec_of
from spikeproof.neurons import LIF
from spikeproof.study import audit_plan, run
from spikeproof.train import CrossEntropy, Objective, fit

__all__ = ["edited", "kept_run", "rearranged", "reseal_card"]

Array = np.ndarray[Any, Any]


def kept_run(folder: Path, *, items: int = 16) -> Path:
    """A run that audited a small trained network and kept what broke the items."""
    data = load("digits")
    network = build(spec_of("cnn-small", data, width=4, timesteps=2, neuron=LIF()), seed=0)
    objective = Objective({"error": (1.0, CrossEntropy())})
    fit(network, data, objective, epochs=2, seed=0, progress=False)
    save_model(network, folder / "net.safetensors")
    plan = audit_plan(
        folder / "net.safetensors", data, ["linf", "l0"], suite="quick", items=items, draws=2,
        keep_adversarials=True,
    )  # fmt: skip
    run(plan, folder / "run", workers=1)
    return folder / "run"


def reseal_card(folder: Path, *, pages: bool = True) -> None:
    """Make the record of a card whole: hashes of its files, its seal, and its README."""
    from spikeproof.cards.page import card_readme

    path = folder / "card.json"
    content = json.loads(path.read_text("utf-8"))
    del content["sha256"]
    content["files"] = {name: digest_file(folder / name) for name in content["files"]}
    path.write_text(json.dumps(sealed(content)), "utf-8")
    if pages:
        text = card_readme(content["stated"], content["computed"])
        (folder / "README.md").write_text(text, "utf-8")


def edited(folder: Path, change: Callable[[dict[str, Any]], object], *, pages: bool = True) -> None:
    """Change the record of a card and seal it again, as a forger would."""
    path = folder / "card.json"
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    reseal_card(folder, pages=pages)


def rearranged(folder: Path, change: Callable[[dict[str, Array]], object]) -> None:
    """Change the arrays of a card and seal it again."""
    path = folder / "evidence.npz"
    arrays = read_arrays(path)
    change(arrays)
    write_arrays(path, arrays)
    reseal_card(folder)
