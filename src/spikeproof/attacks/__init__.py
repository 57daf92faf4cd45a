"""Attacks: searches for a legal input that reaches the goal."""

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.ensemble import Found, Member, Suite, suite
from spikeproof.attacks.fgsm import FGSM
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.rfgsm import RFGSM
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.attacks.trackers import Best

__all__ = [
    "APGD",
    "ATTACKS",
    "FGSM",
    "PGD",
    "RFGSM",
    "SAPGD",
    "Attack",
    "Best",
    "Found",
    "Member",
    "Random",
    "Restarts",
    "Suite",
    "Swap",
    "Targeted",
    "serves",
    "suite",
]
