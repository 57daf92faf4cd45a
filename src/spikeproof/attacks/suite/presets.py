"""The named suites: which attacks, through which gradient rules, in which order."""

from __future__ import annotations

from dataclasses import replace

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.exhaustive import Exhaustive
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.guided_search import GuidedSearch
from spikeproof.attacks.gumbel import GumbelFlips
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.pil import PIL
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.retiming_search import RetimingSearch
from spikeproof.attacks.saliency import Saliency
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.sda import SDA
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.sparse_pgd import SparsePGD
from spikeproof.attacks.sparse_rs import SparseRS
from spikeproof.attacks.spikefool import SpikeFool
from spikeproof.attacks.square import Square
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.progress import STATES
from spikeproof.attacks.suite.suite import Suite
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.base import SettingError, check_one_of
from spikeproof.neurons import Surrogate
from spikeproof.oracle import ASSG, BPTR, HART, PDSG, RGA, Backward, Conversion, Smoothing
from spikeproof.threats import Threat, has_few_points

__all__ = ["SUITES", "suite", "suite_under"]

_ARCTAN = Surrogate("arctan", sharpness=5.0)
_TRIANGLE = Surrogate("triangle", sharpness=1.0)
# With the reset kept, the gradient of a neuron that resets carries a term that misleads; with it
# detached some items of few pixels are missed. So both kinds are here.
_DETACHED = Backward(gradient=_ARCTAN, reset="detached")
_WIDE = Backward(gradient=_TRIANGLE, reset="detached")
_ADAPTIVE = Backward(gradient=ASSG(vanishing=0.455), reset="detached")
_MILDER = Backward(gradient=ASSG(vanishing=0.425), reset="detached")
_MILDEST = Backward(gradient=ASSG(vanishing=0.41), reset="detached")
_LARGE = PGD(steps=40, step_size=0.5, last=0.2, stop=True)
_SWAP = Swap(steps=40, share=0.8, noise=0.2, stop=True)
_FAST = PGD(steps=20, step_size=0.2, stop=True)
# What the first members have brought some way, what they have nearly broken, and what no gradient
# has seen (see ItemProgress). A search may have made an item misled before an open one's turn.
_OPEN, _CLOSE = ("close", "near", "blind", "misled"), ("close", "blind")

