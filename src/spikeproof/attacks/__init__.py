"""Attacks: searches for a legal input that reaches the goal."""

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.ensemble import Found, Member, Suite, suite
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.trackers import Best
from spikeproof.attacks.tune import WIDTHS, tune

__all__ = [
    "ATTACKS",
    "PGD",
    "WIDTHS",
    "Attack",
    "Best",
    "Found",
    "Member",
    "Random",
    "Restarts",
    "Suite",
    "Swap",
    "serves",
    "suite",
    "tune",
]
