"""The card of a trained model: what it is, how it was made, what that cost, how good it is."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from spikeproof.base import write_atomic, write_json
from spikeproof.data import Dataset
from spikeproof.models import Network, model_digest
from spikeproof.train.keep.card_page import card_page
from spikeproof.train.keep.history import History
from spikeproof.train.loop.job import Job

__all__ = ["card", "write_card"]


def card(model: Network, data: Dataset, work: Job, history: History) -> dict[str, Any]:
    """Say everything about a trained network that its file does not.

    Args:
        model: The network, with the weights that training left it with.
        data: What it was trained on.
        work: How.
        history: What ``fit`` returned.
    Returns:
        Plain data. Accuracies are those on validation items; test items play no part.
    """
    best, spec = history.best, data.spec
    return {
        "schema": 1,
        "model": {
            "architecture": model.spec.record(),
            "parameters": history.parameters,
            "sha256": model_digest(model),
        },
        "data": {
            "name": spec.name,
            "version": spec.version,
            "sha256": spec.sha256,
            "licence": spec.licence,
            "source": spec.source,
            "train": len(data.train),
            "validation": len(data.validation),
        },
        "training": {
            **work.record(),
            "epochs_trained": len(history.epochs),
            "best_epoch": history.best_epoch,
        },
        "validation": {
            "clean": best.clean_accuracy,
            "selected_by": best.validation_accuracy,
            "robust": dict(best.robust),
            "union": best.union,
        },
        "firing": dict(best.firing),
        "warnings": history.warnings,
        "cost": _cost(history, next(model.parameters()).device),
    }


def write_card(path: Path | str, content: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write a card beside a model's file, for programs and for people.

    Args:
        path: The model's file.
        content: What ``card`` returned.
    Returns:
        The paths ``<model>.card.json`` and ``<model>.card.md``.
    Raises:
        FileProblem: they cannot be written.
    """
    path = Path(path)
    plain, page = path.with_suffix(".card.json"), path.with_suffix(".card.md")
    write_json(plain, dict(content))
    write_atomic(page, card_page(path.name, content).encode())
    return plain, page


def _cost(history: History, device: torch.device) -> dict[str, Any]:
    """What training took, and on what."""
    return {
        "seconds": round(history.seconds, 1),
        "peak_bytes": history.peak_bytes,
        "forward_passes": sum(epoch.forward for epoch in history.epochs),
        "backward_passes": sum(epoch.backward for epoch in history.epochs),
        "device": _device(device),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def _device(device: torch.device) -> str:
    """What the run was computed on."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} processor"
