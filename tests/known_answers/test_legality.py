"""Whatever an attack returns is legal, finite, never worse than clean, and no false success."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spikeproof.attacks import ATTACKS
from spikeproof.threats import L0, L2, Counts, Joint, Linf, Threat
from support.legality import (
    AUDIO,
    EVENTS,
    IMAGE,
    TURNED,
    VIEWS,
    Still,
    at,
    gaps,
    pairs,
    turns,
    violations,
)

TURNS, ITEMS = 10, 50


@pytest.mark.parametrize("kind", list(dict.fromkeys(kind for kind, _ in pairs())))
def test_five_hundred_random_cases_under_every_threat_are_legal(kind: str) -> None:
    for name in (name for own, name in pairs() if own == kind):
        for threat, model, (x, y, x_adv) in turns(
            kind, name, len(TURNED[name]) if name in TURNED else TURNS, ITEMS
        ):
            assert x_adv.dtype == x.dtype, threat
            assert violations(threat, x, x_adv) == {}, threat
            after = gaps(model, x_adv, y)
            assert np.isfinite(after).all(), threat
            assert (after >= gaps(model, x, y) - 1e-6).all(), threat
            if isinstance(model, Still):
                assert (after < 0).all(), threat


def test_every_registered_attack_is_judged_under_some_threat() -> None:
    assert {kind for kind, _ in pairs()} == set(ATTACKS)


def test_the_turns_reach_every_domain_and_the_radius_zero() -> None:
    threats = [at("l0", turn) for turn in range(TURNS)]
    assert {t.domain.kind for t in threats} == {"image", "events", "audio", "views"}
    assert any(t.domain.integer for t in threats) and min(t.radius for t in threats) == 0


@pytest.mark.parametrize(
    ("threat", "places", "rule"),
    [
        (Threat(Linf(), 0.1, IMAGE), {0: 0.1000001}, "ball"),
        (Threat(Linf(), 0.1, IMAGE), {0: -0.6}, "box "),
        (Threat(L2(), 0.5, AUDIO), {0: 0.4, 1: 0.4}, "ball"),
        (Threat(L0(), 1.0, IMAGE), {0: 0.1, 1: 0.1}, "ball"),
        (Threat(L0(pixels=False), 1.0, IMAGE), {0: 0.1, 9: 0.1}, "ball"),
        (Threat(L0(), 1.0, EVENTS), {0: 1.0, 12: 1.0}, "ball"),
        (Threat(Counts(), 2.0, EVENTS), {0: 2.0, 1: 1.0}, "ball"),
        (Threat(Counts(), 2.0, EVENTS), {0: 0.5}, "grid "),
        (Threat(Joint({"image": (Linf(), 0.1)}), 1.0, VIEWS), {18: 1e-6}, "still audio"),
        (Threat(Joint({"image": (Linf(), 0.1)}), 1.0, VIEWS), {0: 0.2}, "ball image"),
    ],
)
def test_the_judge_finds_each_violation(
    threat: Threat, places: dict[int, float], rule: str
) -> None:
    x = torch.full((2, threat.domain.size), 0.0 if threat.domain.integer else 0.5).double()
    x_adv = x.clone()
    for place, change in places.items():
        x_adv[1, place] += change
    shape = (2, *threat.domain.shape)
    x, x_adv = x.view(shape), x_adv.view(shape)
    assert violations(threat, x, x) == {}
    found = violations(threat, x, x_adv)
    assert found.get(rule) == 1
    if rule == "ball" and threat.name == "l0":  # all channels of one place are one pixel
        legal = x.clone()
        legal.view(2, -1)[1, [0, 9 if threat.domain is IMAGE else 6]] += 0.5 + 0.5 * (
            threat.domain is EVENTS
        )
        assert violations(threat, x, legal) == {}


def test_the_judge_refuses_what_is_not_finite() -> None:
    x = torch.full((1, *IMAGE.shape), 0.5)
    assert "finite" in violations(Threat(Linf(), 0.1, IMAGE), x, x * torch.nan)
