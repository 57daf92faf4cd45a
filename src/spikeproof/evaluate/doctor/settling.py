"""Attacks that settle symptoms: does the number move where the doubted attack looked weak?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.members import settling
from spikeproof.evaluate.doctor.path import AttackPath
from spikeproof.evaluate.doctor.subject import Ran, Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.doctor.verdict import by_symptoms_alone

__all__ = ["MOVED", "moved_check", "settled"]

MOVED = Inquiry(
    name="moved",
    weight="sign",
    why="The doubted attack looked weak, and stronger ones break what it leaves: its robust "
    "accuracy is too high.",
    settles="The suite standard, and full where anything still stands.",
    mend="Report the worst of a suite, and not this attack alone.",
)


def settled(
    subject: Subject, evidence: AttackEvidence, checks: Sequence[Check], thresholds: Thresholds
) -> AttackEvidence:
    """Return the evidence with the attacks that settle its symptoms, where symptoms alone decide.

    A symptom shows that the doubted attack had not ended, fails at other radii or follows a crooked
    gradient. Whether its number is wrong is another question, and that one can be asked: items that
    still stand are attacked longer, from new starts, through every gradient rule, and on the mean
    of draws where the network answers at random.

    Args:
        subject: Network and right items.
        evidence: What attacks did so far.
        checks: Every check so far.
        thresholds: How checks make a verdict.
    Cost:
        About 620 passes at most per item that still stands; 1900 where the network answers at
        random.
    """
    if evidence.claimed is None or not by_symptoms_alone(checks, thresholds):
        return evidence
    runs = list[Ran]()
    for member in settling(evidence.threat, evidence.member, subject.rules, subject.random):
        found = replace(evidence, settling=tuple(runs))
        standing = (~found.won((*found.by_gradient, *found.by_search))).nonzero().flatten()
        if not len(standing):
            break
        part = subject.subset(standing)
        runs.append(_spread(part.attacked(member, evidence.threat), subject, standing))
        subject.spend(part.passes)
    return replace(evidence, settling=tuple(runs), settling_asked=True)


def moved_check(evidence: AttackEvidence, thresholds: Thresholds) -> list[Check]:
    """Return whether the number moved; no check where nothing had to be settled.

    Args:
        evidence: With the attacks that settle.
        thresholds: Where the check begins to count.
    """
    if not evidence.settling_asked:
        return []
    before = replace(evidence, settling=())
    standing = ~before.won((*before.by_gradient, *before.by_search))
    broke = int((evidence.won(evidence.settling) & standing).sum())
    gap = evidence.left - evidence.left_by_all
    said = (
        f"{len(evidence.settling)} longer attacks broke {broke} of {int(standing.sum())} items "
        "that all others had left"
        if standing.any()
        else "Nothing was left to attack"
    )
    return [
        MOVED.found(
            gap,
            f"Symptoms alone would decide, so they were settled: {said}; in all "
            f"{100 * gap:.1f} % of {len(standing)} items stand before the doubted attack only.",
            thresholds,
            detail={"attacks": [ran.name for ran in evidence.settling]},
        )
    ]


def _spread(ran: Ran, subject: Subject, where: Tensor) -> Ran:
    """A run on some of the items as one on all of them: the others are as they were."""
    n = len(subject)
    x_adv, won = subject.x.clone(), torch.zeros(n, dtype=torch.bool)
    x_adv[where], won[where] = ran.x_adv, ran.won
    rising = torch.zeros(n, dtype=torch.bool)
    rising[where] = ran.rising
    return Ran(ran.name, subject.x, x_adv, won, rising, AttackPath(n), ran.illegal)
