"""Sounds meet one attack more, and what it breaks counts against the claim."""

from __future__ import annotations

import torch

from spikeproof.attacks import Member, SigmaZero, Targeted
from spikeproof.data import Domain
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.members import on_sounds
from spikeproof.evaluate.doctor.path import AttackPath
from spikeproof.evaluate.doctor.subject import Ran
from spikeproof.threats import L0, Linf, Threat

SOUND = Domain(kind="audio", shape=(40,), low=-1.0)
IMAGE = Domain(kind="image", shape=(1, 4, 4))


def ran(name: str, *won: bool) -> Ran:
    """An attack on as many items, of which it broke some."""
    x, bits = torch.zeros(len(won), 40), torch.tensor(won)
    return Ran(name, x, x, bits, torch.zeros_like(bits), AttackPath(len(won)))


def test_only_sounds_meet_it() -> None:
    assert on_sounds(Threat(Linf(), 0.1, IMAGE), rules=True) is None
    steps, zero = (on_sounds(t, rules=True) for t in (under(Linf(), 0.1), under(L0(), 4)))
    assert steps is not None and isinstance(steps.attack, Targeted)
    assert zero is not None and isinstance(zero.attack, SigmaZero)


def test_a_network_without_rules_keeps_its_own_gradient() -> None:
    found = on_sounds(under(Linf(), 0.1), rules=False)
    assert found is not None and found.gradient is None


def test_what_it_breaks_counts() -> None:
    before = AttackEvidence(
        threat=under(Linf(), 0.1),
        member=Member(),
        claimed=ran("claimed", True, False, False, False),
    )
    more = AttackEvidence(
        threat=before.threat,
        member=before.member,
        claimed=before.claimed,
        sounds=ran("sounds", True, True, True, False),
    )
    assert (before.left, before.left_by_all) == (0.75, 0.75)
    assert (more.left, more.left_by_all) == (0.75, 0.25)


def under(geometry: Linf | L0, radius: float) -> Threat:
    """A threat on sounds."""
    return Threat(geometry, radius, SOUND)
