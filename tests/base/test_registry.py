"""Registries: joining one, and the records of what stands inside members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

import pytest

from spikeproof.base import Members, Named, Registry, SettingError, record_of, settings_from


class Tool(Protocol):
    """A family by shape."""

    weight: float


class Box:
    """A family by class."""


@dataclass(frozen=True, kw_only=True)
class Hammer:
    """A tool that holds none."""

    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Handle:
    """Settings that are no member of anything."""

    length: float = 0.3

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise SettingError(f"Handle.length must be positive; got {self.length!r}.")


@dataclass(frozen=True, kw_only=True)
class Belt:
    """A tool that holds tools in every way there is."""

    weight: float = 2.0
    handle: Handle = field(default_factory=Handle)
    first: Tool | None = None
    row: tuple[Tool, ...] = ()
    heap: list[Tool] = field(default_factory=list)
    hooks: Mapping[str, Tool] = field(default_factory=dict)
    priced: Mapping[str, Annotated[tuple[Tool, float], Named("tool", "price")]] = field(
        default_factory=dict
    )
    small: Crate | None = None


@dataclass(frozen=True)
class Crate(Box):
    """A box that is made for a place, which its record does not hold."""

    place: int | str
    tools: tuple[Tool, ...] = ()
    inner: tuple[Crate, ...] = ()


TOOLS: Registry[Tool] = Registry("tool", of=Tool, bare="hammer")
TOOLS.register("hammer", Hammer)
TOOLS.register("belt", Belt)
BOXES: Registry[Box] = Registry("box", {"crate": Crate}, of=Box, given=int | str)
FULL = Belt(
    first=Hammer(weight=3.0),
    row=(Hammer(), Belt(row=(Hammer(weight=4.0),))),
    heap=[Hammer(weight=5.0)],
    hooks={"left": Hammer(weight=6.0)},
    priced={"left": (Hammer(weight=7.0), 9.5)},
)


def test_members_inside_members_are_records_inside_records() -> None:
    record = TOOLS.record(FULL)
    hammer = {"kind": "hammer", "weight": 1.0}
    assert record == {
        "kind": "belt",
        "weight": 2.0,
        "handle": {"length": 0.3},
        "first": hammer | {"weight": 3.0},
        "row": [hammer, TOOLS.record(Belt(row=(Hammer(weight=4.0),)))],
        "heap": [hammer | {"weight": 5.0}],
        "hooks": {"left": hammer | {"weight": 6.0}},
        "priced": {"left": {"tool": hammer | {"weight": 7.0}, "price": 9.5}},
        "small": None,
    }
    assert TOOLS.build(record) == FULL


def test_what_is_given_is_left_out_of_records_at_every_depth() -> None:
    crate = Crate(7, (Hammer(),), (Crate(7, (FULL,)),))
    record = BOXES.record(crate)
    assert record == {
        "kind": "crate",
        "tools": [{"kind": "hammer", "weight": 1.0}],
        "inner": [{"kind": "crate", "tools": [TOOLS.record(FULL)], "inner": []}],
    }
    assert BOXES.build(record, 7) == crate
    belt = Belt(small=Crate("here"))
    assert TOOLS.build(TOOLS.record(belt), "here") == belt


def test_bare_kinds_and_members_are_taken_for_records() -> None:
    built = TOOLS.build({"kind": "belt", "first": "hammer", "row": [Hammer(weight=2.0), {}]})
    assert built == Belt(first=Hammer(), row=(Hammer(weight=2.0), Hammer()))


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"kind": "belt", "rwo": []}, "tool 'belt': unknown setting 'rwo'. Did you mean 'row'?"),
        (
            {"kind": "belt", "row": [{"kind": "hamer"}]},
            "tool 'belt': row: 1: Unknown tool 'hamer'. Did you mean 'hammer'?",
        ),
        (
            {"kind": "belt", "first": {"kind": "hammer", "wight": 1}},
            "tool 'belt': first: tool 'hammer': unknown setting 'wight'. Did you mean 'weight'?",
        ),
        (
            {"kind": "belt", "hooks": {"left": {"weight": "much"}}},
            "tool 'belt': hooks: left: weight: Input should be a valid number",
        ),
        (
            {"kind": "belt", "handle": {"lenght": 1}},
            "tool 'belt': handle: unknown setting 'lenght'. Did you mean 'length'?",
        ),
        (
            {"kind": "belt", "handle": {"length": float("nan")}},
            "tool 'belt': handle: Handle.length must be positive; got nan.",
        ),
        ({"kind": "belt", "handle": 3}, "handle must be a table of settings; got 3."),
        ({"kind": "belt", "row": "hammer"}, "tool 'belt': row must be a list; got 'hammer'."),
        ({"kind": "belt", "hooks": []}, "hooks must be a table of names and values; got []."),
        ({"kind": "belt", "first": 3}, "first: Every tool is a name, or a table with a 'kind'"),
        (
            {"kind": "belt", "priced": {"left": {"tool": "hammer"}}},
            "priced: left needs exactly 'tool' and 'price'; got {'tool': 'hammer'}.",
        ),
        ({"kind": "belt", "priced": {"left": ["hammer"]}}, "must have 2 entries; got ['hammer']."),
    ],
)
def test_a_mistake_inside_is_named_with_its_place(record: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError) as problem:
        TOOLS.build(record)
    assert sentence in str(problem.value)


def test_a_refused_value_does_not_bring_the_whole_table_along() -> None:
    with pytest.raises(SettingError) as problem:
        settings_from(Handle, {"length": float("nan")}, "plan")
    assert str(problem.value) == "plan: Handle.length must be positive; got nan."


def test_registering_makes_a_class_a_member() -> None:
    tools: Registry[Any] = Registry("tool")

    @tools.register("saw")
    @dataclass(frozen=True)
    class Saw:
        """A decorated class stays itself."""

        teeth: int = 8

    assert tools.build({"kind": "saw", "teeth": 9}) == Saw(9)
    assert list(tools) == ["saw"]
    assert "saw" in tools and "hammer" not in tools
    assert tools.register("saw", Saw) is Saw  # a cell of a notebook that is run again


def test_a_name_is_given_once() -> None:
    tools: Registry[Any] = Registry("tool", {"hammer": Hammer})
    with pytest.raises(SettingError) as problem:
        tools.register("hammer", Belt)
    assert "The tool 'hammer' is already registered, by" in str(problem.value)
    assert "test_registry.Hammer; choose another name" in str(problem.value)
    assert tools["hammer"] is Hammer


def test_a_member_without_fields_is_refused() -> None:
    tools: Registry[Any] = Registry("tool")
    with pytest.raises(SettingError, match="The tool 'box' must be a dataclass"):
        tools.register("box", Box)


def test_types_that_cannot_be_found_are_one_sentence() -> None:
    @dataclass(frozen=True)
    class Lost:
        where: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(SettingError, match=r"Lost cannot be found \(name 'Nowhere'"):
        settings_from(Lost, {}, "plan")


def test_a_class_made_by_exec_finds_the_names_of_its_methods() -> None:
    source = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Made:
    tool: Tool | None = None

    def __call__(self) -> None: ...
"""
    names: dict[str, Any] = {"Tool": Tool, "__name__": "spikeproof"}
    exec(source, names)
    made = settings_from(names["Made"], {"tool": "hammer"}, "plan")
    assert made == names["Made"](Hammer())


def test_plain_containers_stay_what_they_are() -> None:
    @dataclass(frozen=True)
    class Plain:
        pair: tuple[float, ...] = (1.0, 2.0)
        table: Any = None
        call: Callable[[int], int] | None = None

    assert record_of(Plain(table={"a": Hammer()})) == {
        "pair": (1.0, 2.0),
        "table": {"a": {"weight": 1.0}},
        "call": None,
    }
    assert settings_from(Plain, {"pair": [1, "2"]}, "plan") == Plain((1.0, 2.0))


def test_members_can_be_anything_under_a_name() -> None:
    numbers: Members[int] = Members("number", {"one": 1})
    numbers.register("two", 2)
    assert {name: numbers[name] for name in numbers} == {"one": 1, "two": 2}
    with pytest.raises(SettingError, match=r"Unknown number 'tow'. Did you mean 'two'\?"):
        numbers["tow"]
    with pytest.raises(SettingError, match="The number 'one' is already registered, by 1;"):
        numbers.register("one", 3)
