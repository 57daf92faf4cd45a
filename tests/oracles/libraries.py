"""Attacks of independent libraries on the network as a plain torch module, one contestant each.

Every contestant is a function of an :class:`Arena`. It runs the attacks of its library that know
the norm, each through the network's own surrogate and two arctans, with the reset kept and
detached, on what it has not broken yet. A norm that a library does not know is refused by
``serves``; an attack that fails is noted, and counts for nothing.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.oracles import adaptive, jelly
from tests.oracles.adaptive import Adaptive
from tests.oracles.arena import Arena
from tests.oracles.judge import read
from tests.oracles.plain import ARCTAN_2, ARCTAN_5, OWN, Unit

__all__ = ["CONTESTANTS", "LIBRARIES", "Contestant", "missing", "serves", "versions"]

Contestant = Callable[[Arena], None]

LIBRARIES = {
    "adv_lib": "adv-lib",
    "foolbox": "foolbox",
    "pyautoattack": "pyautoattack",
    "spikingjelly": "spikingjelly",
    "torchattacks": "torchattacks",
}
POWER = {"linf": math.inf, "l2": 2, "l1": 1, "l0": 0}


def missing() -> list[str]:
    """Libraries that are not installed here."""
    return [name for name in LIBRARIES if importlib.util.find_spec(name) is None]


def versions() -> dict[str, str]:
    """The versions of what is installed, torch and numpy among it."""
    found = {}
    for name in ("torch", "numpy", *LIBRARIES.values()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def settings(arena: Arena) -> Iterator[tuple[str, Unit]]:
    """Modules that differ in their backward pass alone: surrogate, and reset kept or detached."""
    made = [
        (f"{word}{', reset detached' if detach else ''}", surrogate, detach)
        for detach in (False, True)
        for word, surrogate in (("own", OWN), ("arctan-2", ARCTAN_2), ("arctan-5", ARCTAN_5))
    ]
    # The pair that differs most comes first, for those that try two only.
    made = [made[0], made[5], *made[1:5]]
    for word, surrogate, detach in made[: arena.budget.settings]:
        yield word, arena.module(surrogate, detach=detach)


def assg_sapgd(arena: Arena) -> None:
    """The published protocol (l_inf), and our analogues of it (l_2, l_1): four reaches."""
    norm = arena.ball.norm
    word = "" if norm == "linf" else " (our analogue)"
    poisson = arena.judge.net.encoder == "poisson"
    for reach in adaptive.REACHES[: max(1, arena.budget.settings - 2)]:
        model = arena.module(Adaptive(reach, 0.99 if poisson else 0.9), detach=True)
        steps = arena.budget.steps // 2 if poisson else arena.budget.steps

        def run(u: Tensor, y: Tensor, seen: Any, model: Unit = model, steps: int = steps) -> None:
            adaptive.sapgd(model, u, y, (norm, arena.radius), seen, steps)

        arena.follow(f"ASSG {reach} + SA-PGD{word}", model, run)


def spikingjelly_pgd(arena: Arena) -> None:
    """PGD on the network exported to SpikingJelly's neurons, through its surrogates."""
    for detach in (True, False):
        for surrogate in jelly.SURROGATES[: arena.budget.settings]:
            model = arena.module(neurons=jelly.exported(surrogate, detach=detach))

            def run(u: Tensor, y: Tensor, seen: Any, model: Unit = model) -> None:
                ball = (arena.ball.norm, arena.radius)
                adaptive.pgd(model, u, y, ball, seen, arena.budget.steps)

            word = ", reset detached" if detach else ""
            arena.follow(f"PGD {surrogate}{word}", model, run)


