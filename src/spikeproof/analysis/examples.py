"""Examples for a gallery: what became of single items under every training and threat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from spikeproof.analysis.records import Arrays, CellRecord

__all__ = ["Example", "ExampleItem", "examples"]

_MOST = 2


@dataclass(frozen=True, kw_only=True)
class Example:
    """What became of one item under one training and threat.

    Args:
        training: Name of the training.
        threat: Name of the threat.
        outcome: ``"broken"``, ``"survived"`` every radius, or ``"wrong"`` already when clean.
        radii: The ladder that was tried.
        level: The smallest radius that broke it, as a place in ``radii``; None where none did.
        distance: How far the adversarial input lies, measured; None where none was found.
        lead: How far the logit of the wrong class stands above the one of the true class, at that
            radius; negative while the answer is right.
        clean_lead: The same without an attack.
        member: Which member of the suite broke it; empty where none did.
        x_adv: The adversarial input, where the run kept it.
        predicted: Answer without an attack; None where it was not kept.
        predicted_adv: Answer to ``x_adv``.
    """

    training: str
    threat: str
    outcome: Literal["broken", "survived", "wrong"]
    radii: tuple[float, ...]
    clean_lead: float
    lead: float
    level: int | None = None
    distance: float | None = None
    member: str = ""
    x_adv: np.ndarray[Any, Any] | None = None
    predicted: int | None = None
    predicted_adv: int | None = None

    @property
    def radius(self) -> float | None:
        """The smallest radius that broke it."""
        return None if self.level is None else self.radii[self.level]


@dataclass(frozen=True, kw_only=True)
class ExampleItem:
    """One item under every training and threat of a data set.

    Args:
        item: Its number in the data set.
        seed: Of the networks.
        y: Its class.
        x: The clean input.
        examples: One per training and threat that was attacked.
    """

    item: int
    seed: int
    y: int
    x: np.ndarray[Any, Any]
    examples: tuple[Example, ...]

    def under(self, training: str, threat: str) -> Example | None:
        """What became of it under one training and threat; None where that was not attacked."""
        rows = (e for e in self.examples if (e.training, e.threat) == (training, threat))
        return next(rows, None)


def examples(cells: Sequence[CellRecord], most: int = _MOST) -> list[ExampleItem]:
    """Choose the items of which most is kept, and say what became of them everywhere.

    Args:
        cells: The complete attack cells of one data set.
        most: How many items.
    Returns:
        Items of different classes where there are some; those kept under most trainings and
        threats first. All come from the first seed that kept any.
    """
    kept = [_Kept(cell, arrays) for cell in cells if len((arrays := cell.gallery()).get("y", ()))]
    if not kept:
        return []
    seed = min(one.cell.seed for one in kept)
    kept = [one for one in kept if one.cell.seed == seed]
    mine = [cell for cell in cells if cell.seed == seed]
    return [_item(item, seed, mine, kept) for item in _chosen(kept, most)]


class _Kept:
    """The pictures of one cell, found again among its items.

    A cell keeps the first items that its middle radius broke, in the order of its items.
    """

    def __init__(self, cell: CellRecord, arrays: Arrays) -> None:
        self.cell, self.arrays = cell, arrays
        broken, right = cell.array("broken"), cell.array("correct")
        middle = len(broken) // 2
        rows = np.flatnonzero(broken[middle] & right)[: len(arrays["y"])]
        same = np.array_equal(cell.array("y")[rows], arrays["y"])
        self.items: list[int] = cell.array("items")[rows].tolist() if same else []

    def row(self, item: int) -> int | None:
        """Where an item is among the pictures."""
        return self.items.index(item) if item in self.items else None


def _chosen(kept: Sequence[_Kept], most: int) -> list[int]:
    """Items kept most often, each class once before any comes again."""
    counts = Counter(item for one in kept for item in one.items)
    label = {i: int(y) for one in kept for i, y in zip(one.items, one.arrays["y"], strict=False)}
    order = sorted(counts, key=lambda item: (-counts[item], item))
    seen: Counter[int] = Counter()
    turns = []
    for item in order:
        turns.append((seen[label[item]], -counts[item], item))
        seen[label[item]] += 1
    return [item for _, _, item in sorted(turns)[:most]]


def _item(item: int, seed: int, cells: Sequence[CellRecord], kept: Sequence[_Kept]) -> ExampleItem:
    """One item under every cell."""
    pictures = {one.cell.id: one for one in kept}
    first = next(one for one in kept if one.row(item) is not None)
    row = first.items.index(item)
    found = [e for cell in cells for e in _example(item, cell, pictures.get(cell.id))]
    return ExampleItem(
        item=item,
        seed=seed,
        y=int(first.arrays["y"][row]),
        x=first.arrays["x"][row],
        examples=tuple(found),
    )


def _example(item: int, cell: CellRecord, kept: _Kept | None) -> Iterator[Example]:
    """What became of an item in one cell; nothing where it was not attacked there."""
    at = np.flatnonzero(cell.array("items") == item)
    if not len(at):
        return
    i, threat = int(at[0]), cell.cell["threat"]
    broken, margin = cell.array("broken")[:, i], cell.array("margin")[:, i]
    right = bool(cell.array("correct")[i])
    level = int(broken.argmax()) if right and broken.any() else None
    fields: dict[str, Any] = {
        "training": cell.training,
        "threat": str(threat["name"]),
        "radii": tuple(float(radius) for radius in threat["radii"]),
        "clean_lead": float(cell.array("clean_margin")[i]),
        "lead": float(margin[-1 if level is None else level]),
    }
    if level is None:
        yield Example(**fields, outcome="survived" if right else "wrong")
        return
    row = kept.row(item) if kept else None
    fields |= {"level": level, "distance": float(cell.array("distance")[level, i])}
    fields["member"] = _member(cell, int(cell.array("member")[level, i]))
    if kept is not None and row is not None:
        fields["x_adv"] = kept.arrays["x_adv"][row]
        for name in ("predicted", "predicted_adv"):
            fields[name] = int(kept.arrays[name][row])
    yield Example(**fields, outcome="broken")


def _member(cell: CellRecord, number: int) -> str:
    """The name of a member of the suite by its number."""
    members = cell.result.get("members", ())
    return str(members[number]["name"]) if 0 <= number < len(members) else ""
