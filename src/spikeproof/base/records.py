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

Old spellings are read, with a notice: of fields that a class lists in a class variable ``renamed``
(``{old: new}``), and of kinds that a registry lists in its ``renamed``. The new ones are written.
A field that a class lists in a class variable ``added`` is younger than stored records: at its
default it is not written, so that a record, and the hash that names a cell, stays what it was.
"""

from __future__ import annotations

import dataclasses
import reprlib
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, TypeVar, cast

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from spikeproof.base.checks import placed
from spikeproof.base.errors import SettingError
from spikeproof.base.fields import (
    entries,
    family_of,
    fields_of,
    hints,
    is_a,
    names_of,
    needed,
    optional,
    settings_class,
    single,
    speaks,
)
from spikeproof.base.notices import old_spelling
from spikeproof.names import suggestion

__all__ = ["record_of", "settings_from"]

T = TypeVar("T")


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
    values = _respelled(cls, values, where)
    for key in values:
        if key not in known:
            hint = suggestion(str(key), known) if known else "It has none."
            raise SettingError(f"{where}: unknown setting {key!r}. {hint}")
    built = {name: given for name in hints(cls) if name not in known}
    for field in fields_of(cls):
        if field.name in values:
            built[field.name] = _built(known[field.name], values[field.name], where, field, given)
        elif field.name in known and needed(field):
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
        >>> @dataclasses.dataclass(frozen=True)
        ... class Walk:
        ...     steps: int = 3
        >>> record_of(Walk())
        {'steps': 3}
    """
    cls = type(settings)
    added = getattr(cls, "added", ())
    usual = {field.name: field.default for field in fields_of(cls) if field.name in added}
    return {
        name: _plain(hint, getattr(settings, name))
        for name, hint in hints(cls).items()
        if (of is None or hint != of)
        and not (name in usual and getattr(settings, name) == usual[name])
    }


def _respelled(cls: Any, values: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Values under the names that the fields of a class have today."""
    renamed: Mapping[str, str] = getattr(cls, "renamed", {})
    # Where both are written, the old one is left to be refused as unknown.
    old = {key: new for key, new in renamed.items() if key in values and new not in values}
    for key, new in old.items():
        old_spelling(key, new, where)
    return {old.get(key, key): value for key, value in values.items()}


def _plain(hint: Any, value: Any) -> Any:
    """Plain data of the value of a field."""
    if value is None:
        return None
    if (family := family_of(hint)) is not None:
        return family.record(value)
    if (cls := settings_class(hint)) is not None:
        return value.record() if speaks(cls) else record_of(value)
    within = entries(hint)
    if within is None:
        return _flat(value)
    arm = single(hint)
    if typing.get_origin(arm) is Annotated:
        pairs = zip(names_of(arm), within, value, strict=True)
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
    return value.item() if isinstance(value, np.generic) else value


def _each(within: Sequence[Any], value: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Every entry with its type, which is one for all, or one for each."""
    return list(zip(within if len(within) > 1 else [*within] * len(value), value, strict=True))


def _built(
    hint: Any, value: Any, where: str, field: dataclasses.Field[Any] | str, given: Any
) -> Any:
    """The value of a field from plain data."""
    name = field if isinstance(field, str) else field.name
    if value is None and optional(hint):
        return None
    place = f"{where}: {name}"
    ready = dataclasses.is_dataclass(value) and not isinstance(value, type)
    if (family := family_of(hint)) is not None:
        return value if ready else family.build(value, given, place=place)
    if (cls := settings_class(hint)) is not None:
        if ready:
            return value
        if not isinstance(value, Mapping):
            raise SettingError(f"{place} must be a table of settings; got {_short(value)}.")
        if speaks(cls):
            with placed(place):
                return cast(Any, cls).from_record(value, given)
        return settings_from(cls, value, place, given=given)
    if (within := entries(hint)) is not None:
        return _container(hint, within, value, place, given)
    return _checked(hint, value, place)


def _container(hint: Any, within: tuple[Any, ...], value: Any, place: str, given: Any) -> Any:
    """A list, tuple or table whose entries are built one by one."""
    arm = single(hint)
    if typing.get_origin(arm) is Annotated and isinstance(value, Mapping):
        names = names_of(arm)
        if set(value) != set(names):
            listed = " and ".join(repr(name) for name in names)
            raise SettingError(f"{place} needs exactly {listed}; got {_short(dict(value))}.")
        value = tuple(value[name] for name in names)
    if is_a(arm, Mapping):
        if not isinstance(value, Mapping):
            raise SettingError(f"{place} must be a table of names and values; got {_short(value)}.")
        return {k: _built(within[0], each, place, str(k), given) for k, each in value.items()}
    if not isinstance(value, list | tuple):
        raise SettingError(f"{place} must be a list; got {_short(value)}.")
    if len(within) > 1 and len(within) != len(value):
        raise SettingError(f"{place} must have {len(within)} entries; got {_short(value)}.")
    pairs = enumerate(_each(within, value), start=1)
    built = [_built(part, each, place, str(number), given) for number, (part, each) in pairs]
    return built if is_a(arm, list) else tuple(built)


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
