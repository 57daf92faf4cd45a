"""The suites under threats on events: who attacks, what is recorded, and that it is legal."""

from __future__ import annotations

import pytest
import torch

from spikeproof.attacks import PIL, SUITES, RetimingSearch
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.threats import (
    L0,
    Counts,
    Flips,
    Geometry,
    Linf,
    Relative,
    Retiming,
    Threat,
    Within,
    threat_from,
)
from support.legality import Spikes, violations

BITS = Domain(kind="events", shape=(3, 2, 2, 3), high=1.0, integer=True)
COUNTS = Domain(kind="events", shape=(3, 2, 2, 3), high=3.0, integer=True)


@pytest.mark.parametrize("name", SUITES)
def test_what_is_recorded_of_other_threats_does_not_name_attacks_on_events(name: str) -> None:
    suite, image = SUITES[name], Domain(kind="image", shape=(1, 4, 4))
    before = [member for member in suite.members if not member.specialised]
    for threat in (Threat(Linf(), 0.1, image), Threat(L0(), 1, image), Threat(Counts(), 1, COUNTS)):
        assert list(suite.made_for(threat).members) == before
    joined = [m for m in suite.made_for(Threat(Retiming(), 1, COUNTS)).members if m.specialised]
    assert {type(m.attack) for m in joined} <= {RetimingSearch, PIL} and joined


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize(
    "geometry",
    [Flips(), Within(Flips(), "dash"), Relative(Flips()), Retiming(), Relative(Retiming("l1"))],
    ids=lambda geometry: geometry.name,
)
def test_every_suite_attacks_under_every_threat_on_events(name: str, geometry: Geometry) -> None:
    threat = Threat(geometry, 1, BITS)
    assert [member for member in SUITES[name].members if member.serves(threat)]


@pytest.mark.parametrize("written", ["flips:3", "retiming-inf:1", "flips-relative:0.2"])
def test_a_quick_suite_returns_legal_events(written: str) -> None:
    threat, model = threat_from(written, None, BITS), Spikes(BITS.size, 0)
    x = torch.randint(0, 2, (6, *BITS.shape), generator=torch.Generator().manual_seed(0)).float()
    with torch.no_grad():
        y = model(x).argmax(1)
    found = SUITES["quick"](model, x, y, threat, seeds=seeds(0, n=6))
    assert violations(threat, x, found.x_adv) == {}
