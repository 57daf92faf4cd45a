"""Evaluate a grid of joint budgets: one view alone, the other alone, and both together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikeproof.attacks import Suite
from spikeproof.attacks import suite as make_suite
from spikeproof.base import (
    SettingError,
    check_at_least,
    check_seed,
    device_of,
    digest,
    suggestion,
)
from spikeproof.data import Dataset, Domain, Split, Views
from spikeproof.evaluate.audit_files import AuditSource
from spikeproof.evaluate.diagnose import (
    Flag,
    check_despite,
    check_network,
    flags_before,
    network_kept,
    refuse_withheld,
    served,
)
from spikeproof.evaluate.grid_cells import Budgets, GridRun, OnGridCell, assembled
from spikeproof.evaluate.grid_kept import KeptCells
from spikeproof.evaluate.grid_result import JointGrid
from spikeproof.evaluate.sealed import open_split
from spikeproof.models import model_digest, on_device
from spikeproof.threats import GEOMETRIES, Geometry, Linf

__all__ = ["OnGridCell", "grid_levels", "grid_views", "joint_grid"]


def joint_grid(
    model: nn.Module,
    data: Dataset,
    views: Budgets | None = None,
    *,
    factors: Sequence[float] = (0.0, 0.5, 1.0, 1.5, 2.0),
    twins: Mapping[str, nn.Module] | None = None,
    suite: str | Suite = "standard",
    seed: int = 0,
    split: str = "test",
    items: int | None = None,
    skip: int = 0,
    draws: int = 10,
    samples: int = 1,
    folder: Path | str | None = None,
    despite: str | Iterable[str] = (),
    progress: OnGridCell | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
) -> JointGrid:
    """Attack two views with every pair of budgets, and their unimodal twins with one each.

    The budgets of a view are ``factors`` times its own radius. Where one of the two is 0 that view
    keeps every bit: the first row and column are the attacks on a single view. Cells are evaluated
    from the smallest on; what broke an item within a budget is legal in every larger one and breaks
    it there too, so that no joint budget breaks less than one view alone, and the suite attacks
    only what still stands. Every input is verified as in :func:`evaluate_ladder`.

    Args:
        model: Maps packed items ``(N, D)`` to logits ``(N, K)``; left as it was.
        data: A data set of at least two views.
        views: Two views, the first down the rows, each with its geometry and own radius; l_inf
            with the radii of ``data.spec.joint`` where absent.
        factors: Multiples of the own radii, ascending from 0; a counted radius must differ between
            two of them.
        twins: View → its unimodal twin, such as ``build("fusion-small@audio", data)``.
        suite: A name, or the attacks.
        seed: Of every random number.
        split: ``"test"`` or ``"validation"``.
        items: How many items; all where absent.
        skip: As for :func:`open_test`.
        draws: Random perturbations per item and cell.
        samples: Draws that make one prediction of a stochastic network.
        folder: Where finished cells are kept, and the grid at the end; the same call again goes on
            where a killed one stopped.
        despite: Flags in spite of which robust accuracy is to be stated.
        progress: Called with what is done next, how many cells are done, and how many there are.
        device: Where to compute, on a copy of the model.
        batch_size: Rows through the network at a time.
    Returns:
        Verdicts per pair of budgets and item.
    Raises:
        SettingError: fewer than two views, factors that do not ascend from 0, or a twin of no view.
        Withheld: the checks before the attacks stop it.
        FileProblem: the folder cannot be written, or holds something else.
    Cost:
        That of :func:`evaluate_ladder` for ``F * G - 1`` radii, less what is carried over.
    References:
        tian2021can
    """
    check_network(model, "joint_grid: model")
    where = None if device is None else device_of(device)
    model = on_device(model, where)
    budgets, twins = grid_views(data, views), dict(twins or {})
    levels = grid_levels(budgets, factors)
    _check_twins(twins, budgets)
    attacks, seed = make_suite(suite), check_seed(seed, "joint_grid: seed")
    draws = check_at_least(0, draws, "joint_grid: draws")
    chosen = open_split(data, split, items, skip=skip)
    flags = flags_before(model, chosen.x, chosen.y, data.domain, seed=seed)
    refuse_withheld(flags, check_despite(despite, "flag in joint_grid: despite"))
    source = {
        **AuditSource.of(model, data, attacks, draws=draws, samples=samples).record(),
        "seed": seed,
        "split": split,
        "items": digest(chosen.items.tolist()),
        "twins": {view: model_digest(twin) for view, twin in twins.items()},
    }
    kept = KeptCells.at(folder, _identity(source, budgets, levels))
    run = GridRun(data, budgets, levels, attacks, seed, draws, samples, batch_size, kept)
    run.total = len(levels) ** 2 - 1 + len(twins) * (len(levels) - 1)
    run.progress = progress
    with kept.held():
        placed = {view: on_device(twin, where) for view, twin in twins.items()}
        grid = _attacked(model, placed, chosen, run, flags, source)
        if folder is not None:
            grid.save(folder)
    if progress is not None:
        progress("done", run.total, run.total)
    return grid


def _attacked(
    model: nn.Module, twins: Mapping[str, nn.Module], split: Split, run: GridRun,
    flags: tuple[Flag, ...], source: Mapping[str, Any],
) -> JointGrid:  # fmt: skip
    """The grid of a network and the curves of its twins."""
    with network_kept(model, flags):
        found = run.cells(served(model, flags), split, "fusion", tuple(run.budgets))
    curves = {view: run.curve(twin, split, view) for view, twin in twins.items()}
    threats = _identity(source, run.budgets, run.levels)["threats"]
    return assembled(run, split, found, threats=threats, source=source, twins=curves)


def _identity(
    source: Mapping[str, Any], budgets: Budgets, levels: Sequence[float]
) -> dict[str, Any]:
    """What every cell depends on."""
    threats = {v: {"geometry": GEOMETRIES.record(g), "radius": r} for v, (g, r) in budgets.items()}
    return {
        "source": dict(source),
        "threats": threats,
        "factors": {view: list(levels) for view in budgets},
    }


def grid_views(data: Dataset, views: Budgets | None) -> dict[str, tuple[Geometry, float]]:
    """Return the two views of a grid with their budgets; those of the data set where absent.

    Raises:
        SettingError: no two views, one that the data set does not have, or a radius of 0.
    """
    domain: Domain | Views = data.domain
    known = [name for name, _ in getattr(domain, "parts", ())]
    if len(known) < 2:
        raise SettingError(
            f"A grid of joint budgets needs two views; {data.spec.name} has one. Use audit."
        )
    given: dict[str, tuple[Geometry, float]] = {v: (Linf(), r) for v, r in data.spec.joint.items()}
    if views is not None:
        given = dict(views)
    for name, (_, radius) in given.items():
        if name not in known:
            raise SettingError(f"joint_grid: unknown view {name!r}. {suggestion(name, known)}")
        if not 0 < radius < math.inf:
            raise SettingError(f"joint_grid: view {name!r} needs a radius above 0; got {radius!r}.")
    if len(given) != 2:
        raise SettingError(
            f"A grid of joint budgets has two views; got {', '.join(given) or 'none'} of "
            f"{', '.join(known)}. Name two, each with a geometry and a radius."
        )
    return given


def grid_levels(budgets: Budgets, factors: Sequence[float]) -> tuple[float, ...]:
    """Return the factors of a grid, if they ascend from 0 and every view can tell them apart.

    Raises:
        SettingError: they do not.
    """
    levels = tuple(float(factor) for factor in factors)
    if len(levels) < 2 or levels[0] != 0 or list(levels) != sorted(set(levels)):
        raise SettingError(
            f"The factors of a grid ascend from 0, two of them at least; got {list(factors)}."
        )
    for view, (geometry, own) in budgets.items():
        radii = [geometry.rounded(factor * own) for factor in levels]
        if len(set(radii)) < len(radii):
            raise SettingError(
                f"joint_grid: view {view!r} counts whole units, and its radii {radii} are not all "
                "different; take a larger radius or fewer factors."
            )
    return levels


def _check_twins(twins: Mapping[str, nn.Module], budgets: Budgets) -> None:
    """Refuse a twin of no view of the grid."""
    for view, twin in twins.items():
        if view not in budgets:
            raise SettingError(f"joint_grid: twin of {view!r}. {suggestion(view, list(budgets))}")
        check_network(twin, f"joint_grid: twin of {view!r}")
