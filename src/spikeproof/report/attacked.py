"""How it was attacked: suites, members, queries, who broke what, and what was not tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spikeproof.analysis import MemberUse, SuiteUse, Summary
from spikeproof.names import counted
from spikeproof.report.attack_words import (
    attack_title,
    gradient_words,
    kind_title,
    loss_words,
    start_words,
    step_words,
)
from spikeproof.report.labels import data_title, data_words, listed, radius_words, threat_title

__all__ = ["MEMBER_HEADS", "Attacked", "attacked"]

MEMBER_HEADS = ("attack", "steps", "starts", "maximises", "gradient through", "tried", "broke",
                "forward", "backward")  # fmt: skip
_LARGEST = "full"
_NAMES = {"random draws": "random changes"}  # one word for one thing on the page


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """One suite as the page tells it.

    Args:
        name: Of the suite.
        told: What it is and what it took, in sentences.
        members: One row per member, under ``MEMBER_HEADS``.
        heads: ``data set, training`` columns of ``broke``.
        broke: One row per member: its name, then what it broke of each network.
        untried: What was not tried, in sentences.
    """

    name: str
    told: list[str]
    members: list[list[str]]
    heads: list[str]
    broke: list[list[str]]
    untried: list[str]


def attacked(summary: Summary) -> list[Attacked]:
    """Tell of every suite of a run."""
    return [_attacked(summary, suite) for suite in summary.suites]


def _attacked(summary: Summary, suite: SuiteUse) -> Attacked:
    """One suite."""
    pairs = [(one.data, name) for one in summary.data for name in one.trainings]
    shown = [member for member in suite.members if member.broke or member.tried != 0]
    return Attacked(
        name=suite.name,
        told=[*_told(suite), _radii(summary)],
        members=[_member(member) for member in suite.members],
        heads=[f"{data_title(data)}, {name}" for data, name in pairs],
        broke=[
            [_name(member), *(f"{member.broke_by.get(pair, 0):,}" for pair in pairs)]
            for member in shown
        ],
        untried=list(_untried(summary, suite)),
    )


def _told(suite: SuiteUse) -> Iterator[str]:
    """What the suite is, and what it took."""
    members = sum(bool(member.record) for member in suite.members) or len(suite.members)
    yield (
        f"Suite {suite.name}: {counted(members, 'attack')} one after the other, each on what those "
        "before it left standing; an item counts as robust only if none of them, and no random "
        "change, broke it."
    )
    spent = f"{suite.forward:,} forward and {suite.backward:,} backward passes of single items"
    each = suite.items or 1
    yield (
        f"In all {spent}: {suite.forward / each:,.0f} and {suite.backward / each:,.0f} per item "
        f"and radius."
    )
    if suite.draws:
        yield f"Beside them {counted(suite.draws, 'random change')} per item and radius."
    if suite.budget:
        yield f"The attacks of a cell might spend {suite.budget}."


def _radii(summary: Summary) -> str:
    """The ladders of radii, data set by data set."""
    told = []
    for one in summary.data:
        ladders: dict[str, dict[float, str]] = {}
        for cell in one.matrix:
            if cell.radius is not None:
                ladders.setdefault(cell.threat, {})[cell.radius] = cell.decibels
        each = [f"{threat_title(threat)} {_ladder(radii)}" for threat, radii in ladders.items()]
        if each:
            told.append(f"{data_words(one.data)}: {'; '.join(each)}")
    return f"Radii – {'. '.join(told)}." if told else ""


def _ladder(radii: Mapping[float, str]) -> str:
    """The radii, ascending; of several the standard one is marked."""
    shown = [radius_words(radius, radii[radius]) for radius in sorted(radii)]
    if len(shown) > 1:
        shown[len(shown) // 2] += " (standard)"
    return ", ".join(shown)


def _name(member: MemberUse) -> str:
    """A member in a few words."""
    if not member.record:
        return _NAMES.get(member.name, member.name)
    return f"{attack_title(member.record['attack'])}, {member.record.get('loss', '')}".replace(
        "_", "-"
    )


def _member(member: MemberUse) -> list[str]:
    """One member, under ``MEMBER_HEADS``."""
    record = member.record
    numbers = [member.tried, member.broke, member.forward, member.backward]
    counts = ["–" if value is None else f"{value:,}" for value in numbers]
    if not record:
        return [_name(member), "–", "–", "–", "–", *counts]
    attack = record["attack"]
    free = member.gradient_free or (record.get("gradient") is None and not member.backward)
    return [
        attack_title(attack),
        step_words(attack),
        start_words(attack, continues=bool(record.get("continues"))),
        loss_words(str(record.get("loss", "margin"))),
        "none" if free and "gradient" in record else gradient_words(record.get("gradient")),
        *counts,
    ]


def _untried(summary: Summary, suite: SuiteUse) -> Iterator[str]:
    """What was not tried, and what might therefore still break more."""
    if not suite.gradient_free:
        yield "No attack that needs no gradient was made: masked gradients would not be found out."
    idle = [_name(m) for m in suite.members if m.tried == 0]
    if idle:
        yield f"In the suite, but with nothing left to try or no threat they serve: {listed(idle)}."
    if suite.untried and suite.name != _LARGEST:
        kinds = listed([kind_title(kind) for kind in suite.untried])
        yield f"Attacks of larger suites that were not tried: {kinds}."
    if suite.unused and suite.name != _LARGEST:
        rules = listed([kind_title(rule) for rule in suite.unused])
        yield f"Gradient rules of larger suites that were not tried: {rules}."
    short = sum(member.unaffordable for member in suite.members)
    if short:
        yield f"The budget was spent {counted(short, 'time')} before an item was tried."
    yield "Nothing was made for the trainings at hand; an adaptive attack may break more."
