"""Classes that other packages offer under an entry point, found when they are first needed."""

from __future__ import annotations

import warnings
from collections.abc import Container
from functools import cached_property
from typing import TYPE_CHECKING, Any

from spikeproof.base.errors import SettingError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Guests"]


class Guests:
    """What other packages offer to one registry.

    Args:
        group: The entry points, e.g. ``"spikeproof.attacks"``; None for a closed registry.
        family: What a member is called in sentences.
    Example:
        >>> sorted(Guests("spikeproof.nothing", "thing").names(()))
        []
    """

    def __init__(self, group: str | None, family: str) -> None:
        self.group = group
        self.family = family
        self._warned: set[str] = set()

    @cached_property
    def offers(self) -> dict[str, list[EntryPoint]]:
        """Entry points by name; more than one under a name that two packages chose."""
        if self.group is None:
            return {}
        from importlib.metadata import entry_points  # needed only where something is looked up

        points_by_name: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self.group):
            points_by_name.setdefault(point.name, []).append(point)
        return points_by_name

    def origins(self) -> dict[str, str]:
        """The top module that each name comes from."""
        return {name: points[0].module.partition(".")[0] for name, points in self.offers.items()}

    def names(self, builtin: Container[str]) -> list[str]:
        """Names that are offered and not among ``builtin``; one that is gets a warning, once."""
        for name in self.offers:
            if name in builtin and name not in self._warned:
                self._warned.add(name)
                warnings.warn(
                    f"{_packages(self.offers[name])} offers the {self.family} {name!r}, a name of "
                    "spikeproof's own; it is passed over. Ask its author for another name.",
                    stacklevel=3,
                )
        return [name for name in self.offers if name not in builtin]

    def load(self, name: str) -> Any:
        """Return what a name offers.

        Raises:
            SettingError: two packages offer it, or importing it fails.
        """
        points = self.offers[name]
        if len(points) > 1:
            raise SettingError(
                f"{_packages(points)} offer {_a(self.family)} {name!r} each, and a record could "
                "mean either; uninstall one of them."
            )
        try:
            return points[0].load()
        except Exception as problem:
            raise SettingError(
                f"{_packages(points)} offers the {self.family} {name!r}, but importing "
                f"{points[0].value} fails: {type(problem).__name__}: {problem}. Mend or uninstall "
                "that package."
            ) from problem


def _packages(points: list[EntryPoint]) -> str:
    """The packages of some entry points, in a sentence."""
    packages = [point.dist for point in points]
    names = [f"{dist.name} {dist.version}" if dist else "a package" for dist in packages]
    return f"{'The packages' if len(names) > 1 else 'The package'} {' and '.join(sorted(names))}"


def _a(word: str) -> str:
    """A word with its article."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
