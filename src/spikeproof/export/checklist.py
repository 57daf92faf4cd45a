"""A reproducibility checklist, filled from the records of a run, as Markdown.

The questions are those of the NeurIPS paper checklist on experiments and of Carlini et al., in
short words. What no record says is left to the author and marked so; nothing is guessed.

References:
    carlini2019evaluating
"""

from __future__ import annotations

from spikeproof.analysis import Results
from spikeproof.export.about_attacks import about_attacks
from spikeproof.export.about_experiments import about_experiments
from spikeproof.export.answered import Answered

__all__ = ["checklist", "questions"]


def checklist(results: Results) -> str:
    """Return the checklist of a run as Markdown.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    """
    lines = [
        "# Reproducibility checklist",
        "",
        "Written by `spikeproof export` from the records of a run, after the NeurIPS paper "
        "checklist and Carlini et al., On Evaluating Adversarial Robustness (2019). "
        '"Not recorded" is for the author to answer.',
    ]
    for source in ("NeurIPS", "Carlini et al."):
        lines += ["", f"## {source}", ""]
        lines += [
            f"- **{one.answer}**: {one.question} {one.why}"
            for one in questions(results)
            if one.source == source
        ]
    return "\n".join(lines) + "\n"


def questions(results: Results) -> list[Answered]:
    """Return every question with its answer; arguments as of ``checklist``."""
    return [*about_experiments(results), *about_attacks(results)]
