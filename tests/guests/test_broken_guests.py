"""What a package that does not work, or wants a name that is taken, cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Asked = Callable[..., Any]
TRY = """
from spikeproof.attacks import ATTACKS
from spikeproof.base import SettingError
def said(*names):
    out = []
    for name in names:
        try:
            out.append(ATTACKS.build(name).__class__.__module__)
        except SettingError as problem:
            out.append(str(problem))
    return out
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for one more package."""
    (tmp_path / "broken_guest.py").write_text("import no_such_module\n")
    (tmp_path / "odd_guest.py").write_text("def attack(): ...\n\n\nclass Attack: ...\n")
    return tmp_path


def test_a_broken_package_is_one_sentence_and_breaks_nothing_else(
    asked: Asked, command: Asked, install: Asked, site: Path
) -> None:
    install(site, "broken-guest", {"spikeproof.attacks": {"far": "broken_guest:Far"}})
    pgd, far, twice = asked(TRY + "answer = said('pgd', 'far', 'twice')", more=site)
    assert pgd == "spikeproof.attacks.pgd"
    assert twice == "spikeproof_guest.attack"
    assert far == (
        "The package broken-guest 1.0 offers the attack 'far', but importing broken_guest:Far "
        "fails: ModuleNotFoundError: No module named 'no_such_module'. Mend or uninstall that "
        "package."
    )
    listed = json.loads(command("list", "attacks", "--json", more=site)[0])["attacks"]
    assert listed["far"] == far
    assert listed["pgd"].startswith("Climb the goal")
    kinds = TRY + "from spikeproof_guest.attack import Twice\nanswer = ATTACKS.kind(Twice())"
    assert asked(kinds, more=site) == "twice"


def test_a_guest_cannot_take_a_name_of_spikeproof(asked: Asked, install: Asked, site: Path) -> None:
    install(site, "shadow", {"spikeproof.attacks": {"pgd": "spikeproof_guest.attack:Twice"}})
    code = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    answer = [said("pgd", "nothing")[0], [str(w.message) for w in caught]]
"""
    pgd, warned = asked(TRY + code, more=site)
    assert pgd == "spikeproof.attacks.pgd"
    assert warned == [
        "The package shadow 1.0 offers the attack 'pgd', a name of spikeproof's own; it is passed "
        "over. Ask its author for another name."
    ]


def test_two_guests_of_one_name_are_both_refused(asked: Asked, install: Asked, site: Path) -> None:
    install(site, "rival", {"spikeproof.attacks": {"twice": "spikeproof_guest.attack:Twice"}})
    (twice,) = asked(TRY + "answer = said('twice')", more=site)
    assert "The packages rival 1.0 and spikeproof-guest 1.0 offer an attack 'twice' each" in twice


def test_what_is_no_settings_class_is_refused(asked: Asked, install: Asked, site: Path) -> None:
    points = {"call": "odd_guest:attack", "plain": "odd_guest:Attack", "gone": "odd_guest:Gone"}
    install(site, "odd-guest", {"spikeproof.attacks": points})
    call, plain, gone = asked(TRY + "answer = said('call', 'plain', 'gone')", more=site)
    assert call.startswith("The attack 'call' must be a dataclass, whose fields are its settings")
    assert plain.startswith("The attack 'plain' must be a dataclass, whose fields")
    assert "importing odd_guest:Gone fails: AttributeError" in gone


def test_registries_look_for_guests_only_when_a_name_is_not_their_own(asked: Asked) -> None:
    code = """
import sys
from spikeproof.attacks import ATTACKS
ATTACKS.record(ATTACKS.build("pgd"))
before = [vars(ATTACKS.guests).get("offers"), "spikeproof_guest" in sys.modules]
names = "twice" in list(ATTACKS)
answer = [*before, names, "spikeproof_guest.attack" in sys.modules]
"""
    assert asked(code) == [None, False, True, False]
