"""Suites: several attacks in turn on what still stands."""

from spikeproof.attacks.suite.member import Member
from spikeproof.attacks.suite.presets import SUITES, suite
from spikeproof.attacks.suite.result import Found, Tally
from spikeproof.attacks.suite.run import Judge
from spikeproof.attacks.suite.suite import Suite

__all__ = ["SUITES", "Found", "Judge", "Member", "Suite", "Tally", "suite"]
