"""What a run was asked: by its plan, or, where that does not say, by what it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["QUESTIONS", "SPARSE_GRADIENT", "question_of"]

SPARSE_GRADIENT = "sparse-gradient"
"""Name of the question that the demo asks, which is answered from the claim about its gains."""

QUESTIONS = {
    SPARSE_GRADIENT: (
        "Does sparse-gradient training make robustness transfer across norms, or is it gradient "
        "masking?"
    ),
}
"""Questions that a plan may ask by name."""

_FEW = 6


def question_of(plan: Mapping[str, Any], trainings: Sequence[str]) -> str:
    """Return what a run was asked, one sentence.

    Args:
        plan: Plain data; ``question`` holds a name of ``QUESTIONS`` or the question itself.
        trainings: Trainings and networks with completed cells, in the order of the plan.
    Example:
        >>> question_of({}, ["plain", "AT", "TRADES"])
        'Which training keeps most under attack: plain, AT or TRADES?'
    """
    asked = str(plan.get("question") or "")
    if asked:
        return QUESTIONS.get(asked, asked)
    if plan.get("network") and not plan.get("training"):
        return "What do attacks in every norm leave of a trained network?"
    if len(trainings) < 2:
        return f"What do attacks leave of {''.join(trainings) or 'a trained network'}?"
    if len(trainings) > _FEW:
        return f"Which of {len(trainings)} trainings keeps most under attack?"
    names = f"{', '.join(trainings[:-1])} or {trainings[-1]}"
    return f"Which training keeps most under attack: {names}?"
