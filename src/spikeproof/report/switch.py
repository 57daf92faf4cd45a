"""The one switch of the page: which data set, which training and which radius it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spikeproof.report.plots import training_class
from spikeproof.report.section import Section

__all__ = ["Switch", "switch"]


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What a reader can choose.

    Args:
        data: ``(value, title)`` of data sets; none where there is only one.
        trainings: ``(value, name)`` of trainings; none where there is only one.
        radii: Names of the radii; none where there is only one.
        standard: The place of the one shown first.
        classes: Id of a data set → the classes of each of its tables, one table per radius.
    """

    data: list[tuple[str, str]]
    trainings: list[tuple[str, str]]
    radii: list[str]
    standard: int
    classes: dict[str, list[str]]

    @property
    def there(self) -> bool:
        """Whether there is anything to choose."""
        return bool(self.data or self.trainings or self.radii)

    @property
    def css(self) -> Markup:
        """What each choice hides, as rules of style: the switch works without scripts."""
        chosen = ":root:has(#pick-{} option[value='{}']:checked)"
        rules = []
        for value, _ in self.data:
            rules.append(f"{chosen.format('data', value)} .d:not(.d-{value}){{display:none}}")
        for value, _ in self.trainings:
            root = chosen.format("training", value)
            rules.append(f"{root} tr.t:not(.{value}){{display:none}}")
            rules.append(f"{root} svg .t:not(.{value}){{opacity:.1}}")
        for place in range(len(self.radii)):
            root = chosen.format("radius", place)
            rules.append(f"{root} .level:not(.at-{place}){{display:none}}")
        return Markup("\n".join(rules))


def switch(sections: Sequence[Section], trainings: Sequence[str]) -> Switch:
    """What there is to choose on a page.

    Args:
        sections: Its data sets.
        trainings: Its trainings, in order.
    """
    longest = max((section.matrix for section in sections), key=len, default=[])
    names = [table.name for table in longest]
    classes = {}
    for section in sections:
        mine = [table.name for table in section.matrix]
        # A shorter ladder shows its standard radius where it has none of the chosen name.
        at = [mine.index(name) if name in mine else section.middle for name in names]
        classes[section.id] = [
            " ".join(["level", *(f"at-{i}" for i, place in enumerate(at) if place == level)])
            for level in range(len(mine))
        ]
    rows = [(training_class(name).split()[-1], name) for name in trainings]
    return Switch(
        data=[(section.id, section.title) for section in sections] if len(sections) > 1 else [],
        trainings=rows if len(rows) > 1 else [],
        radii=names if len(names) > 1 else [],
        standard=len(names) // 2,
        classes=classes,
    )
