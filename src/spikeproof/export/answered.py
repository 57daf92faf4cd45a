"""A question of a checklist and its answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOT_RECORDED", "Answered"]

NOT_RECORDED = "not recorded"
"""The answer where no record says one: the author has to."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A question of a checklist, and what the records answer.

    Args:
        source: ``"NeurIPS"`` or ``"Carlini et al."``.
        question: In short words.
        answer: ``"yes"``, ``"no"``, ``"partly"``, ``"does not apply"`` or ``"not recorded"``.
        why: What the records say, or what the author has to add.
    """

    source: str
    question: str
    answer: str
    why: str
