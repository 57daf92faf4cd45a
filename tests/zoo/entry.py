"""What an entry of the zoo is: a defence as it is claimed, and what it really computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, PGD, Member, Swap
from spikeproof.data import Dataset
from spikeproof.threats import Threat

__all__ = ["BROKEN", "ENTRIES", "SOUND", "Case", "Entry", "entry", "half", "registered"]

BROKEN, SOUND = "broken", "sound"


@dataclass(frozen=True, eq=False)
class Case:
    """An entry that was built.

    Args:
        model: The network as it is published.
        data: Its data set.
        threat: What its robust accuracy is claimed under.
        claim: The attack that it is claimed by; PGD with 30 steps where absent, Swap under counts.
        twin: A network of the same answers with its true gradients, for the attacks that establish
            the truth; the network itself where absent.
        same: Whether the twin answers like the network to the last bit; where chance or state is
            part of the defence it answers like its mean, or like it after a reset.
        attacks: Classes of the claim that have to be known by name while it is diagnosed.
        gap: Where a closed form is known, gives the gap of every item and what of it a radius of 1
            closes: an item stands where its gap is above that times the radius.
    """

    model: nn.Module
    data: Dataset
    threat: Threat
    claim: Member | None = None
    twin: nn.Module | None = None
    same: bool = True
    attacks: dict[str, Any] = field(default_factory=dict)
    gap: Callable[[Tensor], tuple[Tensor, float]] | None = None

    @property
    def claimed(self) -> Member:
        """The claimed attack: what papers report, where the entry names none."""
        if self.claim is not None:
            return self.claim
        if self.threat.counted:
            return Member(attack=Swap(steps=30, share=0.8, noise=0.2))
        return Member(attack=PGD(steps=30, step_size=0.125), loss="cross_entropy")


@dataclass(frozen=True)
class Entry:
    """One member of the zoo.

    Args:
        name: Of the entry.
        truth: ``"broken"`` or ``"sound"``.
        why: What is wrong, or why nothing is, in one sentence.
        build: Makes the case; seconds.
        fact: How the truth is known: ``"attack"``, by attacks on the twin; ``"function"``, the
            answer is no function of the item alone; ``"closed form"``.
        items: Right items that a diagnosis looks at.
        fresh: Whether it was written when every check and threshold of the first verdict stood.
        second: Whether it was written when the settling of symptoms stood too.
    """

    name: str
    truth: str
    why: str
    build: Callable[[], Case]
    fact: str = "attack"
    items: int = 20
    fresh: bool = False
    second: bool = False


ENTRIES: dict[str, Entry] = {}


def half(name: str) -> str:
    """Where an entry belongs: ``"design"``, ``"judged"`` or ``"fresh"``, all of which have been
    seen, or ``"second"``, written when nothing moved any more and judged once.

    The halves of what was written first go by turns in the order of the names, broken and sound
    ones apart; nothing else decides.
    """
    one = ENTRIES[name]
    if one.fresh or one.second:
        return "fresh" if one.fresh else "second"
    later = {other for other, each in ENTRIES.items() if each.fresh or each.second}
    alike = sorted(o for o in ENTRIES if ENTRIES[o].truth == one.truth and o not in later)
    return ("design", "judged")[alike.index(name) % 2]


def entry(
    truth: str,
    why: str,
    *,
    fact: str = "attack",
    items: int = 20,
    fresh: bool = False,
    second: bool = False,
) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Take what a function builds into the zoo, under the function's name."""

    def known(build: Callable[[], Case]) -> Callable[[], Case]:
        name = build.__name__.strip("_").replace("_", "-")
        ENTRIES[name] = Entry(name, truth, why, build, fact, items, fresh, second)
        return build

    return known


@contextmanager
def registered(case: Case) -> Iterator[None]:
    """Let the classes of a claim be known by name, and forgotten afterwards."""
    for name, cls in case.attacks.items():
        ATTACKS.register(name, cls)
    try:
        yield
    finally:
        for name in case.attacks:
            del ATTACKS.members[name]
