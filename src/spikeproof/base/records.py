"""One scheme between settings and plain data, decided by the types of the fields.

=============================================  ==================================================
a field of type                                is written as
=============================================  ==================================================
a family (``of`` of a :class:`Registry`)       the member's record, with its ``kind``
a class with ``record`` and ``from_record``    what these two say
any other dataclass                            a table of its fields
a list, tuple or table of one of these         a list or table of what stands above
``Annotated[tuple[A, B], Named("a", "b")]``    a table ``{a: ..., b: ...}``
anything else                                  as it is; pydantic checks and converts it
=============================================  ==================================================

A field of the type that a registry is ``given`` (inputs are given the domain of the data) is not
written: it is handed over again when the settings are built.
"""

from __future__ import annotations

import dataclasses
import reprlib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar, Union, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from spikeproof.base.checks import placed, suggestion
from spikeproof.base.errors import SettingError

__all__ = ["FAMILIES", "Family", "Named", "hints", "record_of", "settings_from"]

T = TypeVar("T")


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


def settings_from(
    cls: type[T], values: Mapping[str, Any], where: str, *, given: Any = None, of: Any = None
) -> T:
    """Build the settings class ``cls`` from plain data, refusing unknown keys.

    Args:
        cls: A dataclass.
        values: Field names and values; types are checked and converted. Fields that hold members
            of a family, or other settings, take their records or themselves.
        where: What to call the place in an error, e.g. ``"[[training]] 'SR'"``.
        given: What the fields of the type ``of`` are.
        of: The type of fields that no record holds; None where there are none.
    Returns:
        The settings object.
    Raises:
        SettingError: an unknown key (the nearest known one is named), a missing one, a value
            of the wrong type, or one that the class refuses.
    """
    known = {name: hint for name, hint in hints(cls).items() if of is None or hint != of}
    for key in values:
        if key not in known:
            hint = suggestion(str(key), known) if known else "It has none."
            raise SettingError(f"{where}: unknown setting {key!r}. {hint}")
    built = {name: given for name in hints(cls) if name not in known}
    for field in _fields(cls):
        if field.name in values:
            built[field.name] = _built(known[field.name], values[field.name], where, field, given)
        elif field.name in known and _needed(field):
            raise SettingError(f"{where}: {field.name}: Field required.")
    try:
        return cls(**built)
    except SettingError as problem:
        raise SettingError(f"{where}: {problem}") from None


def record_of(settings: object, of: Any = None) -> dict[str, Any]:
    """Return the table of fields of a settings object, as plain data.

    Args:
        settings: A dataclass.
        of: The type of fields that are left out; None leaves none out.
    Example:
        >>> @dataclass(frozen=True)
        ... class Walk:
        ...     steps: int = 3
        >>> record_of(Walk())
        {'steps': 3}
    """
    return {
        name: _plain(hint, getattr(settings, name))
        for name, hint in hints(type(settings)).items()
        if of is None or hint != of
    }


def hints(cls: Any) -> dict[str, Any]:
    """Return the types of the fields that a dataclass is made from, by name."""
    found: dict[str, Any] = _hints(cls)
    return found


@cache
def _hints(cls: Any) -> dict[str, Any]:
    """The same, found once for every class."""
    try:
        found = typing.get_type_hints(cls, include_extras=True)
    except NameError as problem:
        raise SettingError(
            f"The types of the settings of {cls.__name__} cannot be found ({problem}); import them "
            "in its module, also where only annotations use them."
        ) from None
    return {field.name: found[field.name] for field in _fields(cls)}


def _fields(cls: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(cls) if field.init]


