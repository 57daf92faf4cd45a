"""Train spiking networks, attack them in every norm and modality, and see what transfers.

This is the front door: the names that a session needs, each imported when it is first used, so
that ``import spikeproof`` and ``spikeproof --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spikeproof.adapters import adapt
    from spikeproof.allocator import tune_allocator
    from spikeproof.attacks import PGD, Random, Restarts, suite
    from spikeproof.base import SpikeproofError, bibtex, seeds
    from spikeproof.data import datasets, load
    from spikeproof.evaluate import audit, certify
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
    "audit",
    "bibtex",
    "build",
    "certify",
    "datasets",
    "fit",
    "load",
    "load_model",
    "load_plan",
    "run_study",
    "save_model",
    "seeds",
    "standard_threats",
    "suite",
    "tune_allocator",
    "write_report",
]

_ROOMS = {
    "adapters": ("adapt",),
    "allocator": ("tune_allocator",),
    "attacks": ("PGD", "Random", "Restarts", "suite"),
    "base": ("SpikeproofError", "bibtex", "seeds"),
    "data": ("datasets", "load"),
    "evaluate": ("audit", "certify"),
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


def __getattr__(name: str) -> Any:
    """Import the room of a name when the name is first asked for."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'spikeproof' has no attribute {name!r}")
    room = import_module(f"spikeproof.{_ROOM_OF[name]}")
    value = globals()[name] = getattr(room, _CALLED_THERE.get(name, name))
    return value


def __dir__() -> list[str]:
    """The names of the front door."""
    return __all__
