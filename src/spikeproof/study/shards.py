"""A study in parts for schedulers that know nothing of it: which cells belong to which part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spikeproof.base import SettingError
from spikeproof.study.cells import Cell

__all__ = ["Shard"]


@dataclass(frozen=True)
class Shard:
    """Part ``number`` of ``count`` of a study.

    A trained network and what looks at it are in one part. Parts have about the same expected
    effort, and depend on the plan's cells alone, so that every machine finds the same ones.

    Args:
        number: From 1 to ``count``.
        count: How many parts there are.
    Raises:
        SettingError: there is no such part.
    Example:
        >>> Shard.from_text("2/8")
        Shard(number=2, count=8)
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise SettingError(
                f"There is no shard {self.number}/{self.count}; of {max(1, self.count)} shards "
                f"the first is 1/{max(1, self.count)}."
            )

    @classmethod
    def from_text(cls, text: str) -> Shard:
        """Read ``"2/8"``.

        Raises:
            SettingError: it is not written so, or there is no such part.
        """
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        if found is None:
            raise SettingError(f"A shard is written number/count, such as 2/8; got {text!r}.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return the cells of this part, in their order.

        The heaviest family goes first, each to the part that has least so far.

        Args:
            cells: All cells of a plan.
        """
        families: dict[str, list[Cell]] = {}
        for cell in cells:
            families.setdefault(cell.parent or cell.id, []).append(cell)
        efforts = {root: sum(cell.cost for cell in family) for root, family in families.items()}
        loads = [0.0] * self.count
        mine: set[str] = set()
        for root in sorted(families, key=lambda root: (-efforts[root], root)):
            part = loads.index(min(loads))
            loads[part] += efforts[root]
            if part == self.number - 1:
                mine.add(root)
        return [cell for cell in cells if (cell.parent or cell.id) in mine]
