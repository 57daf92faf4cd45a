"""Damage to JSON and TOML: every place of a file may hold what nobody wrote there."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

__all__ = ["JSON", "PAYLOADS", "TOML", "hostile_json"]

_HOLE = "@@hole@@"
_DEEP = 100_000

PAYLOADS: dict[str, str] = {
    "deep lists": "[" * _DEEP + "]" * _DEEP,
    "deep tables": '{"a":' * _DEEP + "1" + "}" * _DEEP,
    "deep, not closed": "[" * _DEEP,
    "5,000 digits": "9" * 5000,
    "-5,000 digits": "-" + "7" * 5000,
    "5,000 decimals": "0." + "3" * 5000,
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "1e999": "1e999",
    "1e308": "1e308",
    "2^64": "18446744073709551616",
    "2^70": "1180591620717411303424",
    "-1": "-1",
    "0": "0",
    "1.5": "1.5",
    "null": "null",
    "true": "true",
    "list": "[]",
    "table": "{}",
    "list of lists": "[[[]]]",
    "table of a list": '{"kind": []}',
    "text": '"x"',
    "empty text": '""',
    "nan as text": '"nan"',
    "lone surrogate": '"\\ud800"',
    "terminal escape": '"\\u001b[31mred\\u001b]0;title\\u0007"',
    "right to left": '"\\u202ecod.exe"',
    "zero byte": '"a\\u0000b"',
    "line feeds": '"a\\r\\n\\nb"',
    "markup": '"<script>alert(1)</script>\\u2028"',
    "path": '"../x/y"',
    "device": '"/dev/zero"',
    "long text": '"' + "x" * 300_000 + '"',
}
_KEYS = ("", "../x", "/dev/zero", "id=7", "\x1b[2J", "\ud800", "__class__", "kind", "x" * 5000, "‮a")
Json = Callable[[Random, str], str]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a value, the value itself among them."""
    found = [path]
    if isinstance(value, dict):
        for key, each in value.items():
            found += _places(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value[:40]):
            found += _places(each, (*path, number))
    return found


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """The value with what stands at the end of the way changed."""
    if not path:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(copy[path[0]], path[1:], change)
    return copy


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, indent=1) + "\n"


def replace(random: Random, text: str) -> str:
    """A value becomes a hostile one."""
    value = json.loads(text)
    path = random.choice(_places(value))
    return _text(_changed(value, path, lambda _: _HOLE)).replace(
        f'"{_HOLE}"', random.choice(list(PAYLOADS.values()))
    )


def remove(random: Random, text: str) -> str:
    """A key or an entry is gone."""
    value = json.loads(text)
    inside = [path for path in _places(value) if path]
    path = random.choice(inside)

    def without(parent: Any) -> Any:
        copy = dict(parent) if isinstance(parent, dict) else list(parent)
        del copy[path[-1]]
        return copy

    return _text(_changed(value, path[:-1], without))


def add(random: Random, text: str) -> str:
    """A key or an entry more."""
    value = json.loads(text)
    path = random.choice(_places(value))

    def more(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {**parent, random.choice(_KEYS): random.choice((1, None, "x", [], {}))}
        return (
            [*parent, *parent[:1], random.choice((1, None, "x"))]
            if isinstance(parent, list)
            else [parent]
        )

    return _text(_changed(value, path, more))


def rename(random: Random, text: str) -> str:
    """A key is called otherwise."""
    value = json.loads(text)
    tables = [path for path in _places(value) if path and isinstance(path[-1], str)]
    path = random.choice(tables)

    def other(parent: Any) -> Any:
        name = random.choice(_KEYS)
        return {(name if key == path[-1] else key): each for key, each in parent.items()}

    return _text(_changed(value, path[:-1], other))


def shuffle_types(random: Random, text: str) -> str:
    """A value becomes the nearest of another type: "3" for 3, [x] for x, 1.0 for 1."""
    value = json.loads(text)

    def near(old: Any) -> Any:
        if isinstance(old, bool):
            return random.choice((not old, int(old), str(old)))
        if isinstance(old, int | float):
            return random.choice((old + 1, -old, str(old), float(old), [old], old + 0.5))
        if isinstance(old, str):
            return random.choice((old.upper(), old + "x", [old], {old: old}, 7, old[:-1]))
        if isinstance(old, list):
            return random.choice((old[::-1], old[1:], dict.fromkeys(map(str, old)), old * 2))
        return [old]

    return _text(_changed(value, random.choice(_places(value)), near))


def exchange_values(random: Random, text: str) -> str:
    """What stands at one place stands at another."""
    value = json.loads(text)
    one, two = (random.choice(_places(value)) for _ in range(2))
    there = value
    for key in one:
        there = there[key]
    return _text(_changed(value, two, lambda _: there))


def twice(random: Random, text: str) -> str:
    """A key stands twice, or the whole text does."""
    key = json.loads(text)
    first = next(iter(key)) if isinstance(key, dict) and key else "a"
    return random.choice((text + text, text.replace("{", f'{{"{first}": 1,', 1)))


def whole(random: Random, text: str) -> str:
    """The whole text becomes one hostile value."""
    return random.choice(list(PAYLOADS.values()))


JSON: dict[str, Json] = {
    f"json {function.__name__}": function
    for function in (replace, remove, add, rename, shuffle_types, exchange_values, twice, whole)
}
JSON["json replace more"] = replace  # the one with the most to try


def hostile_json(random: Random, text: str) -> str:
    """Any of these."""
    return random.choice(list(JSON.values()))(random, text)


_TOML_VALUES = (
    *PAYLOADS.values(), "inf", "nan", "-inf", "1979-05-27T07:32:00Z", "07:32:00", "'''\n\n'''",
    '"\\U0001F600"', "0x" + "f" * 5000, "0b101", "1_0", "{" + "a = {" * 3000, "[1, 'x', [2]]",
)  # fmt: skip


def toml_value(random: Random, text: str) -> str:
    """What stands right of an equals sign."""
    lines = text.splitlines(keepends=True)
    at = random.choice([number for number, line in enumerate(lines) if "=" in line])
    name = lines[at].split("=")[0]
    value = random.choice(_TOML_VALUES)
    lines[at] = f"{name}= {value}\n"
    return "".join(lines)


def toml_line(random: Random, text: str) -> str:
    """A line is gone, there twice, or elsewhere."""
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines))
    line = lines.pop(at)
    return "".join(
        random.choice(
            (lines, [*lines, line], [line, *lines], [*lines[:at], line, line, *lines[at:]])
        )
    )


def toml_key(random: Random, text: str) -> str:
    """A key nobody knows, deep or odd."""
    key = random.choice(
        (
            "a." * 20_000 + "b",
            '"\\u001b[31m"',
            '"../x"',
            "x" * 100_000,
            '""',
            "name",
            "[[data]]",
            "data",
        )
    )
    line = f"{key} = 1\n"
    return random.choice((line + text, text + line))


def toml_word(random: Random, text: str) -> str:
    """A quoted word becomes a hostile one."""
    parts = text.split('"')
    if len(parts) < 3:
        return text
    at = random.randrange(1, len(parts), 2)
    parts[at] = random.choice(
        ("../x", "x/../../y", "\\u001b[31m", "\\u202eabc", "", "x" * 50_000, "con", "a\\u0000b",
         ".", "..", "\\U0010FFFF", "id=7", "<b>", "名")
    )  # fmt: skip
    return '"'.join(parts)


TOML: dict[str, Json] = {
    f"toml {function.__name__[5:]}": function
    for function in (toml_value, toml_line, toml_key, toml_word)
}
