"""Settings, records and registries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from spikeproof.base import Registry, SettingError, settings_from


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A made-up member."""

    steps: int = 3
    stride: float = 0.5


WALKS: Registry[Walk] = Registry("walk", {"walk": Walk})


def test_a_record_rebuilds_its_member() -> None:
    walk = Walk(steps=7)
    record = WALKS.record(walk)
    assert record == {"kind": "walk", "steps": 7, "stride": 0.5}
    assert WALKS.build(record) == walk


def test_a_bare_kind_is_the_default_member() -> None:
    assert WALKS.build("walk") == Walk()


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"kind": "walk", "step": 7}, "walk 'walk': unknown setting 'step'. Did you mean 'steps'?"),
        ({"kind": "wolk"}, "Unknown walk 'wolk'. Did you mean 'walk'?"),
        ({"kind": "zzz"}, "Unknown walk 'zzz'. Known: walk."),
        ({"steps": 7}, "Every walk needs a 'kind'. Known: walk."),
        ({"kind": "walk", "steps": "many"}, "walk 'walk': steps: Input should be a valid integer"),
    ],
)
def test_a_bad_record_is_refused_with_the_way_out(record: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError) as problem:
        WALKS.build(record)
    assert sentence in str(problem.value)


def test_a_missing_setting_is_named() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Needs:
        steps: int

    with pytest.raises(SettingError, match="plan: steps: Field required"):
        settings_from(Needs, {}, "plan")


def test_a_stranger_is_not_registered() -> None:
    with pytest.raises(SettingError, match="int is not a registered walk"):
        WALKS.kind(3)


def test_a_registry_lists_its_kinds_in_order() -> None:
    assert list(Registry("walk", {"b": Walk, "a": Walk})) == ["a", "b"]


@dataclass(frozen=True, kw_only=True)
class Stroll:
    """A class whose kind and field were called otherwise."""

    renamed: ClassVar[Mapping[str, str]] = {"strides": "steps"}

    steps: int = 3


def test_old_kinds_and_fields_are_read_with_a_notice_and_not_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    strolls: Registry[Stroll] = Registry("stroll", {"stroll": Stroll}, renamed={"amble": "stroll"})
    for record in ({"kind": "amble", "strides": 5}, {"kind": "stroll", "strides": 5}):
        built = strolls.build(record)
        assert built == Stroll(steps=5)
        assert strolls.record(built) == {"kind": "stroll", "steps": 5}
    assert capsys.readouterr().err.splitlines() == [
        "stroll: amble is now written stroll; the old spelling is still read.",
        "stroll 'stroll': strides is now written steps; the old spelling is still read.",
    ]
    assert list(strolls) == ["stroll"]
    with pytest.raises(SettingError, match="unknown setting 'strides'"):
        strolls.build({"kind": "stroll", "strides": 5, "steps": 5})


def test_a_new_class_may_take_an_old_kind() -> None:
    strolls: Registry[object] = Registry("stroll", {"stroll": Stroll}, renamed={"amble": "stroll"})
    strolls.register("amble", Walk)
    assert strolls.build("amble") == Walk()
