"""Which attacks a diagnosis runs: the claimed one, and those that could prove it wrong."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from spikeproof.attacks import (
    APGD,
    FGSM,
    PGD,
    SAPGD,
    Attack,
    Member,
    Random,
    SigmaZero,
    SparseRS,
    Square,
    Swap,
    Targeted,
)
from spikeproof.base import SettingError
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, Backward, GradientRule, Smoothing, name_of
from spikeproof.threats import Threat

__all__ = [
    "RULES",
    "averaged",
    "claimed_member",
    "differences",
    "draws",
    "longer",
    "named",
    "on_sounds",
    "one_step",
    "recorded",
    "searches",
    "settling",
    "with_rule",
]

# What a diagnosis spends on each attack: steps, queries, draws, and what the longest adds to them.
STEPS, QUERIES, DRAWS, SAMPLES = 30, 300, 20, 10
SETTLING = 60
LONGER, LONGEST = 5, 50

SOUND_STEPS, RIVALS = 40, 4

_ARCTAN = Surrogate("arctan", sharpness=5.0)
_MILD = Backward(gradient=ASSG(vanishing=0.41), reset="detached")
RULES = (
    _ARCTAN,
    Backward(gradient=Surrogate("triangle", sharpness=1.0), reset="detached"),
    Backward(gradient=ASSG(vanishing=0.455), reset="detached"),
)
"""The rules that are held against the network's own: those with which ``standard`` breaks most."""


def claimed_member(threat: Threat) -> Member:
    """The attack that is doubted where the caller names none: the one that papers report."""
    if threat.counted:
        return Member(attack=Swap(steps=STEPS, share=0.8, noise=0.2))
    if threat.sparse:  # the steepest step of l_1 moves one feature, so PGD hardly moves there
        return Member(attack=APGD(steps=STEPS), loss="cross_entropy")
    return Member(attack=PGD(steps=STEPS, step_size=0.125), loss="cross_entropy")


def with_rule(member: Member, rule: GradientRule | None) -> Member:
    """The same attack through another gradient rule."""
    return replace(member, gradient=rule)


def on_sounds(threat: Threat, rules: bool) -> Member | None:
    """What breaks sounds that the claimed attack through any rule leaves; None for other inputs.

    Steps towards one rival class after the other or, where the radius counts, sigma-zero.

    Args:
        threat: The threat.
        rules: Whether gradient rules reach any layer.
    """
    if not threat.domain.sounds:
        return None
    if threat.counted:
        found = Member(attack=SigmaZero(steps=SOUND_STEPS * RIVALS))
    else:
        found = Member(attack=Targeted(attack=SAPGD(steps=SOUND_STEPS, stop=True), rivals=RIVALS))
        found = with_rule(found, _MILD) if rules else found
    return found if found.serves(threat) else None


def averaged(member: Member) -> Member:
    """The same attack on the mean of several draws."""
    return member.averaged(SAMPLES)


def one_step(member: Member) -> Member:
    """A single step of full length through the gradient of the claimed attack."""
    return Member(attack=FGSM(), gradient=member.gradient, loss=member.loss)


def longer(member: Member) -> Member | None:
    """The claimed attack with five times as many steps, 50 at least; None for one without steps."""
    attack = member.attack
    if not is_dataclass(attack) or "steps" not in {field.name for field in fields(attack)}:
        return None
    steps = max(LONGER * int(attack.steps), LONGEST)
    return replace(member, attack=replace(attack, steps=steps))


def settling(threat: Threat, member: Member, rules: bool, random: bool) -> tuple[Member, ...]:
    """Attacks that settle symptoms: longer, from new starts, through every rule, on means of draws.

    Their loss is the margin, which has no flat side, and their steps become short towards the end.

    Args:
        threat: The threat.
        member: The claimed attack, whose gradient is the first of them.
        rules: Whether gradient rules reach any layer.
        random: Whether the network answers at random; then half as many steps, and three rules.
    """
    steps = SETTLING // 2 if random else SETTLING
    held_out = (RULES[:2] if random else RULES) if rules else ()
    found = list[Member]()
    for rule in (member.gradient, *held_out):
        found.append(Member(attack=_long(threat, steps), gradient=rule, loss="margin"))
    if not threat.counted and not threat.sparse and not random:
        adaptive = APGD(steps=steps, random_start=True, stop=True)
        found.append(Member(attack=adaptive, gradient=member.gradient, loss="cross_entropy"))
    return tuple(averaged(one) for one in found) if random else tuple(found)


def _long(threat: Threat, steps: int) -> Attack:
    """The attack of a threat that settles symptoms."""
    if threat.counted:
        return Swap(steps=steps, share=0.8, noise=0.2, stop=True)
    if threat.sparse:
        return APGD(steps=steps, wide=True, stop=True)
    return PGD(steps=steps, step_size=0.25, last=0.05, stop=True)


def searches(threat: Threat) -> tuple[Member, ...]:
    """Attacks that take no gradient: a search that serves the threat, else many random draws."""
    square, sparse = Square(steps=QUERIES), SparseRS(steps=QUERIES)
    found: list[Attack] = [one for one in (square, sparse) if one.serves(threat)]
    return tuple(Member(attack=one) for one in found or [Random(draws=QUERIES)])


def draws(threat: Threat) -> Member:
    """The best of some random draws."""
    return Member(attack=Random(draws=DRAWS))


def differences(threat: Threat) -> Member | None:
    """Ascent along differences of outputs, in which no surrogate takes part; None under counts."""
    if not threat.norm:
        return None
    size = 1
    for length in threat.domain.shape:
        size *= length
    order = threat.order or 2.0
    # So that a draw of this noise is about a quarter as long as the radius.
    noise = (
        threat.radius / 4 if order == float("inf") else threat.radius / (4 * size ** (1 / order))
    )
    return Member(
        attack=PGD(steps=10, step_size=0.3, last=0.3, stop=True),
        gradient=Smoothing(pairs=12, noise=noise),
    )


def named(member: Member) -> str:
    """An attack in words; of one that nobody registered the name of its class."""
    try:
        return member.name
    except SettingError:
        return f"{type(member.attack).__name__} {name_of(member.gradient)} {member.loss}"


def recorded(member: Member) -> dict[str, Any]:
    """The record of an attack; of one that nobody registered the name of its class alone."""
    try:
        return member.record()
    except SettingError:
        return {"attack": {"kind": type(member.attack).__name__}, "loss": member.loss}
