"""Every check of one network under one threat, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from spikeproof.attacks import Member
from spikeproof.evaluate.doctor.attacked import attack_checks, overstated
from spikeproof.evaluate.doctor.check import Check
from spikeproof.evaluate.doctor.convergence import convergence_checks
from spikeproof.evaluate.doctor.evidence import gathered
from spikeproof.evaluate.doctor.inputs import given_checks, radius_check
from spikeproof.evaluate.doctor.layers import layer_checks
from spikeproof.evaluate.doctor.members import claimed_member
from spikeproof.evaluate.doctor.planted import PLANTED, planted_check
from spikeproof.evaluate.doctor.settling import moved_check, settled
from spikeproof.evaluate.doctor.slopes import slope_checks
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.doctor.verdict import MaskingVerdict, judged
from spikeproof.threats import Threat

__all__ = ["Examination"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Examination:
    """A network, what is claimed of it, and where checks begin to count.

    Args:
        subject: Network and right items.
        before: The checks that concern every threat.
        thresholds: Where checks begin to count.
        member: The claimed attack; None takes the usual one of the threat.
        peers: Other networks, for inputs made on them.
        given: Adversarial inputs of the caller for the right items, ``(N, *shape)``.
    """

    subject: Subject
    before: Sequence[Check]
    thresholds: Thresholds = field(default_factory=Thresholds)
    member: Member | None = None
    peers: Sequence[nn.Module] = ()
    given: Tensor | None = None

    def under(self, threat: Threat) -> MaskingVerdict:
        """The verdict under one threat."""
        subject, limits = self.subject, self.thresholds
        named = f"{threat.name}:{threat.radius:g}"
        if not len(subject):
            return judged(named, self.before, limits, items=0)
        member = self.member or claimed_member(threat)
        evidence = gathered(subject, threat, member, self.peers)
        ended = None if evidence.claimed is None else evidence.claimed.x_adv
        doubted = self.given is not None or self.member is not None
        checks = [
            *self.before,
            radius_check(subject, threat, limits),
            *given_checks(subject, evidence, self.given, limits, doubted=doubted),
            *attack_checks(evidence, limits),
            *convergence_checks(evidence, limits),
            *slope_checks(subject, threat, limits),
            *layer_checks(subject, limits, ended),
            planted_check(subject, threat, member, limits)
            if evidence.claimed is not None
            else PLANTED.not_made(evidence.blocked),
        ]
        evidence = settled(subject, evidence, checks, limits)
        if evidence.settling_asked:  # what they broke is broken, whoever broke it
            checks = [
                *(overstated(evidence, limits) if one.name == "overstated" else one
                  for one in checks),
                *moved_check(evidence, limits),
            ]  # fmt: skip
        return judged(
            named,
            checks,
            limits,
            items=len(subject),
            claimed=evidence.left,
            strongest=evidence.left_by_all,
        )
