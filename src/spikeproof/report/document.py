"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spikeproof.analysis import LARGEST_BLIND, Summary, results, summarise
from spikeproof.base import printable, sweep, write_atomic
from spikeproof.report import provenance as run_facts
from spikeproof.report.answer import answer
from spikeproof.report.audit_answer import AUDITED, audit_answer, is_audit
from spikeproof.report.citations import citations
from spikeproof.report.claim_figures import NORMS
from spikeproof.report.claims import claims
from spikeproof.report.colours import ACCURACY, DIVERGING, hexed
from spikeproof.report.figures import Figure
from spikeproof.report.flags import shown_flags, withheld_sentences
from spikeproof.report.gallery import GalleryView
from spikeproof.report.headline import tiles
from spikeproof.report.labels import percent
from spikeproof.report.pictures import EVENT_COLOURS
from spikeproof.report.plots import series
from spikeproof.report.section import sections

__all__ = ["compose", "write_report"]

_QUESTION = (
    "Does sparse-gradient training make robustness transfer across norms, or is it gradient "
    "masking?"
)
_CONTENTS = (
    ("answer", "Answer"),
    ("flags", "Flags"),
    ("matrix", "Training against norm"),
    ("transfer", "Transfer"),
    ("curves", "Security curves"),
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
    masking = [sign for one in summary.data for sign in one.masking if sign.training in one.sparse]
    audit = is_audit(summary)
    short, long = audit_answer(summary) if audit else answer(summary.verdicts, masking)
    contents = [(id, title) for id, title in _CONTENTS if not audit or _of_audits(id, summary)]
    contents = [part for part in contents if part[0] != "flags" or summary.flags]
    held = withheld_sentences(summary)
    page = {
        "name": summary.name,
        "sample": run_facts.sample(summary),
        "notice": " ".join(filter(None, [run_facts.notice(summary), *held])),
        "flags": shown_flags(summary),
        "short": short,
        "long": long,
        "claims": claims(summary.verdicts),
        "question": AUDITED if audit else _QUESTION,
        "contents": contents,
        "shown": [id for id, _ in contents],
        "series": series(summary),
        "tiles": tiles(summary, series(summary)),
        "sections": sections(summary),
        "cost": {"heads": run_facts.COST_HEADS, "rows": run_facts.cost(summary)},
        "limits": [*held, *run_facts.limits(summary)],
        "provenance": run_facts.provenance(summary.provenance),
        "citations": citations(),
        "accuracy_scale": ",".join(ACCURACY),
        "transfer_scale": ",".join(DIVERGING),
        "limit_of_masking": 100 * LARGEST_BLIND,
        "norms": NORMS,
        "event_keys": [(name, hexed(colour)) for name, colour in EVENT_COLOURS.items()],
        "css": Markup(_asset("page.css")),
        "script": Markup(_asset("page.js")),
        "plotly": Markup(_plotly()),
    }
    return _environment().get_template("page.html.j2").render(page=page)


def _of_audits(id: str, summary: Summary) -> bool:
    """Whether a part of the page has anything to say of networks that the run did not train."""
    if id == "gradients":
        return any(arrays for one in summary.data for arrays in one.probes.values())
    return id != "transfer" and (id != "claims" or bool(summary.verdicts))


def _asset(name: str) -> str:
    """The text of a file that comes with the templates."""
    return files("spikeproof.report").joinpath("templates", name).read_text("utf-8")


@cache
def _plotly() -> str:
    """Plotly's script."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _environment() -> Environment:
    """Templates that escape whatever they are given."""
    environment = Environment(
        loader=PackageLoader("spikeproof.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["figure_json"] = _figure_json
    environment.filters["percent"] = percent
    environment.filters["event_bars"] = _event_bars
    return environment


def _shown(value: Any) -> Any:
    """A text without signs that turn the direction of writing or show nothing; markup is ours."""
    return printable(value) if type(value) is str else value


def _figure_json(figure: Figure) -> Markup:
    """A figure as JSON that cannot end the script element it stands in."""
    content = _shown_within({"data": figure.data, "layout": figure.layout})
    text = json.dumps(content, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _shown_within(value: Any) -> Any:
    """Plain data whose texts a page can show."""
    if isinstance(value, dict):
        return {key: _shown_within(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown_within(each) for each in value]
    return _shown(value)


def _event_bars(view: GalleryView) -> Markup:
    """Events per frame, clean and adversarial side by side."""
    top = max((max(pair) for pair in view.counts), default=0.0) or 1.0
    width = 100 / max(1, len(view.counts))
    bars: list[Any] = []
    for frame, pair in enumerate(view.counts):
        for turn, (count, colour) in enumerate(zip(pair, ("muted", "accent"), strict=True)):
            height = 30 * count / top
            bars.append(
                f'<rect x="{width * (frame + 0.12 + 0.4 * turn):.2f}" y="{30 - height:.2f}" '
                f'width="{0.36 * width:.2f}" height="{height:.2f}" fill="var(--{colour})"/>'
            )
    label = f"Events per frame, at most {top:g}; grey clean, coloured adversarial."
    return Markup(
        f'<svg class="counts" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{"".join(bars)}</svg><p class="caption">{label}</p>'
    )
