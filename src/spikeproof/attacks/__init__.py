"""Attacks: searches for a legal input that reaches the goal."""

from spikeproof.attacks.apgd import APGD
from spikeproof.attacks.attack import Attack, passes, serves
from spikeproof.attacks.countdown import Countdown
from spikeproof.attacks.ddn import DDN
from spikeproof.attacks.fgsm import FGSM
from spikeproof.attacks.fmn import FMN
from spikeproof.attacks.guided_search import GuidedSearch
from spikeproof.attacks.gumbel import GumbelFlips
from spikeproof.attacks.nearest import MinimumNorm, Nearest
from spikeproof.attacks.pdpgd import PDPGD
from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.pieces.best import Best
from spikeproof.attacks.pil import PIL
from spikeproof.attacks.random import Random
from spikeproof.attacks.registry import ATTACKS
from spikeproof.attacks.restarts import Restarts
from spikeproof.attacks.retiming_search import RetimingSearch
from spikeproof.attacks.rfgsm import RFGSM
from spikeproof.attacks.saliency import Saliency
from spikeproof.attacks.sapgd import SAPGD
from spikeproof.attacks.sda import SDA
from spikeproof.attacks.sigma_zero import SigmaZero
from spikeproof.attacks.sparse_pgd import SparsePGD
from spikeproof.attacks.sparse_rs import SparseRS
from spikeproof.attacks.spikefool import SpikeFool
from spikeproof.attacks.square import Square
from spikeproof.attacks.suite.budget import Budget, Spending, cost_per_item
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.presets import SUITES, suite
from spikeproof.attacks.suite.result import MemberStats, SuiteResult
from spikeproof.attacks.suite.run import SuccessCriterion
from spikeproof.attacks.suite.step import OnSuiteStep, SuiteStep
from spikeproof.attacks.suite.suite import Suite
from spikeproof.attacks.swap import Swap
from spikeproof.attacks.targeted import Targeted
from spikeproof.attacks.transfer import Transfer

__all__ = [
    "APGD",
    "ATTACKS",
    "DDN",
    "FGSM",
    "FMN",
    "PDPGD",
    "PGD",
    "PIL",
    "RFGSM",
    "SAPGD",
    "SDA",
    "SUITES",
    "Attack",
    "Best",
    "Budget",
    "Countdown",
    "GuidedSearch",
    "GumbelFlips",
    "Member",
    "MemberStats",
    "MinimumNorm",
    "Nearest",
    "OnSuiteStep",
    "Random",
    "Restarts",
    "RetimingSearch",
    "Saliency",
    "SigmaZero",
    "SparsePGD",
    "SparseRS",
    "Spending",
    "SpikeFool",
    "Square",
    "SuccessCriterion",
    "Suite",
    "SuiteResult",
    "SuiteStep",
    "Swap",
    "Targeted",
    "Transfer",
    "cost_per_item",
    "passes",
    "serves",
    "suite",
]
