"""Suites: several attacks in turn on what still stands."""

from spikeproof.attacks.suite.budget import Budget, Spending, cost_per_item
from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.presets import SUITES, suite
from spikeproof.attacks.suite.result import MemberStats, SuiteResult
from spikeproof.attacks.suite.run import SuccessCriterion
from spikeproof.attacks.suite.step import OnSuiteStep, SuiteStep
from spikeproof.attacks.suite.suite import Suite

__all__ = [
    "SUITES",
    "Budget",
    "Member",
    "MemberStats",
    "OnSuiteStep",
    "Spending",
    "SuccessCriterion",
    "Suite",
    "SuiteResult",
    "SuiteStep",
    "cost_per_item",
    "suite",
]
