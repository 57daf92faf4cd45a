"""What the NeurIPS paper checklist asks of experiments, answered from the records of a run."""

from __future__ import annotations

from collections.abc import Iterator

from spikeproof.analysis import Results
from spikeproof.export.answered import NOT_RECORDED, Answered
from spikeproof.export.latex import listed
from spikeproof.export.methods import calls_of

__all__ = ["about_experiments"]


def about_experiments(results: Results) -> Iterator[Answered]:
    """Yield the questions of the NeurIPS checklist that are about experiments, answered.

    Args:
        results: From :func:`spikeproof.analysis.results`.
    """

    found = results.provenance()
    cells, total = found["cells"]["complete"], found["cells"]["total"]
    models = sum("model_sha256" in one for one in found["models"].values())
    yield _said(
        "Is everything there that is needed to reproduce the results?",
        "yes" if cells == total else "partly",
        f"{cells} of {total} cells are complete; the plan, the settings of every cell, and hashes "
        f"of data, code and {models} networks are in the run.",
    )
    calls = calls_of(results)
    command = "" if not calls else " ".join(calls[-1]["command"])
    yield _said(
        "Is the command given that produces them?",
        "yes" if command else NOT_RECORDED,
        f"`{command}`".replace("\n", " ") if command else "The run is older than that record.",
    )
    commits = list(dict.fromkeys(str(c["commit"]) for c in calls if c.get("commit")))
    yield _said(
        "Are code and data open?",
        NOT_RECORDED,
        f"Commit of spikeproof: {listed(commits) or 'not recorded'}. Where your own code, data and "
        "networks are to be had is for you to say.",
    )
    yield from _details(results)


def _details(results: Results) -> Iterator[Answered]:
    """Those on details, error bars, compute and licences."""
    trained = sum(cell.kind == "train" for cell in results.cells)
    yield _said(
        "Are all training and test details given (splits, hyperparameters, how they were chosen)?",
        "yes" if trained else "partly",
        f"methods.tex states them; attacks saw {results.split} items."
        + ("" if trained else " The networks were trained elsewhere: say how."),
    )
    seeds = len(results.seeds())
    yield _said(
        "Are error bars given, and is it said what they are over?",
        "yes",
        f"95 % intervals at every number, {_over(results)}; {seeds} seed{'s' * (seeds != 1)}.",
    )
    hours = results.provenance()["wall_seconds"]
    yield _said(
        "Is the compute given?",
        NOT_RECORDED if hours is None else "yes",
        "" if hours is None else f"{hours / 3600:.2f} hours of wall time over all cells.",
    )
    yield _said(
        "Are licences of data and code named?", NOT_RECORDED, "methods.tex names known ones."
    )


def _said(question: str, answer: str, why: str) -> Answered:
    """A question of this list."""
    return Answered(source="NeurIPS", question=question, answer=answer, why=why)


def _over(results: Results) -> str:
    """What the intervals are over."""
    for data in results.data():
        for training in results.trainings(data):
            clean = results.clean(data, training)
            if clean is not None:
                return clean.given
    return "of no number yet"
