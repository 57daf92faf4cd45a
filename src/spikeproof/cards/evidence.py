"""What a card brings as evidence: who was right, who was broken, and the inputs that broke them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikeproof.base import FileProblem
from spikeproof.rescore import KeptLadder

__all__ = ["Evidence", "LadderEvidence"]

Array = np.ndarray[Any, Any]
_LADDER = ("broken", "kept_items", "kept_level", "kept_x_adv")


@dataclass(frozen=True, kw_only=True, eq=False)
class LadderEvidence:
    """What broke items under one threat; R radii, N items, M inputs.

    Args:
        threat: Record of the threat with its radii.
        broken: Which items are broken, bool ``(R, N)``.
        kept_items: Numbers of the items of the inputs, int64 ``(M,)``.
        kept_level: At which radius each broke its item, whole numbers ``(M,)``.
        kept_x_adv: The inputs, ``(M, *shape)``.
    """

    threat: Mapping[str, Any]
    broken: Array
    kept_items: Array
    kept_level: Array
    kept_x_adv: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """The per-item arrays of a card.

    Args:
        items: Numbers of the items, int64 ``(N,)``.
        correct: Which are right when clean, bool ``(N,)``.
        ladders: One per threat; none where nothing attacked.
    """

    items: Array
    correct: Array
    ladders: tuple[LadderEvidence, ...]

    def arrays(self) -> dict[str, Array]:
        """The arrays under the names that they have in the file."""
        found = {"items": self.items, "correct": self.correct}
        for number, ladder in enumerate(self.ladders):
            found |= {f"{number}.{name}": getattr(ladder, name) for name in _LADDER}
        return found

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, Array],
        threats: Sequence[Mapping[str, Any]],
        shape: Sequence[int],
        where: str,
    ) -> Evidence:
        """The evidence in a file, after its names, types and shapes were compared.

        Args:
            arrays: What the file holds.
            threats: Records of the threats, in order.
            shape: Of one item.
            where: The file, for the sentence.
        Raises:
            FileProblem: an array is missing, one too many, or of another type or shape.
        """
        wanted = {"items", "correct"}
        wanted |= {f"{k}.{name}" for k in range(len(threats)) for name in _LADDER}
        if set(arrays) != wanted:
            odd = sorted(set(arrays) ^ wanted)[0][:80]
            raise FileProblem(f"{where} does not hold the arrays of its card; see {odd!r}.")
        count = len(arrays["items"]) if arrays["items"].ndim else -1
        _same(arrays, "items", "int64", (count,), where)
        _same(arrays, "correct", "bool", (count,), where)
        ladders = []
        for k, threat in enumerate(threats):
            kept = len(arrays[f"{k}.kept_items"]) if arrays[f"{k}.kept_items"].ndim else -1
            _same(arrays, f"{k}.broken", "bool", (len(threat["radii"]), count), where)
            _same(arrays, f"{k}.kept_items", "int64", (kept,), where)
            _same(arrays, f"{k}.kept_level", "int16", (kept,), where)
            _same(arrays, f"{k}.kept_x_adv", "float32", (kept, *shape), where)
            level = arrays[f"{k}.kept_level"]
            if kept and (level.min() < 0 or level.max() >= len(threat["radii"])):
                raise FileProblem(f"{where}: '{k}.kept_level' names a radius that is not there.")
            own = {name: arrays[f"{k}.{name}"] for name in _LADDER}
            ladders.append(LadderEvidence(threat=threat, **own))
        return cls(items=arrays["items"], correct=arrays["correct"], ladders=tuple(ladders))

    def kept(self, ladder: LadderEvidence | None, domain: Mapping[str, Any]) -> KeptLadder:
        """One ladder as the second look takes it; None asks about clean items alone."""
        none = np.zeros(0, dtype=np.int64)
        return KeptLadder(
            threat={"radii": []} if ladder is None else ladder.threat,
            domain=domain,
            items=self.items,
            correct=self.correct,
            broken=np.zeros((0, len(self.items)), bool) if ladder is None else ladder.broken,
            kept_items=none if ladder is None else ladder.kept_items,
            kept_level=none if ladder is None else ladder.kept_level,
            kept_x_adv=np.zeros((0, 1)) if ladder is None else ladder.kept_x_adv,
        )


def _same(
    arrays: Mapping[str, Array], name: str, kind: str, shape: tuple[int, ...], where: str
) -> None:
    """Raise unless an array has this type and shape."""
    array = arrays[name]
    if array.dtype.name != kind or array.shape != shape:
        raise FileProblem(
            f"{where}: {name!r} is {array.dtype.name} {array.shape}; a card's is {kind} {shape}."
        )
