"""Train spiking networks, attack them in every norm and modality, and see what transfers.

This is the front door: the names that a session needs, each imported when it is first used, so
that ``import spikeproof`` and ``spikeproof --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeproof import attacks, data, threats, train
    from spikeproof.adapters import adapt
    from spikeproof.allocator import tune_allocator
    from spikeproof.attacks import PGD, Random, Restarts, suite
    from spikeproof.base import SpikeproofError, bibtex, seeds
    from spikeproof.data import Dataset, datasets, load, open_data
    from spikeproof.evaluate import attack, audit, certify, diagnose, robust_accuracy
    from spikeproof.models import build, load_model, save_model
    from spikeproof.neurons import IF, LIF, Surrogate
    from spikeproof.oracle import Oracle
    from spikeproof.report import write_report
    from spikeproof.study import load_plan
    from spikeproof.study import run as run_study
    from spikeproof.threats import (
        L0,
        L1,
        L2,
        Counts,
        Joint,
        Linf,
        Misclassification,
        Threat,
        standard_threats,
    )
    from spikeproof.train import Adversarial, CrossEntropy, Objective, SparseGradient, fit

__version__ = "0.1.0.dev0"

__all__ = [
    "IF",
    "L0",
    "L1",
    "L2",
    "LIF",
    "PGD",
    "Adversarial",
    "Counts",
    "CrossEntropy",
    "Dataset",
    "Joint",
    "Linf",
    "Misclassification",
    "Objective",
    "Oracle",
    "Random",
    "Restarts",
    "SparseGradient",
    "SpikeproofError",
    "Surrogate",
    "Threat",
    "__version__",
    "adapt",
    "attack",
    "attacks",
    "audit",
    "bibtex",
    "build",
    "certify",
    "data",
    "datasets",
    "diagnose",
    "fit",
    "load",
    "load_model",
    "load_plan",
    "open_data",
    "robust_accuracy",
    "run_study",
    "save_model",
    "seeds",
    "standard_threats",
    "suite",
    "threats",
    "train",
    "tune_allocator",
    "write_report",
]

_ROOMS = {
    "adapters": ("adapt",),
    "allocator": ("tune_allocator",),
    "attacks": ("PGD", "Random", "Restarts", "suite"),
    "base": ("SpikeproofError", "bibtex", "seeds"),
    "data": ("Dataset", "datasets", "load", "open_data"),
    "evaluate": ("attack", "audit", "certify", "diagnose", "robust_accuracy"),
    "models": ("build", "load_model", "save_model"),
    "neurons": ("IF", "LIF", "Surrogate"),
    "oracle": ("Oracle",),
    "report": ("write_report",),
    "study": ("load_plan", "run_study"),
    "threats": (
        "Counts",
        "Misclassification",
        "Joint",
        "L0",
        "L1",
        "L2",
        "Linf",
        "Threat",
        "standard_threats",
    ),
    "train": ("Adversarial", "CrossEntropy", "Objective", "SparseGradient", "fit"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
_CALLED_THERE = {"run_study": "run"}
_NAMESPACES = ("attacks", "data", "threats", "train")  # rooms that stand beside the names


def __getattr__(name: str) -> Any:
    """Import the room of a name when the name is first asked for."""
    if name in _NAMESPACES:
        return import_module(f"spikeproof.{name}")
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'spikeproof' has no attribute {name!r}")
    room = import_module(f"spikeproof.{_ROOM_OF[name]}")
    value = globals()[name] = getattr(room, _CALLED_THERE.get(name, name))
    return value


def __dir__() -> list[str]:
    """The names of the front door."""
    return __all__
