"""Things of one family under names: those of spikeproof itself, and those of other packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

from spikeproof.base.errors import SettingError
from spikeproof.base.guests import Guests
from spikeproof.names import suggestion

__all__ = ["Members"]

V = TypeVar("V")
C = TypeVar("C")


class Members(Generic[V]):
    """Names of the members of one family, which other packages can add to.

    Args:
        family: What a member is called in errors, e.g. ``"data set"``.
        members: name → member.
        group: The entry points under which other packages offer members, e.g.
            ``"spikeproof.datasets"``. They are looked for when names are listed or one is not
            known, and imported when used; None takes no guests.
    Raises:
        SettingError: two members of one name.
    Example:
        >>> greetings: Members[str] = Members("greeting", {"en": "hello"})
        >>> greetings.register("fr", "salut")
        'salut'
        >>> list(greetings), greetings["fr"]
        (['en', 'fr'], 'salut')
    """

    def __init__(
        self, family: str, members: Mapping[str, V] | None = None, *, group: str | None = None
    ) -> None:
        self.family = family
        self.members: dict[str, V] = {}
        self.guests = Guests(group, family)
        self._came: set[str] = set()  # names that were taken from guests
        for name, member in (members or {}).items():
            self.register(name, member)

    @overload
    def register(self, name: str) -> Callable[[C], C]: ...

    @overload
    def register(self, name: str, member: C) -> C: ...

    def register(self, name: str, member: Any = None) -> Any:
        """Take a member into the family: by a call, or above a class or function as a decorator.

        It is known in this process. Commands and worker processes know what an entry point of an
        installed package offers.

        Args:
            name: Its name in records, plans and on the command line.
            member: What it names.
        Raises:
            SettingError: the name is taken, or this is not what the family holds.
        """
        if member is None:
            return lambda decorated: self.register(name, decorated)
        self._check(name, member)
        there = self.members.get(name)
        # The same thing again is a notebook's cell that was run again.
        if there is not None and _path(there) != _path(member):
            raise SettingError(
                f"The {self.family} {name!r} is already registered, by {_path(there)}; choose "
                f"another name for {_path(member)}."
            )
        self.members[name] = member
        return member

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self.members, *self._offered()}))

    def __contains__(self, name: object) -> bool:
        return name in self.members or name in self._offered()

    def __getitem__(self, name: str) -> V:
        """The member of a name; an unknown name raises and says the nearest."""
        if name not in self.members:
            if name not in self._offered():
                known = suggestion(str(name), self)
                raise SettingError(f"Unknown {self.family} {name!r}. {known}")
            self.register(name, self.guests.load(name))
            self._came.add(name)
        return self.members[name]

    def working(self) -> list[V]:
        """Every member, without those of other packages that cannot be imported."""
        return [self[name] for name in self._working()]

    def _working(self) -> list[str]:
        """Names of the same."""
        listed = []
        for name in self:
            try:
                self[name]
            except SettingError:  # it says so to whoever names it
                continue
            listed.append(name)
        return listed

    def _check(self, name: str, member: Any) -> None:
        """Refuse what the family does not hold."""

    def _offered(self) -> list[str]:
        """Names that other packages offer, also those that were taken already."""
        origins = self.guests.origins()
        own = {
            name
            for name, member in self.members.items()
            if name not in self._came and _path(member).partition(".")[0] != origins.get(name)
        }
        return self.guests.names(own)


def _path(member: object) -> str:
    """Where a class or function stands; anything else in its own words."""
    if hasattr(member, "__qualname__"):
        return f"{member.__module__}.{member.__qualname__}"
    return repr(member)
