"""Members that attack sounds alone: whom they serve, and that no other suite knows of them."""

from __future__ import annotations

import pytest

from spikeproof.attacks import SAPGD, Member
from spikeproof.attacks.suite.presets import SUITES, suite_under
from spikeproof.base import SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats import L0, L2, Joint, Linf, Threat

IMAGE = Domain(kind="image", shape=(1, 4, 4))
EVENTS = Domain(kind="events", shape=(3, 2, 4, 4), integer=True, high=3.0)
SOUND = Domain(kind="audio", shape=(80,), low=-1.0)
PAIR = Views((("image", IMAGE), ("audio", SOUND)))
ON_SOUNDS = Member(attack=SAPGD(steps=3), inputs="sounds")


def under(domain: Domain) -> Threat:
    """A small ball; of events one event may move."""
    return Threat(L2() if domain.integer else Linf(), 1.0 if domain.integer else 0.1, domain)


def joint() -> Threat:
    """Both views at once."""
    return Threat(Joint({"image": (Linf(), 0.1), "audio": (Linf(), 0.1)}), 1.0, PAIR)


def test_a_member_for_sounds_serves_sounds_and_what_holds_one() -> None:
    assert ON_SOUNDS.serves(under(SOUND))
    assert ON_SOUNDS.serves(joint())
    assert not ON_SOUNDS.serves(under(IMAGE))
    assert not ON_SOUNDS.serves(under(EVENTS))
    assert ON_SOUNDS.specialised


@pytest.mark.parametrize("name", ["core", "standard"])
def test_suites_of_images_are_what_they_were(name: str) -> None:
    suite = suite_under(SUITES[name], under(IMAGE))
    assert [m.name for m in suite.members if m.inputs != "any"] == []
    assert all("inputs" not in member for member in suite.record()["members"])


@pytest.mark.parametrize(
    ("name", "of_length", "of_count"), [("quick", 0, 0), ("core", 1, 1), ("standard", 4, 2)]
)
def test_sounds_meet_more_members(name: str, of_length: int, of_count: int) -> None:
    for threat, more in ((under(SOUND), of_length), (Threat(L0(), 4, SOUND), of_count)):
        members = suite_under(SUITES[name], threat).members
        assert sum(m.inputs == "sounds" and m.serves(threat) for m in members) == more


def test_an_unknown_kind_of_input_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingError, match="Member.inputs"):
        Member(inputs="smells")
