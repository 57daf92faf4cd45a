"""Minimum-norm attacks of independent libraries, one call each, for evidence and slow tests.

A library is imported when it is asked for, so that everything runs without it. Every call maps
``(model, x, y, steps)`` to adversarial points; the caller judges what they are worth. Their
gradient is plain autograd of the model, on a spiking network its own surrogate.

They do not belong to the development environment: ``pip install adv-lib foolbox pyautoattack
torchattacks`` (``--no-deps`` keeps their pins out).
"""

from __future__ import annotations

import importlib.util
import math
import sys
import types
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn

Peer = Callable[[nn.Module, Tensor, Tensor, int], Tensor]

LIBRARIES = {
    "adv_lib": "adv-lib",
    "foolbox": "foolbox",
    "pyautoattack": "pyautoattack",
    "torchattacks": "torchattacks",
}
POWERS = {"linf": math.inf, "l2": 2, "l1": 1, "l0": 0}
FOOLBOX = {"linf": "LInf", "l2": "L2", "l1": "L1", "l0": "L0"}
FAB = {"linf": "Linf", "l2": "L2", "l1": "L1"}


def installed() -> dict[str, str]:
    """The libraries that are there, with their versions."""
    found = {}
    for module, name in LIBRARIES.items():
        if importlib.util.find_spec(module) is not None:
            try:
                found[module] = version(name)
            except PackageNotFoundError:
                found[module] = "unknown"
    return found


def adversarial_library(kind: str, **settings: Any) -> Peer:
    """A function of adversarial-library."""
    for name in ("torchvision", "visdom"):  # for a perceptual distance and for plots, unused here
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            empty: Any = types.ModuleType(name)
            empty.models = None
            sys.modules[name] = empty
    from adv_lib import attacks
    from adv_lib.attacks import auto_pgd

    run = getattr(attacks, kind, None) or getattr(auto_pgd, kind)
    count = next(
        name
        for name in ("num_steps", "n_iter", "steps", "max_iter", "iter")
        if name in run.__code__.co_varnames[: run.__code__.co_argcount]
    )

    def attack(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
        found: Tensor = run(model, x, y, **{count: steps // settings.get("rounds", 1)}, **own)
        return found

    own = {name: value for name, value in settings.items() if name != "rounds"}
    return attack


def foolbox(kind: str, **settings: Any) -> Peer:
    """A minimum-norm attack of foolbox."""
    import foolbox as library

    def attack(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
        wrapped = library.PyTorchModel(model, bounds=(0, 1), device="cpu")
        rounds = settings.get("binary_search_steps", 1) if kind == "EADAttack" else 1
        run = getattr(library.attacks, kind)(steps=steps // rounds, **settings)
        found: Tensor = run(wrapped, x, y, epsilons=None)[1]
        return found

    return attack


def autoattack(norm: str) -> Peer:
    """FAB of AutoAttack, untargeted."""
    from pyautoattack.fab_pt import FABAttack_PT

    def attack(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
        run = FABAttack_PT(model, norm=FAB[norm], n_iter=steps, eps=1e3, seed=0, device="cpu")
        found: Tensor = run.attack_single_run(x, y)
        return found

    return attack


def torchattacks(kind: str, **settings: Any) -> Peer:
    """An attack of torchattacks that minimises a norm."""
    import torchattacks as library

    def attack(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
        found: Tensor = getattr(library, kind)(model, steps=steps, **settings)(x, y)
        return found

    return attack


def peers(norm: str, most: float) -> dict[str, Callable[[], Peer]]:
    """Library and name of each attack that knows a norm; called, they import.

    Args:
        norm: ``"linf"``, ``"l2"``, ``"l1"`` or ``"l0"`` (single features).
        most: A radius at which everything is broken, for searches that want one.
    """
    power = POWERS[norm]
    made: dict[str, Callable[[], Peer]] = {
        "adv_lib fmn": lambda: adversarial_library("fmn", norm=power),
        "adv_lib pdpgd": lambda: adversarial_library("pdpgd", norm=power),
        "foolbox FMN": lambda: foolbox(FOOLBOX[norm] + "FMNAttack"),
    }
    if norm != "l0":
        made["pyautoattack FAB"] = lambda: autoattack(norm)
        made["adv_lib apgd, bisected"] = lambda: adversarial_library(
            "minimal_apgd", norm=power, max_eps=most, binary_search_steps=8, rounds=4
        )
    if norm in ("l2", "l1"):
        made["adv_lib alma"] = lambda: adversarial_library("alma", distance=norm)
        made["foolbox EAD"] = lambda: foolbox(
            "EADAttack", binary_search_steps=4, decision_rule="L1" if norm == "l1" else "EN"
        )
    if norm in ("linf", "l2"):
        made["adv_lib tr"] = lambda: adversarial_library("tr", p=power)
    if norm == "l2":
        made["adv_lib ddn"] = lambda: adversarial_library("ddn", levels=None)
        made["adv_lib pdgd"] = lambda: adversarial_library("pdgd")
        made["foolbox DDN"] = lambda: foolbox("DDNAttack")
        made["torchattacks CW"] = lambda: torchattacks("CW", c=1.0, lr=0.01)
    if norm == "l0":
        made["adv_lib sigma_zero"] = lambda: adversarial_library("sigma_zero")
        made["adv_lib vfga"] = lambda: adversarial_library("vfga", targeted=False)
    return made


def seeded(peer: Peer) -> Peer:
    """The same attack with torch's generator set first, since the libraries draw from it."""

    def attack(model: nn.Module, x: Tensor, y: Tensor, steps: int) -> Tensor:
        torch.manual_seed(0)
        return peer(model, x.clone(), y.clone(), steps)

    return attack
