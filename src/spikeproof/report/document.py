"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spikeproof.analysis import LARGEST_BLIND, LARGEST_LEFT, Summary, results, summarise
from spikeproof.base import printable, sweep, write_atomic
from spikeproof.report import limits as run_limits
from spikeproof.report.answer import answer, not_fallen
from spikeproof.report.attacked import MEMBER_HEADS, attacked
from spikeproof.report.budgets import shown_grids
from spikeproof.report.citations import citations
from spikeproof.report.claims import claims
from spikeproof.report.colours import ACCURACY, DIVERGING
from spikeproof.report.figures import Figure, draw
from spikeproof.report.flags import shown_flags, withheld_sentences
from spikeproof.report.labels import listed, percent
from spikeproof.report.masking import shown_verdicts
from spikeproof.report.plots import series, training_class
from spikeproof.report.provenance import CELL_HEADS, cell_links, provenance
from spikeproof.report.section import sections
from spikeproof.report.spelled import KEY_HEADS, NETWORK_HEADS, key
from spikeproof.report.switch import switch

__all__ = ["asset", "compose", "environment", "write_report"]

_CONTENTS = (
    ("answer", "Answer"),
    ("flags", "Flags"),
    ("masking", "Gradient masking"),
    ("matrix", "Training against norm"),
    ("key", "What was trained and attacked"),
    ("transfer", "Transfer"),
    ("curves", "Security curves"),
    ("budgets", "Joint budgets"),
    ("claims", "Claims"),
    ("gradients", "Gradients"),
    ("gallery", "Gallery"),
    ("cost", "Cost and activity"),
    ("limits", "Limits"),
    ("provenance", "Provenance"),
    ("references", "References"),
)


def write_report(folder: Path | str, path: Path | str | None = None) -> Path:
    """Write the report of a run as one HTML file that works without a network.

    Args:
        folder: A run folder; the run may still be at work, the report names what is missing.
        path: File to write; ``report.html`` in the run folder where absent.
    Returns:
        The file.
    Raises:
        FileProblem: no run there, a file in it that is not whole, or nowhere to write.
    """
    target = Path(folder) / "report.html" if path is None else Path(path)
    write_atomic(target, compose(summarise(results(folder))).encode("utf-8"))
    sweep(target.parent, older=3600)
    return target


def compose(summary: Summary) -> str:
    """Return the page.

    Args:
        summary: What the run says; nothing is computed here that is not in it.
    Returns:
        HTML.
    """
    contents = [(id, title) for id, title in _CONTENTS if _has(id, summary)]
    links = cell_links(summary)
    held = withheld_sentences(summary)
    parts = sections(summary, links)
    page = {
        **_words(summary),
        "name": summary.name,
        "sample": run_limits.sample(summary),
        "notice": " ".join(filter(None, [run_limits.notice(summary), *held])),
        "flags": shown_flags(summary),
        "masking": shown_verdicts(summary),
        "grids": shown_grids(summary),
        "claims": claims(summary.verdicts),
        "contents": contents,
        "shown": [id for id, _ in contents],
        "series": series(summary),
        "sections": parts,
        "switch": switch(parts, list(series(summary))),
        "cost": {"heads": run_limits.COST_HEADS, "rows": run_limits.cost(summary)},
        "limits": [*held, *run_limits.limits(summary)],
        "provenance": provenance(summary),
        "citations": citations(summary.works),
        "accuracy_scale": ACCURACY,
        "transfer_scale": DIVERGING,
        "css": Markup(asset("page.css")),
        "script": Markup(asset("page.js")),
    }
    return environment().get_template("page.html.j2").render(page=page)


def _words(summary: Summary) -> dict[str, Any]:
    """What the page says of the question, the trainings, the attacks and the checks."""
    short, long = answer(summary)
    return {
        "question": summary.question,
        "short": short,
        "long": long,
        "key": key(summary),
        "key_heads": KEY_HEADS,
        "network_heads": NETWORK_HEADS,
        "attacked": attacked(summary),
        "member_heads": MEMBER_HEADS,
        "checks": summary.checks,
        "not_fallen": not_fallen(summary),
        "suites": listed([suite.name for suite in summary.suites]),
        "cell_heads": CELL_HEADS,
        "curves": any(sign.curves for one in summary.data for sign in one.masking),
        "rows_are": "training" if any(c.kind == "train" for c in summary.cells) else "network",
        "any_ratio": any(row.defined for one in summary.data for row in one.transfer),
        "limit_of_masking": 100 * LARGEST_BLIND,
        "limit_of_left": 100 * LARGEST_LEFT,
    }


def _has(id: str, summary: Summary) -> bool:
    """Whether a part of the page has anything to say of this run."""
    audit = not any(cell.kind == "train" for cell in summary.cells)
    asked = {"flags": summary.flags, "masking": summary.masking, "budgets": summary.grids}
    if id in asked:
        return bool(asked[id])
    if id == "claims":
        return bool(summary.verdicts)
    if id == "gradients":
        return not audit or any(arrays for one in summary.data for arrays in one.probes.values())
    if id == "transfer":
        return any(row.gain or row.defined for one in summary.data for row in one.transfer)
    return True


def asset(name: str) -> str:
    """The text of a file that comes with the templates."""
    return files("spikeproof.report").joinpath("templates", name).read_text("utf-8")


@cache
def environment() -> Environment:
    """Templates that escape whatever they are given."""
    environment = Environment(
        loader=PackageLoader("spikeproof.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["drawn"] = _drawn
    environment.filters["percent"] = percent
    environment.filters["training_class"] = training_class
    environment.filters["gradient"] = _gradient
    return environment


def _shown(value: Any) -> Any:
    """A text without signs that turn the direction of writing or show nothing; markup is ours."""
    return printable(value) if type(value) is str else value


def _drawn(figure: Figure) -> Markup:
    """A figure as SVG for the page; its texts are escaped there."""
    return Markup(draw(figure, "page").decode("utf-8"))


def _gradient(colours: Sequence[str]) -> str:
    """Colours as the background of a scale; they are ours, so nothing is to be escaped."""
    return f"linear-gradient(90deg,{','.join(colours)})"
