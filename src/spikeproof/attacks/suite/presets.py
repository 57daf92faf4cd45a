"""The named suites: which attacks, through which gradient rules, in which order."""

from __future__ import annotations

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.saliency import Saliency
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.sparse_pgd import SparsePGD
from spikeproof.attacks.sparse_rs import SparseRS
from spikeproof.attacks.square import Square
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.suite import Suite
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.base import check_one_of
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, BPTR, HART, PDSG, RGA, Conversion, Smoothing

__all__ = ["SUITES", "suite"]

_ARCTAN = Surrogate("arctan", sharpness=5.0)
_TRIANGLE = Surrogate("triangle", sharpness=1.0)
_NARROW = Surrogate("triangle", sharpness=2.0)
_SIGMOID = Surrogate("sigmoid", sharpness=4.0)
# Small constant steps and large falling ones each break items that the other misses.
_SMALL = PGD(steps=40, stop=True)
_LARGE = PGD(steps=40, step_size=0.5, last=0.2, stop=True)
_SWAP = Swap(steps=40, share=0.8, noise=0.2, stop=True)
_FAST = PGD(steps=20, step_size=0.2, stop=True)

_QUICK = Suite(
    (
        Member(attack=Swap(steps=20, share=0.8, noise=0.2, stop=True), gradient=_ARCTAN),
        Member(attack=_FAST, gradient=_ARCTAN),
        Member(attack=_FAST, gradient=_TRIANGLE),
    )
)
# Swap serves counted radii only, and leaves little to the others there.
_CORE = Suite(
    (
        Member(attack=_SWAP, gradient=_ARCTAN),
        Member(attack=_SWAP, gradient=_TRIANGLE),
        Member(attack=_SMALL, gradient=_ARCTAN),
        Member(attack=_LARGE, gradient=_TRIANGLE),
        Member(attack=_SMALL, gradient=_NARROW),
        Member(attack=_LARGE, gradient=_SIGMOID),
    )
)
_STANDARD = Suite(
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
        # No gradient at all: on adversarially trained networks they break what no gradient finds.
        Member(attack=SparseRS(steps=2000)),
        Member(attack=Square(steps=5000)),
    ),
    patience=1,
)
_FULL = Suite(
    (
        *_STANDARD.members,
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
SUITES = {"quick": _QUICK, "core": _CORE, "standard": _STANDARD, "full": _FULL}


def suite(name: str) -> Suite:
    """Return a named suite; nothing about it needs tuning.

    Args:
        name: ``"quick"`` (to look), ``"core"`` (four gradient settings, 40 steps), ``"standard"``
            (to report) or ``"full"`` (everything there is).
    Returns:
        The suite.
    Raises:
        SettingError: an unknown name.
    Example:
        >>> suite("quick").members[0].name
        'swap arctan-5 margin'
    """
    return SUITES[check_one_of(name, SUITES, "suite")]
