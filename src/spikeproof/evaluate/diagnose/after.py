"""What the results of attacks say about the attacks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.data import Domain
from spikeproof.evaluate.diagnose.flag import FLAGS, Flag
from spikeproof.evaluate.outcome import Outcome
from spikeproof.metrics import wilson
from spikeproof.threats import Threat

__all__ = ["LadderFacts", "review", "reviewed"]

_FEW = 0.01  # share of items that gradient-free attacks may break by luck
_FEWEST = 16
_RISING = 0.5


@dataclass(frozen=True, kw_only=True)
class LadderFacts:
    """What a review looks at of one ladder, R radii.

    Args:
        ladder: The threats, ascending in radius.
        n: Items.
        clean: Share of them right when clean.
        robust: Share that stands, at each radius.
        members: The record of each member, as ``Outcome.first_breaks`` gives it.
        largest_class: Share of the most frequent class; None where classes are not known.
    """

    ladder: tuple[Threat, ...]
    n: int
    clean: float
    robust: tuple[float, ...]
    members: tuple[Mapping[str, Any], ...]
    largest_class: float | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> LadderFacts:
        """The facts of an outcome."""
        return cls.recorded(outcome.ladder, outcome.summary(), outcome.y)

    @classmethod
    def recorded(
        cls,
        ladder: Sequence[Threat],
        summary: Mapping[str, Any],
        y: np.ndarray[Any, Any] | None = None,
    ) -> LadderFacts:
        """The facts of a record.

        Args:
            ladder: The threats.
            summary: What ``Outcome.summary`` returned.
            y: True classes, ``(N,)``.
        """
        counts = None if y is None or not len(y) else np.unique(y, return_counts=True)[1]
        return cls(
            ladder=tuple(ladder),
            n=int(summary["n"]),
            clean=float(summary["clean_accuracy"]),
            robust=tuple(map(float, summary["robust_accuracy"])),
            members=tuple(summary["members"]),
            largest_class=None if counts is None else float(counts.max() / counts.sum()),
        )


def review(outcomes: Outcome | Sequence[Outcome]) -> tuple[Flag, ...]:
    """Say what the results of attacks show about the attacks.

    Whether attacks without gradients broke what attacks with gradients left standing; whether
    accuracy falls with the radius, and below what any network can have where the radius reaches
    every input; whether losses were still rising when the attacks ended.

    Args:
        outcomes: One per ladder.
    Returns:
        What was seen, in the order of ``FLAGS``.
    References:
        athalye2018, pintor2022indicators
    """
    given = [outcomes] if isinstance(outcomes, Outcome) else outcomes
    return reviewed([LadderFacts.of(outcome) for outcome in given])


def reviewed(ladders: Sequence[LadderFacts]) -> tuple[Flag, ...]:
    """The same of facts that were read from records."""
    found = [
        flag
        for facts in ladders
        for flag in (_gradient_free(facts), _impossible(facts) or _level(facts), _rising(facts))
        if flag is not None
    ]
    return tuple(sorted(found, key=lambda flag: FLAGS.index(flag.name)))


def _gradient_free(facts: LadderFacts) -> Flag | None:
    """Whether attacks that take no gradient broke what gradients had left."""
    by_gradient, names, free, broke = 0, [], 0, 0
    for member in facts.members:
        if member.get("backward", 0) > 0:
            by_gradient += 1
            broke += int(member["broke"])
        elif by_gradient and member.get("broke", 0):
            names.append(str(member["name"]))
            free += int(member["broke"])
    if not free or wilson(free, facts.n)[0] <= _FEW:
        return None
    return Flag(
        name="gradient-free-wins",
        stop=False,
        seen=f"Under {facts.ladder[0].name}, {', '.join(names)}, which take no gradient, broke "
        f"{free} of {facts.n} items that {by_gradient} attacks with gradients had left; those "
        f"broke {broke}.",
        why="Its gradients mislead attackers (masking), so a longer search may well break more.",
        mend="Report a larger suite (standard or full), and try wider surrogates.",
    )


def _impossible(facts: LadderFacts) -> Flag | None:
    """Whether more stands than can where every item can be made the same one."""
    last = facts.ladder[-1]
    reach = _reach(last)
    if reach is None or last.radius < reach or facts.largest_class is None:
        return None
    most = facts.largest_class
    if facts.robust[-1] <= most + 1e-9:
        return None
    return Flag(
        name="radius",
        stop=True,
        seen=f"Under {last.name} {last.radius:g} every item can be made the same one, which has "
        f"one class, so at most {100 * most:.1f} % can stand; {100 * facts.robust[-1]:.1f} % of "
        f"{facts.n} do.",
        why="The attacks failed where they cannot fail, so their other numbers mean nothing.",
        mend="Look at the other flags, and attack with the suite standard or full.",
    )


def _reach(threat: Threat) -> float | None:
    """From which radius on every item can be made the middle of the box; None if not known."""
    domain, order = threat.domain, threat.order
    if not isinstance(domain, Domain) or not order or threat.counted:
        return None
    half = (domain.high - domain.low) / 2 + (0.5 if domain.integer else 0)
    return half if order == math.inf else half * domain.size ** (1 / order)


def _level(facts: LadderFacts) -> Flag | None:
    """Whether a larger radius breaks nothing more."""
    first, last = facts.ladder[0].radius, facts.ladder[-1].radius
    standing = round(facts.robust[-1] * facts.n)
    if last < 2 * first or standing < _FEWEST or facts.robust[0] > facts.robust[-1]:
        return None
    return Flag(
        name="radius",
        stop=False,
        seen=f"Under {facts.ladder[0].name}, {standing} of {facts.n} items stand at radius "
        f"{first:g} and the same {standing} at {last:g}.",
        why="A radius that large should break more; attacks that stand still do not.",
        mend="Look for a zero gradient, and let the ladder reach radii at which everything breaks.",
    )


def _rising(facts: LadderFacts) -> Flag | None:
    """Whether every attack ended while its loss still rose on much of what it left."""
    shares = []
    for member in facts.members:
        left = int(member.get("tried", 0)) - int(member.get("broke", 0))
        if member.get("backward", 0) > 0 and left > 0:
            shares.append((int(member["rising"]) / left, str(member["name"]), left))
    if not shares or min(shares)[0] < _RISING or max(left for *_, left in shares) < _FEWEST:
        return None
    share, name, left = min(shares)
    return Flag(
        name="rising",
        stop=False,
        seen=f"Under {facts.ladder[0].name} the loss was still rising when each of "
        f"{len(shares)} attacks ended; at best ({name}) on {100 * share:.0f} % of {left} turns "
        "that broke nothing.",
        why="More steps would break more, so the share that stands is too high.",
        mend="Report a suite with more steps: standard, or full.",
    )
