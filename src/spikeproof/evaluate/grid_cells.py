"""The cells of a grid of joint budgets, one after the other: what is carried, what is attacked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import Suite
from spikeproof.base import BatchSize, computing
from spikeproof.data import Dataset, Split
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import plain_logits
from spikeproof.evaluate.grid_kept import KeptCells
from spikeproof.evaluate.grid_result import JointGrid, TwinCurve
from spikeproof.evaluate.number_types import together
from spikeproof.evaluate.rungs import LadderEvaluation
from spikeproof.models import home_of
from spikeproof.threats import Geometry, Joint, Threat

__all__ = ["Budgets", "GridRun", "OnGridCell", "assembled"]

OnGridCell = Callable[[str, int, int], None]
Budgets = Mapping[str, tuple[Geometry, float]]
CellArrays = dict[str, np.ndarray[Any, Any]]
_CARRIED = ("broken", "margin", "member")


@dataclass
class GridRun:
    """A grid under way.

    Args:
        data: The data set.
        budgets: The two views with their geometries and own radii.
        levels: The multiples of these radii.
        suite: The attacks.
        seed: Of every random number.
        draws: Random perturbations per item and cell.
        samples: Draws that make one prediction of a stochastic network.
        batch_size: Rows through the network at a time; what memory holds where absent.
        kept: Finished cells.
        total: How many cells there are.
        done: How many are done.
        progress: Called before every cell.
        members: Names of the attacks, once they are fitted.
    """

    data: Dataset
    budgets: Budgets
    levels: tuple[float, ...]
    suite: Suite
    seed: int
    draws: int
    samples: int
    batch_size: int | None
    kept: KeptCells
    total: int = 0
    done: int = 0
    progress: OnGridCell | None = None
    members: tuple[str, ...] = field(default=())

    def cells(
        self, model: nn.Module, split: Split, who: str, views: tuple[str, ...]
    ) -> dict[tuple[int, ...], CellArrays]:
        """Every cell of a network: a square over two views, a line over one."""
        model, split = together(model, split)
        size = batch_size_for(model, split.x, self.batch_size)
        with computing(home_of(model)):
            logits = plain_logits(
                model, split.x, items=split.items, samples=self.samples, batch_size=size
            ).cpu()
            climber = self._climber(model, split, logits, size)
            self.members = (*(member.name for member in climber.suite.members), "random draws")
            found = {(0,) * len(views): self._clean(climber)}
            for at in np.ndindex(*(len(self.levels),) * len(views)):
                if any(at):
                    found[at] = self._cell(climber, at, who, views, found)
        return found

    def curve(self, model: nn.Module, split: Split, view: str) -> TwinCurve:
        """What the twin of one view loses to attacks on it."""
        found = self.cells(model, split, f"twin-{view}", (view,))
        broken = np.stack([found[level,]["broken"] for level in range(len(self.levels))])
        return TwinCurve(correct=~broken[0], broken=broken)

    def _climber(
        self, model: nn.Module, split: Split, logits: Tensor, size: BatchSize
    ) -> LadderEvaluation:
        """What draws, attacks and verifies."""
        return LadderEvaluation(
            model, split, self.suite, self.seed, self.draws, self.samples, logits, size, 0, True
        )

    def _clean(self, climber: LadderEvaluation) -> CellArrays:
        """The corner without any budget."""
        none = np.full(len(climber.split), np.nan)
        return {**_arrays(climber), "random_correct": none}

    def _cell(
        self,
        climber: LadderEvaluation,
        at: tuple[int, ...],
        who: str,
        views: tuple[str, ...],
        found: Mapping[tuple[int, ...], CellArrays],
    ) -> CellArrays:
        """One pair of budgets; what smaller ones broke is broken and not attacked again."""
        name = f"{who}-{'-'.join(map(str, at))}"
        factors = {view: self.levels[level] for view, level in zip(views, at, strict=True)}
        if self.progress is not None:
            told = ", ".join(f"{view} x{factor:g}" for view, factor in factors.items())
            self.progress(f"{who}: {told}", self.done, self.total)
        self.done += 1
        stored = self.kept.find(name)
        if stored is not None and _whole(stored, len(climber.split)):
            return stored
        _carry(climber, [found[_less(at, k)] for k in range(len(at)) if at[k] > 0])
        cell = _attacked(climber, self._threat(factors))
        self.kept.keep(name, cell)
        return cell

    def _threat(self, factors: Mapping[str, float]) -> Threat:
        """The joint budget of a cell; a view without one is not named, and keeps every bit."""
        moving: dict[str, tuple[Geometry, float]] = {
            view: (self.budgets[view][0], factor * self.budgets[view][1])
            for view, factor in factors.items()
            if factor
        }
        joint = Joint(moving)
        return Threat(joint, 1.0, joint.on(self.data.domain))


def _less(at: tuple[int, ...], k: int) -> tuple[int, ...]:
    """The cell whose budget of view k is one level smaller."""
    return (*at[:k], at[k] - 1, *at[k + 1 :])


def _attacked(climber: LadderEvaluation, threat: Threat) -> CellArrays:
    """Where the items stand after one cell, and the inputs that broke those that stood before."""
    standing = ~climber.state.broken
    for kept in (climber.rungs, climber.random, climber.found):
        kept.clear()
    climber.rung(threat)
    fresh = (standing & climber.state.broken).nonzero().flatten()
    none = climber.split.x[:0].cpu()
    inputs = [climber.found[i] for i in fresh.tolist()]
    return {
        **_arrays(climber),
        "random_correct": climber.random[-1].numpy(),
        "fresh": climber.items[fresh].numpy(),
        "x_adv": (torch.stack(inputs) if inputs else none).numpy(),
    }


def _carry(climber: LadderEvaluation, before: Sequence[CellArrays]) -> None:
    """Begin where the next smaller cells ended: an item's worst input of all of them."""
    margins = np.stack([cell["margin"] for cell in before])
    worst = margins.argmax(0)[None]
    for name in _CARRIED:
        stacked = np.stack([cell[name] for cell in before])
        best = np.take_along_axis(stacked, worst, 0)[0]
        state = stacked.any(0) if name == "broken" else best
        getattr(climber.state, name).copy_(torch.from_numpy(np.ascontiguousarray(state)))


