"""Attacks: searches for a legal input that reaches the goal."""

from spikeproof.attacks.attack import Attack, serves
from spikeproof.attacks.ensemble import Found, Member, Suite, suite
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.random import Random
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.saliency import Saliency
from spikeproof.attacks.sparse_pgd import SparsePGD
from spikeproof.attacks.sparse_rs import SparseRS
from spikeproof.attacks.square import Square
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.trackers import Best
from spikeproof.attacks.transfer import Transfer

__all__ = [
    "ATTACKS",
    "PGD",
    "Attack",
    "Best",
    "Found",
    "Member",
    "Random",
    "Restarts",
    "Saliency",
    "SparsePGD",
    "SparseRS",
    "Square",
    "Suite",
    "Swap",
    "Transfer",
    "serves",
    "suite",
]
