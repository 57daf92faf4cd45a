"""What the types of a settings class say about its fields: which hold members, tables, lists."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Protocol, Union

from spikeproof.base.errors import SettingError

__all__ = [
    "FAMILIES",
    "Family",
    "Named",
    "entries",
    "family_of",
    "fields_of",
    "hints",
    "is_a",
    "names_of",
    "needed",
    "optional",
    "plain_settings",
    "settings_class",
    "single",
    "speaks",
]


class Family(Protocol):
    """What the scheme needs of a registry."""

    of: Any

    def record(self, member: Any) -> dict[str, Any]:
        """Plain data of a member."""
        ...

    def build(self, record: Any, given: Any = None, *, place: str = "") -> Any:
        """A member from plain data."""
        ...


FAMILIES: list[Family] = []
"""Every registry that says what its members are (``of``), in the order in which they were made."""


@dataclass(frozen=True)
class Named:
    """Names for the entries of a tuple, under which its record holds them.

    Example:
        >>> Named("geometry", "radius").names
        ('geometry', 'radius')
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def hints(cls: Any) -> dict[str, Any]:
    """Return the types of the fields that a dataclass is made from, by name."""
    resolved: dict[str, Any] = _hints(cls)
    return resolved


@cache
def _hints(cls: Any) -> dict[str, Any]:
    """The same, found once for every class."""
    try:
        try:
            resolved = typing.get_type_hints(cls, include_extras=True)
        except NameError:  # a class that exec made knows its names only through its methods
            near: dict[str, Any] = {}
            for member in vars(cls).values():
                near |= getattr(member, "__globals__", {})
            resolved = typing.get_type_hints(cls, localns=near, include_extras=True)
    except NameError as problem:
        raise SettingError(
            f"The types of the settings of {cls.__name__} cannot be found ({problem}); import them "
            "in its module, also where only annotations use them."
        ) from None
    return {field.name: resolved[field.name] for field in fields_of(cls)}


def fields_of(cls: Any) -> list[dataclasses.Field[Any]]:
    """The fields that a dataclass is made from."""
    return [field for field in dataclasses.fields(cls) if field.init]


def plain_settings(cls: Any, of: Any = None) -> tuple[str, ...]:
    """Return the names of the settings that are plain values.

    Args:
        cls: A dataclass.
        of: The type of fields that records leave out.
    Example:
        >>> @dataclass(frozen=True)
        ... class Walk:
        ...     steps: int = 3
        ...     name: Named = Named("walk")
        >>> plain_settings(Walk)
        ('steps',)
    """
    return tuple(name for name, hint in hints(cls).items() if hint != of and not _ours(hint))


def needed(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _arms(hint: Any) -> tuple[Any, ...]:
    """The types of a union but None; of any other type itself."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return tuple(arm for arm in typing.get_args(hint) if arm is not type(None))
    return (hint,)


def single(hint: Any) -> Any:
    """The one type that a field holds, None aside."""
    (arm,) = _arms(hint)
    return arm


def optional(hint: Any) -> bool:
    """Whether a field may hold None."""
    return hint is None or type(None) in typing.get_args(hint)


def family_of(hint: Any) -> Family | None:
    """The registry whose members a field holds: of exactly this type, or of a class above it."""
    arms = _arms(hint)
    for family in FAMILIES:
        family_arms = _arms(family.of)
        if set(family_arms) == set(arms):
            return family
        if len(family_arms) == len(arms) == 1 and _below(arms[0], family_arms[0]):
            return family
    return None


def _below(hint: Any, base: Any) -> bool:
    """Whether a type is a subclass of another that is no protocol."""
    classes = isinstance(hint, type) and isinstance(base, type)
    return classes and not getattr(base, "_is_protocol", False) and issubclass(hint, base)


def settings_class(hint: Any) -> type | None:
    """The dataclass that a field holds, if it holds one."""
    (first, *more) = _arms(hint)
    is_class = isinstance(first, type) and dataclasses.is_dataclass(first) and not more
    return first if is_class else None


def speaks(cls: type) -> bool:
    """Whether a class writes and reads its own records."""
    return hasattr(cls, "record") and hasattr(cls, "from_record")


def entries(hint: Any) -> tuple[Any, ...] | None:
    """The types inside a container that the scheme has to walk through; None for any other."""
    (first, *more) = _arms(hint)
    if more:
        return None
    if typing.get_origin(first) is Annotated:
        names = [extra for extra in first.__metadata__ if isinstance(extra, Named)]
        return typing.get_args(first.__origin__) if names else None
    if not is_a(first, Mapping, Sequence):
        return None
    within = tuple(arg for arg in typing.get_args(first) if arg is not ...)
    wanted = within[-1:] if is_a(first, Mapping) else within
    return wanted if any(_ours(arg) for arg in wanted) else None


def is_a(hint: Any, *bases: type) -> bool:
    """Whether a generic type is one of some containers."""
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, bases)


def _ours(hint: Any) -> bool:
    """Whether the scheme has more to say about a type than pydantic."""
    return bool(family_of(hint) or settings_class(hint) or entries(hint))


def names_of(arm: Any) -> tuple[str, ...]:
    """The names of the entries of an annotated tuple."""
    return next(extra.names for extra in arm.__metadata__ if isinstance(extra, Named))
