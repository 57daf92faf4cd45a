"""Attacks: searches for a legal input that reaches the goal."""

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.ensemble import Found, Member, Suite, suite
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.trackers import Best
from spikeproof.attacks.tune import WIDTHS, tune

__all__ = [
    "ATTACKS",
    "DDN",
    "FMN",
    "PDPGD",
    "PGD",
    "WIDTHS",
    "Attack",
    "Best",
    "Countdown",
    "Found",
    "Member",
    "MinimumNorm",
    "Nearest",
    "Random",
    "Restarts",
    "SigmaZero",
    "Suite",
    "Swap",
    "serves",
    "suite",
    "tune",
]