_QUICK = Suite(
    (
        Member(attack=Swap(steps=20, share=0.8, noise=0.2, stop=True), gradient=_TRIANGLE),
        Member(attack=_FAST, gradient=_ARCTAN),
        Member(attack=APGD(steps=20, stop=True), gradient=_ADAPTIVE, loss="cross_entropy"),
        Member(attack=RetimingSearch(steps=20, stop=True), gradient=_TRIANGLE),
    )
)
# Counts are left to Swap, Countdown and the searches: on the networks the suites were chosen on,
# whatever follows the other gradients under a count broke nothing that these had not.
_CORE = Suite(
    (
        Member(attack=_SWAP, gradient=_TRIANGLE),
        Member(attack=_SWAP, gradient=_WIDE),
        Member(attack=_LARGE, gradient=_ARCTAN, radius="length"),
        Member(attack=SAPGD(steps=60, stop=True), gradient=_ADAPTIVE, radius="length"),
        Member(
            attack=APGD(steps=40, stop=True), gradient=_ADAPTIVE, loss="cross_entropy", on=_OPEN
        ),
        Member(attack=_LARGE, gradient=_WIDE, on=_OPEN, radius="length"),
        Member(attack=FMN(steps=30), gradient=_ARCTAN, on=_OPEN, radius="length"),
        Member(
            attack=GuidedSearch(steps=75, ascent=10, every=5, width=4),
            gradient=_DETACHED,
            on=_OPEN,
            continues=True,
        ),
        Member(attack=RetimingSearch(steps=60, stop=True), gradient=_TRIANGLE),
        Member(attack=PIL(steps=40, stop=True), gradient=_ARCTAN, on=_OPEN),
        Member(attack=GumbelFlips(steps=40, stop=True), gradient=_ARCTAN, on=_OPEN),
        # Sounds: what the members above left standing, these broke a third to a half of.
        Member(
            attack=Targeted(attack=SAPGD(steps=40, stop=True), rivals=4),
            gradient=_MILDEST,
            radius="length",
            inputs="sounds",
        ),
        Member(attack=SigmaZero(steps=300), radius="count", inputs="sounds"),
        Member(attack=Square(steps=100)),
        Member(attack=Square(steps=1000), on=("misled",)),
    )
)
_STANDARD = Suite(
    (
        Member(attack=_SWAP, gradient=_TRIANGLE),
        Member(attack=_SWAP, gradient=_WIDE),
        Member(attack=_LARGE, gradient=_ARCTAN, radius="length"),
        Member(attack=SAPGD(steps=100, stop=True), gradient=_ADAPTIVE, radius="length"),
        Member(attack=APGD(steps=100, stop=True), gradient=_ADAPTIVE, loss="cross_entropy"),
        # Far items have met both resets, two losses and three schedules, and stop here.
        Member(attack=Countdown(), gradient=_ARCTAN, on=_OPEN),
        Member(attack=_LARGE, gradient=_WIDE, on=_OPEN, radius="length"),
        Member(
            attack=SAPGD(steps=100, stop=True),
            gradient=_MILDER,
            loss="cross_entropy",
            on=_OPEN,
            radius="length",
        ),
        Member(attack=APGD(steps=100, stop=True), gradient=_ARCTAN, loss="cross_entropy", on=_OPEN),
        Member(attack=FMN(steps=100), gradient=_ARCTAN, on=_OPEN, radius="length"),
        Member(
            attack=Targeted(attack=_LARGE, rivals=4), gradient=_DETACHED, on=_OPEN, radius="length"
        ),
        Member(
            attack=GuidedSearch(steps=125, ascent=20, every=8, width=4),
            gradient=_DETACHED,
            on=_OPEN,
            continues=True,
        ),
        # Close ones also meet other draws and a longer search; what no gradient has seen also
        # meets searches that begin elsewhere than at the best gradient point.
        Member(
            attack=APGD(steps=100, stop=True), gradient=_DETACHED, loss="cross_entropy", on=_CLOSE
        ),
        Member(
            attack=Restarts(attack=APGD(steps=100, stop=True), times=2),
            gradient=_ADAPTIVE,
            loss="cross_entropy",
            on=_CLOSE,
        ),
        Member(
            attack=Restarts(attack=SAPGD(steps=100, stop=True), times=2),
            gradient=_MILDER,
            loss="cross_entropy",
            on=_CLOSE,
            radius="length",
        ),
        Member(
            attack=GuidedSearch(steps=375, every=5, width=4),
            gradient=_ADAPTIVE,
            on=_CLOSE,
            continues=True,
        ),
        Member(attack=SparseRS(steps=2000), on=_CLOSE),
        Member(attack=Square(steps=2000), on=("blind",)),
        # Events: these serve flips and retimings alone, and stand last, so that no draw of the
        # others moved when they joined.
        Member(attack=RetimingSearch(steps=150, stop=True), gradient=_TRIANGLE),
        Member(attack=RetimingSearch(steps=150, stop=True), gradient=_WIDE, on=_OPEN),
        Member(attack=PIL(steps=40, stop=True), gradient=_ARCTAN, on=_OPEN),
        Member(attack=GumbelFlips(steps=40, stop=True), gradient=_ARCTAN, on=_OPEN),
        # Sounds: how near an item has come says little about it there, so all meet these.
        Member(
            attack=Targeted(attack=SAPGD(steps=100, stop=True), rivals=4),
            gradient=_MILDEST,
            radius="length",
            inputs="sounds",
        ),
        Member(attack=FMN(steps=300), gradient=_DETACHED, radius="length", inputs="sounds"),
        Member(
            attack=Targeted(attack=SAPGD(steps=100, stop=True), rivals=9),
            gradient=_MILDER,
            radius="length",
            inputs="sounds",
        ),
        Member(
            attack=SAPGD(steps=400, stop=True),
            gradient=_MILDEST,
            radius="length",
            inputs="sounds",
        ),
        Member(attack=SigmaZero(steps=1000), radius="count", inputs="sounds"),
        Member(attack=SigmaZero(steps=300), gradient=_DETACHED, radius="count", inputs="sounds"),
        # Where the gradient is a stand-in, as through a code in spike times, a short search comes
        # nearer than all that followed it, and a long one breaks what they left.
        Member(attack=Square(steps=200)),
        Member(attack=Square(steps=5000), on=("misled",)),
        Member(
            attack=GuidedSearch(steps=375, every=5, width=4),
            gradient=_DETACHED,
            on=("misled",),
            continues=True,
        ),
    ),
    patience=1,
)
_EVERYWHERE = [replace(member, on=STATES, radius="any") for member in _STANDARD.members]
_FULL = Suite(
    (
        *(member for member in _EVERYWHERE if not member.specialised),
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
        *(member for member in _EVERYWHERE if member.specialised),
        Member(attack=SDA(), gradient=PDSG()),
        Member(attack=SpikeFool(), gradient=_ARCTAN),
    ),
    patience=2,
)
_EXHAUSTIVE = Suite((Member(attack=Exhaustive()),))
SUITES = {"quick": _QUICK, "core": _CORE, "standard": _STANDARD, "full": _FULL}


def suite(name: str | Suite) -> Suite:
    """Return a named suite; nothing about it needs tuning.

    Args:
        name: ``"quick"`` (to look), ``"core"`` (to compare many networks), ``"standard"`` (to
            report) or ``"full"`` (everything there is). A suite is returned as it is.
    Returns:
        The suite.
    Raises:
        SettingError: an unknown name, or something that is no suite, such as a single attack.
    Example:
        >>> suite("quick").members[0].name
        'swap triangle-1 margin'
    """
    if not isinstance(name, str):
        if hasattr(name, "members"):  # a suite, or what does as one
            return name
        raise SettingError(
            f"A suite is one of {', '.join(SUITES)}, or a Suite of your own; got {name!r}. For one "
            "attack alone write Suite((Member(attack),))."
        )
    return SUITES[check_one_of(name, SUITES, "suite")]


def suite_under(suite: Suite, threat: Threat) -> Suite:
    """Return the suite that settles a threat.

    Where few inputs are legal, all of them are tried; elsewhere members that are made for threats
    of another kind are left out.

    Args:
        suite: What attacks every other threat.
        threat: What the attacker may do.
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf
        >>> threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(2,)))
        >>> kept = [member.name for member in suite_under(SUITES["quick"], threat).members]
        >>> "retiming_search" in kept, len(kept) < len(SUITES["quick"].members)
        (False, True)
    """
    return _EXHAUSTIVE if has_few_points(threat) else suite.made_for(threat)
