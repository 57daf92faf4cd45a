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
        sparse: Whether a term is sparse-gradient regularisation, the treatment that studies
            compare with plain training.
    """

    terms: frozenset[str]
    against: str | None
    ruled: bool = False
    sparse: bool = False

    @property
    def undefended(self) -> bool:
        """Only cross-entropy, on clean inputs."""
        return self.terms == {"cross_entropy"} and self.against is None and not self.ruled

    @classmethod
    def of(cls, objective: Mapping[str, Any]) -> TrainingKind:
        """Read ``{"terms": {name: {"kind", "weight"}}, "inputs": None or {"threat"}}``."""
        terms = [term for term in objective["terms"].values() if term.get("weight", 1) != 0]
        inputs = objective.get("inputs")
        return cls(
            terms=frozenset(str(term["kind"]) for term in terms),
            against=_against(inputs) if inputs else None,
            ruled=bool(objective.get("rules")),
            sparse=any(_sparse(term) for term in terms),
        )


def _sparse(term: Mapping[str, Any]) -> bool:
    """Whether a term says of itself that it is sparse-gradient regularisation."""
    from spikeproof.train import TERMS  # takes torch with it

    kind = str(term["kind"])
    if kind in TERMS.members:
        return bool(getattr(TERMS.members[kind], "sparse_gradients", False))
    # A term of a package that is not installed here: its record, or its name, is all there is.
    return bool(term.get("sparse_gradients", "sparse" in kind))


def _against(inputs: Mapping[str, Any]) -> str:
    """What inputs are attacked under: names joined by +, or the kind of noise."""
    each = [member["threat"] for member in inputs.get("members", ())] or inputs.get("threats")
    each = each or [inputs.get("threat") or inputs.get("kind", "")]
    return "+".join(str(t if isinstance(t, str) else t["name"]) for t in each)
