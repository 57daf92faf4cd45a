"""Settings are frozen dataclasses; a registry knows them by name.

A record is plain data: ``{"kind": "pgd", "steps": 40}``. ``Registry`` maps kinds to classes, so
the registry is the format of every configuration file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from spikeproof.base.errors import SettingError
from spikeproof.base.fields import FAMILIES
from spikeproof.base.members import Members
from spikeproof.base.notices import old_spelling
from spikeproof.base.records import record_of, settings_from
from spikeproof.names import suggestion

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Members[type[T]]):
    """Names of the settings classes of one family, in both directions.

    Args:
        family: What a member is called in errors, e.g. ``"attack"``.
        members: kind → settings class.
        group: The entry points under which other packages offer classes; see :class:`Members`.
        of: The type of a member. A field annotated with it holds a member, and the record of the
            settings that the field belongs to holds the member's record.
        given: The type of fields that records leave out and ``build`` is given.
        bare: The kind of a record that names none.
        renamed: Old kind → today's, for kinds that records may still be written with.
    Raises:
        SettingError: two classes of one kind, or something that is no dataclass.
    Example:
        >>> from dataclasses import dataclass
        >>> walks: Registry[object] = Registry("walk")
        >>> @walks.register("walk")
        ... @dataclass(frozen=True, kw_only=True)
        ... class Walk:
        ...     steps: int = 3
        >>> walks.build({"kind": "walk", "steps": 5})
        Walk(steps=5)
        >>> walks.record(Walk())
        {'kind': 'walk', 'steps': 3}
    """

    def __init__(
        self,
        family: str,
        members: Mapping[str, type[T]] | None = None,
        *,
        group: str | None = None,
        of: Any = None,
        given: Any = None,
        bare: str | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(family, members, group=group)
        self.of = of
        self.given = given
        self.bare = bare
        self.renamed = dict(renamed or {})
        if of is not None:
            FAMILIES.append(self)

    def kind(self, member: object) -> str:
        """The kind under which the class of ``member`` is registered."""
        for kind, cls in self.members.items():
            if type(member) is cls:
                return kind
        for kind in self._working():
            if type(member) is self[kind]:
                return kind
        raise SettingError(
            f"{type(member).__name__} is not a registered {self.family}; give it a name with "
            "register()."
        )

    def build(self, record: Mapping[str, Any] | str, given: Any = None, *, place: str = "") -> T:
        """Build a member from ``{"kind": ..., setting: value}`` or from its bare kind.

        Args:
            record: Plain data; what stands inside is built by the registries of its own family.
            given: What records leave out.
            place: Where the record stands, for errors.
        Raises:
            SettingError: an unknown kind or setting (the nearest known one is named), or a value
                that does not fit.
        """
        # "attack 'restarts': attack: attack 'pgd'" would say it twice.
        same = place.endswith(f": {self.family}")
        at = place.removesuffix(self.family) if same else f"{place}: " if place else ""
        if not isinstance(record, str | Mapping):
            raise SettingError(
                f"{at}Every {self.family} is a name, or a table with a 'kind'; got {record!r}."
            )
        values = {"kind": record} if isinstance(record, str) else dict(record)
        named = "kind" in values
        kind = values.pop("kind", self.bare)
        if kind is None:
            raise SettingError(f"{at}Every {self.family} needs a 'kind'. Known: {', '.join(self)}.")
        if kind in self.renamed and kind not in self:
            old_spelling(kind, self.renamed[kind], f"{at}{self.family}")
            kind = self.renamed[kind]
        if kind not in self:
            known = suggestion(str(kind), self)
            raise SettingError(f"{at}Unknown {self.family} {kind!r}. {known}")
        where = f"{at}{self.family} {kind!r}" if named or not place else place
        if self.given is not None and given is None:
            raise SettingError(f"{where}: its record is not the whole; give build() {self.given}.")
        return settings_from(self[kind], values, where, given=given, of=self.given)

    def record(self, member: T) -> dict[str, Any]:
        """Return the record of a member, with the records of what its fields hold."""
        return {"kind": self.kind(member), **record_of(member, self.given)}

    def examples(self, given: Any = None) -> list[T]:
        """Return the examples of every class that is part of spikeproof, for its tests.

        A class says them in a classmethod ``examples()``; one that does not is its own example,
        with every setting at its default. A family whose records are not the whole gives it what
        is missing, ``examples(given)``.
        """
        found: list[T] = []
        parts = () if self.given is None else (given,)
        for kind in sorted(self.members):
            cls: Any = self.members[kind]
            if cls.__module__.startswith("spikeproof."):
                found += cls.examples(*parts) if hasattr(cls, "examples") else [cls()]
        return found

    def _check(self, name: str, member: Any) -> None:
        """Refuse what has no fields to be its settings."""
        if not (isinstance(member, type) and dataclasses.is_dataclass(member)):
            raise SettingError(
                f"The {self.family} {name!r} must be a dataclass, whose fields are its settings; "
                f"got {member!r}. Put @dataclass(frozen=True, kw_only=True) above it."
            )
        lacking = sorted(getattr(member, "__abstractmethods__", ()))
        if lacking:
            raise SettingError(
                f"The {self.family} {name!r}, {member.__module__}.{member.__qualname__}, cannot be "
                f"made: it lacks {', '.join(lacking)}."
            )