def _needed(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _arms(hint: Any) -> tuple[Any, ...]:
    """The types of a union but None; of any other type itself."""
    if typing.get_origin(hint) in (Union, types.UnionType):
        return tuple(arm for arm in typing.get_args(hint) if arm is not type(None))
    return (hint,)


def _optional(hint: Any) -> bool:
    return hint is None or type(None) in typing.get_args(hint)


def _family(hint: Any) -> Family | None:
    """The registry whose members a field holds: of exactly this type, or of a class above it."""
    arms = _arms(hint)
    for family in FAMILIES:
        own = _arms(family.of)
        if set(own) == set(arms):
            return family
        if len(own) == len(arms) == 1 and _below(arms[0], own[0]):
            return family
    return None


def _below(hint: Any, base: Any) -> bool:
    """Whether a type is a subclass of another that is no protocol."""
    classes = isinstance(hint, type) and isinstance(base, type)
    return classes and not getattr(base, "_is_protocol", False) and issubclass(hint, base)


def _own(hint: Any) -> type | None:
    """The dataclass that a field holds, if it holds one."""
    arms = _arms(hint)
    single = arms[0] if len(arms) == 1 else None
    return single if isinstance(single, type) and dataclasses.is_dataclass(single) else None


def _speaks(cls: type) -> bool:
    """Whether a class writes and reads its own records."""
    return hasattr(cls, "record") and hasattr(cls, "from_record")


def _inside(hint: Any) -> tuple[Any, ...] | None:
    """The types inside a container that the scheme has to walk through; None for any other."""
    (first, *more) = _arms(hint)
    if more or typing.get_origin(first) is None:
        return None
    if typing.get_origin(first) is Annotated:
        names = [extra for extra in first.__metadata__ if isinstance(extra, Named)]
        return typing.get_args(first.__origin__) if names else None
    within = tuple(arg for arg in typing.get_args(first) if arg is not ...)
    wanted = within[-1:] if _is(first, Mapping) else within
    return wanted if any(_ours(arg) for arg in wanted) else None


def _is(hint: Any, base: type) -> bool:
    origin = typing.get_origin(hint)
    return isinstance(origin, type) and issubclass(origin, base)


def _ours(hint: Any) -> bool:
    """Whether the scheme has more to say about a type than pydantic."""
    return bool(_family(hint) or _own(hint) or _inside(hint))


def _plain(hint: Any, value: Any) -> Any:
    """Plain data of the value of a field."""
    if value is None:
        return None
    if (family := _family(hint)) is not None:
        return family.record(value)
    if (own := _own(hint)) is not None:
        return value.record() if _speaks(own) else record_of(value)
    within = _inside(hint)
    if within is None:
        return _flat(value)
    (arm,) = _arms(hint)
    if typing.get_origin(arm) is Annotated:
        pairs = zip(_names(arm), within, value, strict=True)
        return {name: _plain(part, each) for name, part, each in pairs}
    if isinstance(value, Mapping):
        return {key: _plain(within[0], each) for key, each in value.items()}
    return [_plain(part, each) for part, each in _each(within, value)]


def _flat(value: Any) -> Any:
    """Plain data of a value that no type says more about."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return record_of(value)
    if isinstance(value, Mapping):
        return {key: _flat(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_flat(each) for each in value)
    return value


def _names(arm: Any) -> tuple[str, ...]:
    """The names of the entries of an annotated tuple."""
    return next(extra.names for extra in arm.__metadata__ if isinstance(extra, Named))


def _each(within: Sequence[Any], value: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Every entry with its type, which is one for all, or one for each."""
    return list(zip(within if len(within) > 1 else [*within] * len(value), value, strict=True))


def _built(
    hint: Any, value: Any, where: str, field: dataclasses.Field[Any] | str, given: Any
) -> Any:
    """The value of a field from plain data."""
    name = field if isinstance(field, str) else field.name
    if value is None and _optional(hint):
        return None
    place = f"{where}: {name}"
    ready = dataclasses.is_dataclass(value) and not isinstance(value, type)
    if (family := _family(hint)) is not None:
        return value if ready else family.build(value, given, place=place)
    if (own := _own(hint)) is not None:
        if ready:
            return value
        if not isinstance(value, Mapping):
            raise SettingError(f"{place} must be a table of settings; got {_short(value)}.")
        if _speaks(own):
            with placed(place):
                return cast(Any, own).from_record(value, given)
        return settings_from(own, value, place, given=given)
    if (within := _inside(hint)) is not None:
        return _container(hint, within, value, place, given)
    return _checked(hint, value, place)


def _container(hint: Any, within: tuple[Any, ...], value: Any, place: str, given: Any) -> Any:
    """A list, tuple or table whose entries are built one by one."""
    (arm,) = _arms(hint)
    if typing.get_origin(arm) is Annotated and isinstance(value, Mapping):
        names = _names(arm)
        if set(value) != set(names):
            listed = " and ".join(repr(name) for name in names)
            raise SettingError(f"{place} needs exactly {listed}; got {_short(dict(value))}.")
        value = tuple(value[name] for name in names)
    if _is(arm, Mapping):
        if not isinstance(value, Mapping):
            raise SettingError(f"{place} must be a table of names and values; got {_short(value)}.")
        return {k: _built(within[0], each, place, str(k), given) for k, each in value.items()}
    if not isinstance(value, list | tuple):
        raise SettingError(f"{place} must be a list; got {_short(value)}.")
    if len(within) > 1 and len(within) != len(value):
        raise SettingError(f"{place} must have {len(within)} entries; got {_short(value)}.")
    pairs = enumerate(_each(within, value), start=1)
    built = [_built(part, each, place, str(number), given) for number, (part, each) in pairs]
    return built if _is(arm, list) else tuple(built)


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    """What checks and converts the values of a plain type."""
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a type that brings a configuration of its own
        return TypeAdapter(hint)


def _checked(hint: Any, value: Any, place: str) -> Any:
    """A value of a plain type, converted as pydantic does; raise where it does not fit."""
    try:
        return _adapter(hint).validate_python(value)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join([place, *(str(part) for part in first["loc"])])
        raise SettingError(f"{place}: {first['msg']}; got {_short(first['input'])}.") from None


def _short(value: Any) -> str:
    """A value in a sentence, cut where it is long."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 80
    return brief.repr(value)