def _arrays(climber: LadderEvaluation) -> CellArrays:
    """Where the items stand now."""
    return {name: getattr(climber.state, name).numpy().copy() for name in _CARRIED}


def _whole(cell: CellArrays, n: int) -> bool:
    """Whether a stored cell holds everything, for as many items."""
    names = {*_CARRIED, "random_correct", "fresh", "x_adv"}
    return names <= cell.keys() and all(
        cell[k].shape == (n,) for k in (*_CARRIED, "random_correct")
    )


def assembled(
    run: GridRun,
    split: Split,
    found: Mapping[tuple[int, ...], CellArrays],
    *,
    threats: Mapping[str, Any],
    source: Mapping[str, Any],
    twins: Mapping[str, TwinCurve],
) -> JointGrid:
    """Return a finished grid: everything as arrays.

    Args:
        run: What computed it.
        split: The items.
        found: Every cell by its levels.
        threats: Records of the views' geometries and own radii.
        source: What the numbers depend on.
        twins: What the unimodal twins lost.
    """
    n = len(run.levels)

    def square(name: str) -> np.ndarray[Any, Any]:
        return np.stack([np.stack([found[i, j][name] for j in range(n)]) for i in range(n)])

    clean = found[0, 0]
    cells = [(at, cell) for at, cell in found.items() if len(cell.get("fresh", ()))]
    first, second = run.budgets
    places = [at for at, cell in cells for _ in cell["fresh"]]
    none, empty = split.x[:0].cpu().numpy(), np.zeros(0, dtype=np.int64)
    return JointGrid(
        data=run.data.spec.name,
        views=(first, second),
        threats=threats,
        factors=dict.fromkeys(run.budgets, run.levels),
        members=run.members,
        source=source,
        items=split.items.cpu().numpy(),
        y=split.y.cpu().numpy(),
        correct=~clean["broken"],
        clean_margin=clean["margin"],
        **{name: square(name) for name in (*_CARRIED, "random_correct")},
        found_items=np.concatenate([empty, *(cell["fresh"] for _, cell in cells)]),
        found_cells=np.array(places, dtype=np.int64).reshape(-1, 2),
        found_x_adv=np.concatenate([none, *(cell["x_adv"] for _, cell in cells)]),
        twins=twins,
    )
