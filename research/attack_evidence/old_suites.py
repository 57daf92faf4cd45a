"""The suites as they were in November 2026, frozen: rivals that a redesigned suite must dominate.

Copies of the member lists of ``quick``, ``core``, ``standard`` and ``full``, built from the public
classes, and ``FIVE_FOLD``: the gradient members of the old ``standard`` with five times their steps
or restarts, and its searches with five times their queries.
"""

from __future__ import annotations

from dataclasses import replace

from spikeproof.attacks import (
    APGD,
    DDN,
    FMN,
    PDPGD,
    PGD,
    SAPGD,
    Countdown,
    Member,
    Restarts,
    Saliency,
    SigmaZero,
    SparsePGD,
    SparseRS,
    Square,
    Suite,
    Swap,
    Targeted,
)
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, BPTR, HART, PDSG, RGA, Conversion, Smoothing

_ARCTAN = Surrogate("arctan", sharpness=5.0)
_TRIANGLE = Surrogate("triangle", sharpness=1.0)
_NARROW = Surrogate("triangle", sharpness=2.0)
_SIGMOID = Surrogate("sigmoid", sharpness=4.0)
_SMALL = PGD(steps=40, stop=True)
_LARGE = PGD(steps=40, step_size=0.5, last=0.2, stop=True)
_SWAP = Swap(steps=40, share=0.8, noise=0.2, stop=True)
_FAST = PGD(steps=20, step_size=0.2, stop=True)

QUICK = Suite(
    (
        Member(attack=Swap(steps=20, share=0.8, noise=0.2, stop=True), gradient=_ARCTAN),
        Member(attack=_FAST, gradient=_ARCTAN),
        Member(attack=_FAST, gradient=_TRIANGLE),
    )
)
CORE = Suite(
    (
        Member(attack=_SWAP, gradient=_ARCTAN),
        Member(attack=_SWAP, gradient=_TRIANGLE),
        Member(attack=_SMALL, gradient=_ARCTAN),
        Member(attack=_LARGE, gradient=_TRIANGLE),
        Member(attack=_SMALL, gradient=_NARROW),
        Member(attack=_LARGE, gradient=_SIGMOID),
    )
)
STANDARD = Suite(
    (
        Member(attack=_SWAP, gradient=_ARCTAN),
        Member(attack=_LARGE, gradient=_ARCTAN),
        Member(attack=_SWAP, gradient=ASSG()),
        Member(attack=Countdown(), gradient=_ARCTAN),
        Member(attack=APGD(steps=100, stop=True), gradient=_ARCTAN, loss="cross_entropy"),
        Member(attack=SAPGD(steps=100, stop=True), gradient=ASSG(), loss="cross_entropy"),
        Member(attack=_LARGE, gradient=_TRIANGLE),
        Member(attack=_SMALL, gradient=_NARROW),
        Member(attack=_LARGE, gradient=_SIGMOID),
        Member(attack=APGD(steps=100, stop=True), gradient=_ARCTAN),
        Member(attack=Targeted(attack=_LARGE, rivals=9), gradient=_ARCTAN),
        Member(attack=FMN(steps=100), gradient=_ARCTAN),
        Member(attack=Restarts(attack=_LARGE, times=4), gradient=_ARCTAN),
        Member(attack=Restarts(attack=_LARGE, times=2), gradient=ASSG()),
        Member(attack=SparseRS(steps=2000)),
        Member(attack=Square(steps=5000)),
    ),
    patience=1,
)
FULL = Suite(
    (
        *STANDARD.members,
        Member(attack=APGD(steps=100, stop=True), gradient=_ARCTAN, loss="dlr"),
        Member(attack=_LARGE, gradient=HART()),
        Member(attack=_LARGE, gradient=RGA()),
        Member(attack=_LARGE, gradient=PDSG()),
        Member(attack=_LARGE, gradient=BPTR()),
        Member(attack=_LARGE, gradient=Conversion()),
        Member(attack=PGD(steps=20, step_size=0.5, last=0.2, stop=True), gradient=Smoothing()),
        Member(attack=FMN(steps=100), gradient=_TRIANGLE),
        Member(attack=DDN(steps=100), gradient=_ARCTAN, loss="cross_entropy"),
        Member(attack=PDPGD(steps=100), gradient=_ARCTAN),
        Member(attack=SigmaZero(steps=100), gradient=_ARCTAN),
        Member(attack=SparsePGD(steps=100), gradient=_ARCTAN),
        Member(attack=Saliency(steps=40, candidates=4), gradient=_ARCTAN),
        Member(attack=SparseRS(steps=10_000)),
        Member(attack=Square(steps=20_000)),
    ),
    patience=2,
)


def longer(member: Member, times: int = 5) -> Member:
    """The member with so many times its steps, queries or runs."""
    attack = member.attack
    if isinstance(attack, Restarts):
        return replace(member, attack=replace(attack, times=times * attack.times))
    if isinstance(attack, Targeted):
        inner = attack.attack
        more = replace(attack, attack=replace(inner, steps=times * inner.steps))
        return replace(member, attack=more)
    return replace(member, attack=replace(attack, steps=times * attack.steps))


FIVE_FOLD = Suite(tuple(longer(member) for member in STANDARD.members))
# What most papers follow: four gradient settings, PGD-50 on every item, the worst case.
PUBLISHED = Suite(
    tuple(
        Member(attack=PGD(steps=50, step_size=0.32), gradient=gradient, loss="cross_entropy")
        for gradient in (_TRIANGLE, _SIGMOID, Surrogate("arctan", sharpness=2.0), RGA())
    )
)
OLD_SUITES = {
    "old-quick": QUICK,
    "old-core": CORE,
    "old-standard": STANDARD,
    "old-full": FULL,
    "five-fold": FIVE_FOLD,
}
