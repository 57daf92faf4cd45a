"""What a page says first of networks from files: what attacks leave of them."""

from __future__ import annotations

from spikeproof.analysis import Summary
from spikeproof.report.answer import Answer
from spikeproof.report.labels import data_title, percent

__all__ = ["AUDITED", "audit_answer", "is_audit"]

AUDITED = "What do attacks in every norm leave of a trained network?"
"""The question of such a page."""


def is_audit(summary: Summary) -> bool:
    """Whether every network of the run came from a file."""
    plan = summary.provenance["plan"]
    return bool(plan.get("network")) and not plan.get("training")


def audit_answer(summary: Summary) -> Answer:
    """The shares that survive, in words.

    Args:
        summary: What an audit says.
    Returns:
        What survives every l_p threat at its standard radius, network by network, and how it is
        meant.
    """
    told = []
    for one in summary.data:
        unions = [cell for cell in one.matrix if cell.threat == "union"]
        levels = sorted({cell.level for cell in unions})
        for cell in unions:
            if cell.level == levels[len(levels) // 2] and cell.training in one.clean:
                clean = one.clean[cell.training].value
                told.append(
                    f"Of {cell.estimate.n} {summary.split} items of {data_title(one.data)}, "
                    f"{cell.training} answers {percent(clean)} % right when clean and "
                    f"{percent(cell.estimate.value)} % under every attack in an ℓp norm at the "
                    "standard radius."
                )
    if not told and summary.withheld:
        return Answer("No robust accuracy is stated.", "What was seen of the network forbids it.")
    if not told:
        return Answer("Nothing that can be summed up has been measured yet.", "")
    return Answer(
        " ".join(told[:3]),
        "An item counts as right only if it is right when clean and nothing that was tried broke "
        "it: an upper bound, which a stronger attack can only lower.",
    )
