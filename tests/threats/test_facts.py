"""What a threat says of itself stands with its geometry, once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
import torch

from spikeproof.base import IllegalAdversarial, SettingError
from spikeproof.data import Domain, load
from spikeproof.evaluate import verify
from spikeproof.threats import (
    GEOMETRIES,
    L0,
    L2,
    Counts,
    Linf,
    Threat,
    geometry_named,
    standard_threats,
    threat_facts,
    threat_of,
)

NAMES = {"linf": math.inf, "l2": 2, "l1": 1, "l0": 0, "l0-features": 0, "counts": None}
EVENTS = {
    "flips",
    "flips-insert",
    "flips-delete",
    "flips-exclusive",
    "flips-insert-exclusive",
    "retiming-inf",
    "retiming-l1",
    "retiming-l0",
}

SOUND = {"snr", "snr-peak", "band", "masked"}
SOUND |= {"channels-inf", "channels-l1", "channels-l0", "timestamps"}


@dataclass(frozen=True)
class Silent(L2):
    """A geometry under another name, which says nothing of itself."""

    @property
    def name(self) -> str:
        return "silent"


@dataclass(frozen=True)
class Double(Silent):
    """The same, with a length of its own that is a mistake."""

    def length(self, change: Any, domain: Any) -> Any:
        return 2 * np.sqrt(np.square(change.reshape(len(change), -1)).sum(1))


@pytest.mark.parametrize(("name", "order"), [*NAMES.items(), *((name, None) for name in EVENTS)])
def test_a_name_makes_its_geometry_and_knows_its_order(name: str, order: float | None) -> None:
    assert geometry_named(name).name == name
    assert geometry_named(name).about == threat_facts(name)
    assert threat_facts(name).order == order


def test_every_registered_geometry_has_facts_under_its_name() -> None:
    named = {name for cls in GEOMETRIES.members.values() for name in cls.facts}
    assert named == {*NAMES, *EVENTS, *SOUND, "joint"}
    assert [name for name in named if threat_facts(name).unit] and threat_facts("joint").symbol


def test_a_name_that_does_not_say_enough_is_refused() -> None:
    with pytest.raises(SettingError, match="'joint' does not say everything.* make Joint yourself"):
        geometry_named("joint")
    with pytest.raises(SettingError, match=r"Unknown threat 'l_inf'. Did you mean 'linf'\?"):
        threat_facts("l_inf")


def test_a_threat_on_a_data_set_needs_no_declared_radius() -> None:
    digits, events = load("digits"), load("digits-events")
    assert threat_of(digits, "l0-features", 4) == Threat(L0(pixels=False), 4, digits.domain)
    assert threat_of(events, "counts", 4) == Threat(Counts(), 4, events.domain)
    assert threat_of(events, "linf", 1) == Threat(Linf(), 1, events.domain.relaxed())
    with pytest.raises(SettingError, match="data set 'digits': Unknown threat 'l3'"):
        threat_of(digits, "l3", 1)
    ladders = standard_threats(digits, {"l0-features": (5, 2), "linf": (0.3,)})
    assert [threat.radius for threat in ladders["l0-features"]] == [2, 5]
    assert [threat.radius for threat in ladders["linf"]] == [0.3]
    assert set(ladders) == {*digits.spec.radii, "l0-features"}


def test_what_cannot_be_measured_twice_is_not_verified() -> None:
    domain = Domain(kind="audio", shape=(2,))
    x, x_adv, y = torch.zeros(1, 2), torch.tensor([[0.3, 0.4]]), torch.tensor([0])
    model = torch.nn.Linear(2, 2)
    with pytest.raises(SettingError, match="under silent cannot be verified: Silent names neither"):
        verify(model, x, x_adv, y, Threat(Silent(), 0.5, domain))
    with pytest.raises(IllegalAdversarial, match=r"moved 1[.]\d* under silent where 0.5"):
        verify(model, x, x_adv, y, Threat(Double(), 0.5, domain))
    assert cast(float, verify(model, x, x_adv, y, Threat(L2(), 0.5, domain)).distance[0]) > 0.49