def torchattacks(arena: Arena) -> None:
    """PGD, APGD and APGDT of torchattacks through every setting, then its Square once."""
    import torchattacks as library

    norm, eps, steps = arena.ball.norm, arena.radius, arena.budget.steps
    name = {"linf": "Linf", "l2": "L2"}[norm]
    kinds: dict[str, Callable[[Any], Any]] = {
        "PGD": lambda m: library.PGD(m, eps=eps, alpha=eps / 5, steps=steps),
        "PGDL2": lambda m: library.PGDL2(m, eps=eps, alpha=eps / 5, steps=steps),
        "APGD": lambda m: library.APGD(m, norm=name, eps=eps, steps=steps),
        "APGDT": lambda m: library.APGDT(m, norm=name, eps=eps, steps=steps),
    }
    del kinds["PGDL2" if norm == "linf" else "PGD"]
    for word, model in settings(arena):
        for kind, make in kinds.items():
            arena.attack(f"{kind} {word}", model, lambda u, y, m=model, k=make: k(m)(u, y))
    model = arena.module()
    square = library.Square(model, norm=name, eps=eps, n_queries=arena.budget.queries)
    arena.attack("Square", model, square)


def autoattack(arena: Arena) -> None:
    """AutoAttack: whole on the own surrogate, its two APGDs through the other settings."""
    from pyautoattack import AutoAttack

    logging.getLogger("auto-attack").setLevel(logging.ERROR)
    name = {"linf": "Linf", "l2": "L2", "l1": "L1"}[arena.ball.norm]
    draws = arena.judge.net.draws

    def run(u: Tensor, y: Tensor, model: Unit, attacks: list[str] | None) -> Tensor:
        more: dict[str, Any] = {"attacks": attacks, "version": "custom"}
        if attacks is None:
            more = {"version": "rand" if draws else "standard"}
        made = AutoAttack(model, eps=arena.radius, norm=name, seed=0, **more)
        made.square.n_queries = arena.budget.queries
        for part in (made.apgd, made.apgd_targeted, made.fab):
            part.n_iter = arena.budget.steps
        found: Tensor = made.run_standard_evaluation(u, y, batch_size=256)[0]
        return found

    for number, (word, model) in enumerate(settings(arena)):
        attacks = ["apgd-ce"] if draws else ["apgd-ce", "apgd-t"]
        part = None if number == 0 else attacks
        what = ("rand" if draws else "standard") if part is None else "apgd-ce, apgd-t"
        arena.attack(f"{what} {word}", model, lambda u, y, m=model, p=part: run(u, y, m, p))


def advlib(arena: Arena) -> None:
    """Minimum-norm attacks and APGD of adversarial-library that know the norm."""
    for name in ("torchvision", "visdom"):  # for a perceptual distance and for plots, unused here
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            empty: Any = types.ModuleType(name)
            empty.models = None
            sys.modules[name] = empty
    from adv_lib import attacks as library

    norm, steps, eps = arena.ball.norm, arena.budget.steps, arena.radius
    power = POWER[norm]
    kinds: dict[str, Callable[[Any, Tensor, Tensor], Any]] = {
        "fmn": lambda m, u, y: library.fmn(m, u, y, norm=power, steps=steps)
    }
    if norm != "l0":
        for loss in ("ce", "dlr"):
            kinds[f"apgd {loss}"] = lambda m, u, y, loss=loss: library.apgd(
                m, u, y, eps=eps, norm=power, n_iter=steps, loss_function=loss
            )
    if norm == "l2":
        kinds["ddn"] = lambda m, u, y: library.ddn(m, u, y, steps=steps, levels=None)
    if norm in ("l1", "l0"):
        kinds["pdpgd"] = lambda m, u, y: library.pdpgd(m, u, y, norm=power, num_steps=steps)
    if norm == "l0":
        kinds["sigma_zero"] = lambda m, u, y: library.sigma_zero(m, u, y, num_steps=steps)
    for word, model in settings(arena):
        for kind, call in kinds.items():
            arena.attack(f"{kind} {word}", model, lambda u, y, m=model, c=call: c(m, u, y))


