"""Everything that the attacks of a diagnosis did to one network under one threat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import Member
from spikeproof.base import InputError, SettingError
from spikeproof.evaluate.doctor.members import (
    RULES,
    averaged,
    differences,
    draws,
    longer,
    on_sounds,
    one_step,
    searches,
    with_rule,
)
from spikeproof.evaluate.doctor.subject import Ran, Subject
from spikeproof.oracle import Passes
from spikeproof.threats import Threat

__all__ = ["AttackEvidence", "gathered"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackEvidence:
    """What attacks did to the right items under one threat.

    Args:
        threat: The threat.
        member: The claimed attack.
        claimed: Its run; None where no gradient reaches the input.
        blocked: Why not, in the words of the attack.
        once: A single step.
        longer: The claimed attack with more steps.
        rules: The claimed attack through held-out gradient rules.
        sounds: The attack that sounds need; None for other inputs.
        averaged: The claimed attack on the mean of several draws; of stochastic networks.
        searches: Attacks without gradients.
        drawn: Random draws.
        differences: Ascent along differences of outputs.
        peers: Inputs made on other networks.
        curve: Radius and what the claimed attack leaves there, ascending.
        unbounded: The claimed attack at a radius that bounds nothing; None where there is none.
        settling: Longer attacks on what was still standing, where symptoms alone would decide.
        settling_asked: Whether that was so; nothing may have been left to attack then.
    """

    threat: Threat
    member: Member
    claimed: Ran | None
    blocked: str = ""
    once: Ran | None = None
    longer: Ran | None = None
    rules: tuple[Ran, ...] = ()
    sounds: Ran | None = None
    averaged: Ran | None = None
    searches: tuple[Ran, ...] = ()
    drawn: Ran | None = None
    differences: Ran | None = None
    peers: tuple[Ran, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    unbounded: Ran | None = None
    settling: tuple[Ran, ...] = ()
    settling_asked: bool = False

    @property
    def by_gradient(self) -> tuple[Ran, ...]:
        """Every attack that took gradients of the network."""
        several = (self.claimed, self.once, self.longer, *self.rules, self.sounds, self.averaged)
        several = (*several, *self.settling)
        return tuple(ran for ran in several if ran is not None)

    @property
    def by_search(self) -> tuple[Ran, ...]:
        """Every attack that asked for outputs only."""
        several = (*self.searches, self.drawn, self.differences, *self.peers)
        return tuple(ran for ran in several if ran is not None)

    def won(self, runs: Sequence[Ran]) -> Tensor:
        """Which items any of some attacks broke, bool ``(N,)``."""
        least = self.drawn or self.claimed
        assert least is not None
        none = torch.zeros_like(least.won)
        return torch.stack([none, *(ran.won for ran in runs)]).any(0)

    @property
    def won_claimed(self) -> Tensor:
        """Which items the claimed attack broke."""
        return self.won(() if self.claimed is None else (self.claimed,))

    @property
    def left(self) -> float:
        """Share that the claimed attack leaves."""
        return 1 - float(self.won_claimed.double().mean())

    @property
    def left_by_all(self) -> float:
        """Share that all attacks together leave."""
        return 1 - float(self.won((*self.by_gradient, *self.by_search)).double().mean())


def gathered(
    subject: Subject, threat: Threat, member: Member, peers: Sequence[nn.Module] = ()
) -> AttackEvidence:
    """Attack the right items in every way that a verdict needs.

    Args:
        subject: Network and right items.
        threat: The threat.
        member: The claimed attack.
        peers: Other networks, for inputs made on them.
    Returns:
        What the attacks did, every input verified.
    Cost:
        About 1500 passes per item where nothing is left out, of a sound 320 more.
    """
    try:
        claimed, blocked = subject.attacked(member, threat), ""
    except InputError as problem:
        if not str(problem).startswith("No gradient reaches"):
            raise
        claimed, blocked = None, str(problem)
    found = AttackEvidence(
        threat=threat,
        member=member,
        claimed=claimed,
        blocked=blocked,
        searches=tuple(subject.attacked(one, threat) for one in searches(threat)),
        drawn=subject.attacked(draws(threat), threat),
        peers=tuple(_moved(subject, peer, member, threat) for peer in peers),
    )
    smooth = differences(threat)
    if smooth is not None:
        found = replace(found, differences=subject.attacked(smooth, threat))
    return found if claimed is None else _by_gradient(subject, found, claimed)


def _by_gradient(subject: Subject, found: AttackEvidence, claimed: Ran) -> AttackEvidence:
    """The same with what only attacks by gradient can show."""
    threat, member = found.threat, found.member
    more = longer(member)
    held_out = RULES if subject.rules else ()
    sounds = on_sounds(threat, subject.rules)
    if sounds is not None and subject.random:
        sounds = averaged(sounds)
    radii = [(radius, subject.attacked(member, threat.at(radius))) for radius in _radii(threat)]
    widest = _unbounded(subject, threat)
    free = None if widest is None else subject.attacked(member, threat.at(widest))
    curve = [(radius, ran.left) for radius, ran in radii] + [(threat.radius, claimed.left)]
    if free is not None and widest is not None:
        curve.append((widest, free.left))
    return replace(
        found,
        once=subject.attacked(one_step(member), threat),
        longer=None if more is None else subject.attacked(more, threat),
        rules=tuple(subject.attacked(with_rule(member, rule), threat) for rule in held_out),
        sounds=None if sounds is None else subject.attacked(sounds, threat),
        averaged=subject.attacked(averaged(member), threat) if subject.random else None,
        curve=tuple(sorted(curve)),
        unbounded=free,
    )


def _radii(threat: Threat) -> tuple[float, ...]:
    """Half and twice the radius, where they are radii."""
    half, twice = threat.radius / 2, threat.radius * 2
    if threat.counted:
        half, twice = float(math.floor(half)), float(math.floor(twice))
    apart = (radius for radius in (half, twice) if radius > 0 and radius != threat.radius)
    return tuple(radius for radius in apart if _makes_sense(threat, radius))


def _makes_sense(threat: Threat, radius: float) -> bool:
    """Whether the threat may have this radius on its domain."""
    try:
        threat.at(radius)
    except SettingError:
        return False
    return True


def _unbounded(subject: Subject, threat: Threat) -> float | None:
    """A radius within which every legal input lies; None where there is none or it is the same."""
    farthest = float(threat.reach(subject.x).max())
    if not math.isfinite(farthest) or farthest <= 2 * threat.radius:
        return None
    widest = float(math.ceil(farthest)) if threat.counted else farthest
    try:
        threat.at(widest)
    except SettingError:  # one view of a joint radius is free long before another one
        return None
    return widest


def _moved(subject: Subject, peer: nn.Module, member: Member, threat: Threat) -> Ran:
    """Inputs made on another network, tried on this one."""
    other = replace(subject, model=peer, passes=Passes())
    made = other.attacked(member, threat)
    subject.spend(other.passes)
    return replace(
        made, name=f"transfer from {type(peer).__name__}", won=subject.won(made.x_adv, threat)
    )
