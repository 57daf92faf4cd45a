"""Settings are frozen dataclasses; this file turns them into records and back.

A record is plain data: ``{"kind": "pgd", "steps": 40}``. ``Registry`` maps kinds to classes, so
the registry is the format of every configuration file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from spikeproof.base.checks import suggestion
from spikeproof.base.errors import SettingError

__all__ = ["Registry", "settings_from"]

T = TypeVar("T")


def settings_from(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build the settings class ``cls`` from plain data, refusing unknown keys.

    Args:
        cls: A dataclass.
        values: Field names and values; types are checked and converted.
        where: What to call the place in an error, e.g. ``"[[training]] 'SR'"``.
    Returns:
        The settings object.
    Raises:
        SettingError: an unknown key (the nearest known one is named), a missing one, or a value
            of the wrong type.
    """
    known = [field.name for field in dataclasses.fields(cast(Any, cls)) if field.init]
    for key in values:
        if key not in known:
            raise SettingError(f"{where}: unknown setting {key!r}. {suggestion(key, known)}")
    try:
        return TypeAdapter(cls).validate_python(dict(values))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or cls.__name__
        got = "" if first["type"] == "missing" else f"; got {first['input']!r}"
        raise SettingError(f"{where}: {place}: {first['msg']}{got}.") from None


class Registry(Generic[T]):
    """Names of the members of one family, in both directions.

    Args:
        family: What a member is called in errors, e.g. ``"attack"``.
        members: kind → settings class.
    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Walk:
        ...     steps: int = 3
        >>> walks = Registry("walk", {"walk": Walk})
        >>> walks.build({"kind": "walk", "steps": 5})
        Walk(steps=5)
        >>> walks.record(Walk())
        {'kind': 'walk', 'steps': 3}
    """

    def __init__(self, family: str, members: Mapping[str, type[T]]) -> None:
        self.family = family
        self.members = dict(members)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.members))

    def __getitem__(self, kind: str) -> type[T]:
        """The class of a kind; an unknown kind raises and names the nearest."""
        if kind not in self.members:
            raise SettingError(f"Unknown {self.family} {kind!r}. {suggestion(kind, self.members)}")
        return self.members[kind]

    def kind(self, member: object) -> str:
        """The kind under which the class of ``member`` is registered."""
        for kind, cls in self.members.items():
            if type(member) is cls:
                return kind
        raise SettingError(f"{type(member).__name__} is not a registered {self.family}.")

    def build(self, record: Mapping[str, Any] | str) -> T:
        """Build a member from ``{"kind": ..., setting: value}`` or from its bare kind."""
        values = {"kind": record} if isinstance(record, str) else dict(record)
        if "kind" not in values:
            raise SettingError(f"Every {self.family} needs a 'kind'. Known: {', '.join(self)}.")
        kind = values.pop("kind")
        return settings_from(self[kind], values, f"{self.family} {kind!r}")

    def record(self, member: T) -> dict[str, Any]:
        """Return the record of a member whose fields are plain data."""
        return {"kind": self.kind(member), **dataclasses.asdict(cast(Any, member))}