def foolbox(arena: Arena) -> None:
    """FMN of foolbox, its PGD or EAD, and Brendel & Bethge's attack along the boundary."""
    import foolbox as library

    steps, eps = arena.budget.steps, arena.radius
    kinds = {
        "linf": ["LInfFMNAttack", "LinfPGD"],
        "l2": ["L2FMNAttack", "DDNAttack", "L2PGD", "EADAttack"],
        "l1": ["L1FMNAttack", "SparseL1DescentAttack", "EADAttack"],
        "l0": ["L0FMNAttack"],
    }[arena.ball.norm]
    for word, model in settings(arena):
        for kind in kinds:
            arena.attack(f"{kind} {word}", model, _foolbox(library, kind, model, steps, eps))
    border = {
        "linf": "LinfinityBrendelBethgeAttack",
        "l2": "L2BrendelBethgeAttack",
        "l1": "L1BrendelBethgeAttack",
        "l0": "L0BrendelBethgeAttack",
    }[arena.ball.norm]
    if not arena.judge.net.draws and arena.budget.boundary:
        model = arena.module(ARCTAN_5, detach=True)
        arena.attack(border, model, lambda u, y: _boundary(arena, library, border, model, u, y))


def _foolbox(library: Any, kind: str, model: Unit, steps: int, eps: float) -> Any:
    """One attack of foolbox as a function of ``(u, y)``."""
    bounded = kind in ("LinfPGD", "L2PGD", "SparseL1DescentAttack")
    more: dict[str, Any] = {"steps": steps}
    if kind in ("LinfPGD", "L2PGD"):
        more["rel_stepsize"] = 0.1
    if kind == "EADAttack":
        more = {"steps": max(1, steps // 4), "binary_search_steps": 4}

    def run(u: Tensor, y: Tensor) -> Tensor:
        wrapped = library.PyTorchModel(model, bounds=(0, 1), device="cpu")
        found: Tensor = getattr(library.attacks, kind)(**more)(
            wrapped, u, y, epsilons=eps if bounded else None
        )[1]
        return found

    return run


def _boundary(
    arena: Arena, library: Any, kind: str, model: Unit, u: Tensor, y: Tensor
) -> Tensor | None:
    """Along the boundary, from the nearest clean item of another class."""
    pool, labels = model.to_unit(torch.from_numpy(arena.x)), torch.from_numpy(arena.y)
    apart = torch.cdist(u.flatten(1), pool.flatten(1))
    apart[y[:, None] == labels[None]] = torch.inf
    if not torch.isfinite(apart.amin(1)).all():
        return None  # too few items: no other class is there to start from
    starts = pool[apart.argmin(1)]
    wrapped = library.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = getattr(library.attacks, kind)(steps=arena.budget.boundary)
    found: Tensor = attack(wrapped, u, y, epsilons=None, starting_points=starts)[1]
    return found


CONTESTANTS: dict[str, Contestant] = {
    "assg-sapgd": assg_sapgd,
    "spikingjelly-pgd": spikingjelly_pgd,
    "torchattacks": torchattacks,
    "autoattack": autoattack,
    "advlib": advlib,
    "foolbox": foolbox,
}

_NORMS = {
    "assg-sapgd": ("linf", "l2", "l1"),
    "spikingjelly-pgd": ("linf", "l2", "l1"),
    "torchattacks": ("linf", "l2"),
    "autoattack": ("linf", "l2", "l1"),
    "advlib": ("linf", "l2", "l1", "l0"),
    "foolbox": ("linf", "l2", "l1", "l0"),
}


def serves(name: str, norm: str, path: Path) -> bool:
    """Whether a contestant knows the norm and can attack the stored network."""
    if norm not in _NORMS[name]:
        return False
    settings = read(path)[0]
    return name != "spikingjelly-pgd" or (
        jelly.fits(settings["neuron"]) and settings["name"] != "recurrent"
    )


def quiet() -> None:
    """Silence what the libraries say about themselves."""
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
