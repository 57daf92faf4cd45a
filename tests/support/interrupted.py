"""Runs in a folder that are broken off and called again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spikeproof.data import Dataset
from spikeproof.train import CrossEntropy, Objective, SparseGradient, fit
from support.small_runs import QUICK

SPARSE = Objective({"error": (1.0, CrossEntropy()), "sparse": (0.1, SparseGradient())})
NAME = "training.safetensors"


class Stop(Exception):
    """Raised by the hook to break a run off."""


def stop_after(last: int) -> Callable[..., None]:
    """A hook that breaks the run off after epoch ``last``."""

    def hook(epoch: int, *rest: object) -> None:
        if epoch == last:
            raise Stop

    return hook


def run(model: Callable[..., Any], data: Dataset, folder: Path | None, **settings: Any) -> Any:
    """One call of fit on a new model: the model and its history."""
    net = model(settings.pop("first", 0))
    arguments: dict[str, Any] = {"epochs": 4, "settings": QUICK, "directory": folder, **settings}
    return net, fit(net, data, arguments.pop("objective", SPARSE), **arguments)
