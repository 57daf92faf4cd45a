"""What a training does, read from the record of its objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["TrainingKind"]


@dataclass(frozen=True)
class TrainingKind:
    """What a training does, read from the record of its objective.

    Args:
        terms: Kinds of its terms.
        against: Threat its inputs are attacked with, or what else is done to them; None for clean
            inputs.
        ruled: Whether anything but the optimiser changes weights.
    """

    terms: frozenset[str]
    against: str | None
    ruled: bool = False

    @property
    def undefended(self) -> bool:
        """Only cross-entropy, on clean inputs."""
        return self.terms == {"cross_entropy"} and self.against is None and not self.ruled

    @property
    def sparse(self) -> bool:
        """Whether it penalises the input gradient."""
        return any("sparse" in term for term in self.terms)

    @classmethod
    def of(cls, objective: Mapping[str, Any]) -> TrainingKind:
        """Read ``{"terms": {name: {"kind", "weight"}}, "inputs": None or {"threat"}}``."""
        kinds = frozenset(
            str(term["kind"]) for term in objective["terms"].values() if term.get("weight", 1) != 0
        )
        inputs = objective.get("inputs")
        if not inputs:
            return cls(kinds, None, bool(objective.get("rules")))
        return cls(kinds, _against(inputs), bool(objective.get("rules")))


def _against(inputs: Mapping[str, Any]) -> str:
    """What inputs are attacked under: names joined by +, or the kind of noise."""
    each = [member["threat"] for member in inputs.get("members", ())] or inputs.get("threats")
    each = each or [inputs.get("threat") or inputs.get("kind", "")]
    return "+".join(str(t if isinstance(t, str) else t["name"]) for t in each)
