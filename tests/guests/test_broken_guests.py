"""What a package that does not work, or wants a name that is taken, cannot do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spikeproof.base import Registry, SettingError

GROUP = "spikeproof.attacks"
BROKEN = (
    "The package broken-guest 1.0 offers the attack 'far', but importing broken_guest:Far fails: "
    "ModuleNotFoundError: No module named 'no_such_module'. Mend or uninstall that package."
)
GOOD = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Near:
    steps: int = 1
"""

ODD = """
from abc import ABC, abstractmethod
from dataclasses import dataclass

def attack(): ...

class Attack: ...

@dataclass(frozen=True)
class Half(ABC):
    @abstractmethod
    def step(self): ...
"""


@dataclass(frozen=True)
class Own:
    """A member that is there already."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on the path."""
    (tmp_path / "good_guest.py").write_text(GOOD)
    (tmp_path / "broken_guest.py").write_text("import no_such_module\n")
    (tmp_path / "odd_guest.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def registry() -> Registry[Any]:
    """One that has not looked for guests yet."""
    return Registry("attack", {"own": Own}, group=GROUP)


def said(attacks: Registry[Any], name: str) -> str:
    """Why a name cannot be built."""
    with pytest.raises(SettingError) as problem:
        attacks.build(name)
    return str(problem.value)


def test_a_guest_is_imported_when_it_is_asked_for(install: Callable[..., Path], site: Path) -> None:
    install(site, "good-guest", {GROUP: {"near": "good_guest:Near"}})
    attacks = registry()
    assert attacks.build("own") == Own()
    assert "offers" not in vars(attacks.guests)
    assert list(attacks) == ["near", "own"] and "near" not in attacks.members
    near = attacks.build({"kind": "near", "steps": 3})
    assert attacks.record(near) == {"kind": "near", "steps": 3}
    assert registry().kind(near) == "near"
    assert "Did you mean 'near'?" in said(attacks, "neer")


def test_a_broken_package_is_one_sentence_and_breaks_nothing_else(
    install: Callable[..., Path], site: Path
) -> None:
    install(site, "broken-guest", {GROUP: {"far": "broken_guest:Far"}})
    install(site, "good-guest", {GROUP: {"near": "good_guest:Near"}})
    attacks = registry()
    assert list(attacks) == ["far", "near", "own"]
    assert said(attacks, "far") == BROKEN
    assert said(attacks, "far") == BROKEN
    assert attacks.build("own") == Own()
    assert registry().kind(attacks.build("near")) == "near"
    assert {cls.__name__ for cls in attacks.working()} == {"Near", "Own"}


def test_a_guest_cannot_take_a_name_of_spikeproof(install: Callable[..., Path], site: Path) -> None:
    install(site, "shadow", {GROUP: {"own": "good_guest:Near"}})
    attacks = registry()
    with pytest.warns(UserWarning, match="passed over") as caught:
        assert list(attacks) == ["own"]
    assert [str(warning.message) for warning in caught] == [
        "The package shadow 1.0 offers the attack 'own', a name of spikeproof's own; it is passed "
        "over. Ask its author for another name."
    ]
    assert attacks.build("own") == Own()
    assert said(attacks, "other").startswith("Unknown attack 'other'")  # and is not told twice


def test_a_guest_may_register_itself_too(install: Callable[..., Path], site: Path) -> None:
    install(site, "good-guest", {GROUP: {"near": "good_guest:Near"}})
    import good_guest  # type: ignore[import-not-found]

    attacks = registry()
    attacks.register("near", good_guest.Near)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(attacks) == ["near", "own"]


def test_two_guests_of_one_name_are_both_refused(install: Callable[..., Path], site: Path) -> None:
    for name in ("rival", "good-guest"):
        install(site, name, {GROUP: {"near": "good_guest:Near"}})
    assert said(registry(), "near") == (
        "The packages good-guest 1.0 and rival 1.0 offer an attack 'near' each, and a record could "
        "mean either; uninstall one of them."
    )


def test_what_is_no_settings_class_is_refused(install: Callable[..., Path], site: Path) -> None:
    points = {
        "call": "odd_guest:attack",
        "plain": "odd_guest:Attack",
        "gone": "odd_guest:Gone",
        "half": "odd_guest:Half",
    }
    install(site, "odd-guest", {GROUP: points})
    attacks = registry()
    assert said(attacks, "call").startswith("The attack 'call' must be a dataclass, whose fields")
    assert said(attacks, "plain").startswith("The attack 'plain' must be a dataclass, whose fields")
    assert "importing odd_guest:Gone fails: AttributeError" in said(attacks, "gone")
    assert (
        said(attacks, "half") == "The attack 'half', odd_guest.Half, cannot be made: it lacks step."
    )


def test_a_command_lists_what_is_wrong_with_a_broken_package(
    command: Callable[..., tuple[str, str]], install: Callable[..., Path], site: Path
) -> None:
    install(site, "broken-guest", {GROUP: {"far": "broken_guest:Far"}})
    out, _ = command("list", "attacks", "--json", more=site)
    assert BROKEN in out
    assert '"pgd": "' in out
    assert '"twice": "Run an attack, and then' in out
