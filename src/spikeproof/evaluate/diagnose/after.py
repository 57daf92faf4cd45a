"""What the results of attacks say about the attacks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeproof.catalogue import norms
from spikeproof.evaluate.diagnose.flag import FLAGS, Flag
from spikeproof.metrics import wilson_ends

if TYPE_CHECKING:  # a review of records takes none of what computed them
    from spikeproof.evaluate.outcome import Outcome

__all__ = ["LadderFacts", "review", "reviewed"]

_FEW = 0.01  # share of items that gradient-free attacks may break by luck
_FEWEST = 16
_RISING = 0.5


@dataclass(frozen=True, kw_only=True)
class LadderFacts:
    """What a review looks at of one ladder, R radii.

    Args:
        name: Of the threat.
        radii: Ascending.
        n: Items.
        clean: Share of them right when clean.
        robust: Share that stands, at each radius.
        members: The record of each member, as ``Outcome.first_breaks`` gives it.
        reach: Radius from which on every item can be made the middle of the box; None where that
            is not known.
        largest_class: Share of the most frequent class; None where classes are not known.
    """

    name: str
    radii: tuple[float, ...]
    n: int
    clean: float
    robust: tuple[float, ...]
    members: tuple[Mapping[str, Any], ...]
    reach: float | None = None
    largest_class: float | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> LadderFacts:
        """The facts of an outcome."""
        from spikeproof.data import domain_record

        first = outcome.ladder[0]
        record = {**first.record(), "radii": outcome.radii}
        return cls.recorded(record, domain_record(first.domain), outcome.summary(), outcome.y)

    @classmethod
    def recorded(
        cls,
        threat: Mapping[str, Any],
        domain: Mapping[str, Any],
        summary: Mapping[str, Any],
        y: np.ndarray[Any, Any] | None = None,
    ) -> LadderFacts:
        """The facts of a record.

        Args:
            threat: The record of its threats, as attack cells have it, with ``radii``.
            domain: The record of the legal inputs.
            summary: What ``Outcome.summary`` returned.
            y: True classes, ``(N,)``.
        """
        counts = None if y is None or not len(y) else np.unique(y, return_counts=True)[1]
        return cls(
            name=str(threat["name"]),
            radii=tuple(map(float, threat["radii"])),
            reach=_reach(threat, domain),
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
    given = outcomes if isinstance(outcomes, Sequence) else [outcomes]
    return reviewed([LadderFacts.of(outcome) for outcome in given])


def reviewed(ladders: Iterable[LadderFacts]) -> tuple[Flag, ...]:
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
    if not free or wilson_ends(free, facts.n)[0] <= _FEW:
        return None
    return Flag(
        name="gradient-free-wins",
        stop=False,
        seen=f"Under {facts.name}, {', '.join(names)}, which take no gradient, broke "
        f"{free} of {facts.n} items that {by_gradient} attacks with gradients had left; those "
        f"broke {broke}.",
        why="Its gradients mislead attackers (masking), so a longer search may well break more.",
        mend="Report a larger suite (standard or full), and try wider surrogates.",
    )


def _impossible(facts: LadderFacts) -> Flag | None:
    """Whether more stands than can where every item can be made the same one."""
    last = facts.radii[-1]
    if facts.reach is None or last < facts.reach or facts.largest_class is None:
        return None
    most = facts.largest_class
    if facts.robust[-1] <= most + 1e-9:
        return None
    return Flag(
        name="radius",
        stop=True,
        seen=f"Under {facts.name} {last:g} every item can be made the same one, which has "
        f"one class, so at most {100 * most:.1f} % can stand; {100 * facts.robust[-1]:.1f} % of "
        f"{facts.n} do.",
        why="The attacks failed where they cannot fail, so their other numbers mean nothing.",
        mend="Look at the other flags, and attack with the suite standard or full.",
    )


def _reach(threat: Mapping[str, Any], domain: Mapping[str, Any]) -> float | None:
    """From which radius on every item can be made the middle of the box; None if not known.

    Only norms whose unit balls are known here: what counts pixels or events is none of them.
    """
    order = norms().get(str(threat["name"]))
    if "views" in domain or not order:
        return None
    whole = bool(domain.get("integer")) and threat.get("space") != "frames"
    half = (float(domain.get("high", 1)) - float(domain.get("low", 0))) / 2 + (0.5 if whole else 0)
    return half if order == math.inf else half * math.prod(domain["shape"]) ** (1 / order)


def _level(facts: LadderFacts) -> Flag | None:
    """Whether a larger radius breaks nothing more."""
    first, last = facts.radii[0], facts.radii[-1]
    standing = round(facts.robust[-1] * facts.n)
    if last < 2 * first or standing < _FEWEST or facts.robust[0] > facts.robust[-1]:
        return None
    if facts.members and str(facts.members[0]["name"]).startswith("exhaustive "):
        return None  # every legal input was tried
    return Flag(
        name="radius",
        stop=False,
        seen=f"Under {facts.name}, {standing} of {facts.n} items stand at radius "
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
        seen=f"Under {facts.name} the loss was still rising when each of "
        f"{len(shares)} attacks ended; at best ({name}) on {100 * share:.0f} % of {left} turns "
        "that broke nothing.",
        why="More steps would break more, so the share that stands is too high.",
        mend="Report a suite with more steps: standard, or full.",
    )
