"""One ladder scored again: does every kept input break its item, and is nothing missing?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.rescore.layers import Array
from spikeproof.rescore.legality import illegal
from spikeproof.rescore.network import StoredNetwork

__all__ = ["Disagreement", "KeptLadder", "Rescored", "rescore"]

# Where a membrane, or the best two logits, are nearer than this, single precision may turn them.
_ROUNDING = 1e-5

# Margins (M,) of inputs (M, *shape) of the items at these positions, in the network's precision.
Plain = Callable[[Array, Array], Array]


@dataclass(frozen=True, kw_only=True)
class KeptLadder:
    """What a run says of one ladder.

    Args:
        threat: Record of the threat with its radii.
        domain: Record of the legal inputs.
        items: Numbers of the items, int64 ``(N,)``.
        correct: Which are right when clean, bool ``(N,)``.
        broken: Which are broken, by radius, bool ``(R, N)``.
        kept_items: Numbers of the items of the inputs, int64 ``(M,)``.
        kept_level: At which radius each broke its item, ``(M,)``.
        kept_x_adv: The inputs, ``(M, *shape)``.
    """

    threat: Mapping[str, Any]
    domain: Mapping[str, Any]
    items: Array
    correct: Array
    broken: Array
    kept_items: Array
    kept_level: Array
    kept_x_adv: Array


@dataclass(frozen=True)
class Disagreement:
    """An item of which the record and the second look say different things.

    Args:
        item: Its number.
        radius: The radius; None for the clean item.
        what: What is wrong.
    """

    item: int
    radius: float | None
    what: str

    def __str__(self) -> str:
        at = "" if self.radius is None else f" at radius {self.radius:g}"
        return f"item {self.item}{at} {self.what}"


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """What a second look at a ladder found.

    Args:
        radii: The radii.
        recorded: Robust accuracy at each, as the record has it.
        found: Robust accuracy from the inputs that hold.
        inputs: How many inputs were scored.
        rounding: How many verdicts hang on the rounding of single precision, and were left to it.
        own: Whether a forward pass of its own decided.
        disagreements: Every item that does not hold.
    """

    radii: tuple[float, ...]
    recorded: tuple[float, ...]
    found: tuple[float, ...]
    inputs: int
    rounding: int
    own: bool
    disagreements: tuple[Disagreement, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing disagrees."""
        return not self.disagreements and self.recorded == self.found


def rescore(
    ladder: KeptLadder, x: Array, y: Array, network: StoredNetwork | None, plain: Plain
) -> Rescored:
    """Score the kept inputs of a ladder again.

    An input must be legal at the radius at which the record says that it broke its item, by box,
    grid and length, and the network must answer it wrongly. Every item that the record calls broken
    at some radius needs an input that does so; clean verdicts are computed again, too.

    Args:
        ladder: What the run says.
        x: Clean items, ``(N, *shape)``.
        y: True classes, ``(N,)``.
        network: Decides; None leaves it to ``plain``.
        plain: Margins under the network's own forward pass; asked where single precision decides.
    Returns:
        Both robust accuracies, and everything that does not hold.
    """
    who = _Scoring(y, network, plain)
    wrong = who.wrong(x, np.arange(len(x)), ~ladder.correct)
    found = [
        Disagreement(
            int(ladder.items[i]), None, f"is {'wrong' if wrong[i] else 'right'} when clean"
        )
        for i in np.flatnonzero(wrong == ladder.correct)
    ]
    radii = np.asarray(ladder.threat["radii"], dtype=np.float64)
    held, refused = _held(ladder, x, radii, who)
    found += refused
    first = np.where(wrong, 0, held)  # the smallest radius at which each item falls
    again = np.arange(len(radii))[:, None] >= first[None]
    found += _missing(ladder, again, {d.item for d in found}, radii)
    return Rescored(
        radii=tuple(map(float, radii)),
        recorded=tuple(_shares(ladder.correct & ~ladder.broken)),
        found=tuple(_shares(~wrong & ~again)),
        inputs=len(ladder.kept_items),
        rounding=who.rounding,
        own=network is not None,
        disagreements=tuple(found),
    )


def _held(
    ladder: KeptLadder, x: Array, radii: Array, who: _Scoring
) -> tuple[Array, list[Disagreement]]:
    """At which radius a kept input breaks each item, ``len(radii)`` for none; and what fails."""
    found, first = [], np.full(len(ladder.items), len(radii))
    place = {int(item): position for position, item in enumerate(ladder.items)}
    known = np.array([int(item) in place for item in ladder.kept_items], dtype=bool)
    for item in ladder.kept_items[~known]:
        found.append(Disagreement(int(item), None, "has an input and is no item of the ladder"))
    at = np.array([place[int(item)] for item in ladder.kept_items[known]], dtype=np.int64)
    level = np.clip(ladder.kept_level[known].astype(np.int64), 0, len(radii) - 1)
    inputs, allowed = ladder.kept_x_adv[known], radii[level]
    reasons = illegal(ladder.threat, ladder.domain, allowed, inputs, x[at])
    breaks = who.wrong(np.nan_to_num(inputs), at, np.ones(len(at), dtype=bool))
    for n, position in enumerate(at):
        reason = reasons[n] or ("" if breaks[n] else "is answered right")
        if reason:
            what = f"{reason}: its input does not hold"
            found.append(Disagreement(int(ladder.items[position]), float(allowed[n]), what))
        else:
            first[position] = min(first[position], level[n])
    return first, found


def _missing(ladder: KeptLadder, again: Array, named: set[int], radii: Array) -> list[Disagreement]:
    """Items of which record and second look differ at some radius, and which nothing has named."""
    out = []
    for position in np.flatnonzero((again != ladder.broken).any(0)):
        item = int(ladder.items[position])
        if item not in named:
            level = int(np.flatnonzero(again[:, position] != ladder.broken[:, position])[0])
            says = "broken" if ladder.broken[level, position] else "standing"
            what = f"is {says} in the record, and the kept inputs say otherwise"
            out.append(Disagreement(item, float(radii[level]), what))
    return out


def _shares(alive: Array) -> list[float]:
    """The share of items that stand, by radius."""
    return [float(row.mean()) for row in alive]


@dataclass
class _Scoring:
    """Who decides whether an answer is wrong, and how often rounding did."""

    y: Array
    network: StoredNetwork | None
    plain: Plain
    rounding: int = 0

    def wrong(self, x: Array, at: Array, expected: Array) -> Array:
        """Whether inputs of the items at these positions are answered wrongly; a tie is wrong."""
        if not len(x):
            return np.zeros(0, dtype=bool)
        if self.network is None:
            return np.asarray(self.plain(x, at) >= 0)
        answers = self.network.answers(x, self.y[at])
        wrong = answers.margin >= 0
        open_ = (np.abs(answers.margin) < _ROUNDING) | (answers.nearest < _ROUNDING)
        open_ &= wrong != expected
        if open_.any():
            # Only what single precision may turn: its own answer is then the one that counts.
            single = self.plain(x[open_], at[open_]) >= 0
            self.rounding += int((single == expected[open_]).sum())
            wrong[open_] = single
        return np.asarray(wrong)
