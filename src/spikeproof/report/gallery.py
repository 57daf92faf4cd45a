"""The gallery: single items under every training and norm, to see and to hear."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spikeproof.analysis import DataSummary, Example, ExampleItem, Summary
from spikeproof.report.charts import Wall, WallCell
from spikeproof.report.colours import DIVERGING
from spikeproof.report.labels import data_title, measure, number, radius_words, threat_title
from spikeproof.report.origin import Origin
from spikeproof.report.shown import SHOWN, ColourScale, Shown, ViewSlice

__all__ = ["GalleryCell", "GalleryColumn", "GalleryItem", "gallery_item", "gallery_of", "wall"]

Loudness = Mapping[tuple[str, float | None], str]


@dataclass(frozen=True, kw_only=True)
class GalleryCell:
    """What became of the item under one training and threat.

    Args:
        outcome: ``"broken"``, ``"survived"``, ``"wrong"`` or ``"absent"``.
        head: The outcome in a few words.
        lines: What the record says of it.
        views: Pictures and sounds; none where the run kept none.
    """

    outcome: str
    head: str
    lines: list[str] = field(default_factory=list)
    views: list[Shown] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class GalleryColumn:
    """One threat: its name, what its radius counts, and the colours of its changes."""

    threat: str
    title: str
    about: str
    scale: ColourScale | None


@dataclass(frozen=True, kw_only=True)
class GalleryItem:
    """One item: trainings down, threats across.

    Args:
        item: Its number in the data set.
        y: Its class.
        seed: Of the networks.
        clean: The clean item.
        scales: Colour scales that hold for the whole item.
        columns: Threats.
        rows: ``(training, cells)``.
    """

    item: int
    y: int
    seed: int
    clean: list[Shown]
    scales: list[ColourScale]
    columns: list[GalleryColumn]
    rows: list[tuple[str, list[GalleryCell]]]


def gallery_of(summary: Summary, one: DataSummary, known: Origin) -> tuple[list[GalleryItem], str]:
    """Return the attacked items of a data set; where there are none, why.

    Args:
        summary: What the run says.
        one: What it says of the data set.
        known: What is known of its items.
    """
    items, title = summary.gallery[one.data], data_title(one.data)
    if not items:
        return [], f"No attacked items of {title} were kept in this run."
    kept = f"{len(items)} attacked items of {title} were kept in this run, and "
    views, size = known.views(), sum(domain.size for domain in known.domain.values())
    if not known.domain:
        return [], f"{kept}cannot be shown: no record says what shape and range they have."
    if views is None:
        return [], f"{kept}cannot be shown: their values are no picture, recording or sound."
    items = tuple(item for item in items if np.size(item.x) == size)
    if not items:
        return [], f"{kept}cannot be shown: they have not the size that the records say."
    loud = {(cell.threat, cell.radius): cell.decibels for cell in one.matrix}
    rows = [gallery_item(item, views, one.trainings, one.threats, loud=loud) for item in items]
    return rows, ""


def gallery_item(
    found: ExampleItem, parts: Sequence[ViewSlice], trainings: Sequence[str],
    threats: Sequence[str], *, loud: Loudness | None = None,
) -> GalleryItem:  # fmt: skip
    """Return everything the page shows of one item.

    Args:
        found: A member of ``Summary.gallery``.
        parts: The views of the data set, in order.
        trainings: Rows, in order.
        threats: Columns, in order.
        loud: Threat and radius → the radius in decibels, where it is one on a sound.
    """
    kept = {t: [e for e in found.examples if e.threat == t] for t in threats}
    spans = {t: [_span(part, found.x, kept[t]) for part in parts] for t in threats}
    tops = [_top(part, found) for part in parts]
    clean = [
        SHOWN[part.kind](part, part.cut(found.x), None, top)
        for part, top in zip(parts, tops, strict=True)
    ]
    rows = []
    for training in trainings:
        row = []
        for threat in threats:
            example = found.under(training, threat)
            scales = [span or top for span, top in zip(spans[threat], tops, strict=True)]
            views = _views(found, example, parts, scales) if example else []
            row.append(_cell(example, found.y, views, loud or {}))
        rows.append((training, row))
    return GalleryItem(
        item=found.item,
        y=found.y,
        seed=found.seed,
        clean=clean,
        scales=[scale for shown in clean for scale in shown.scales],
        columns=[_column(threat, spans[threat]) for threat in threats],
        rows=rows,
    )


def _changes(part: ViewSlice, x: np.ndarray, rows: Sequence[Example]) -> list[float]:
    """The largest change of one view in each example."""
    clean = part.cut(x)
    return [float(np.abs(part.cut(e.x_adv) - clean).max()) for e in rows if e.x_adv is not None]


def _span(part: ViewSlice, x: np.ndarray, rows: Sequence[Example]) -> float | None:
    """The change that an image shows in full colour, the largest of its column."""
    if part.kind != "image":
        return None
    return max(_changes(part, x, rows), default=0.0) or part.high - part.low


def _top(part: ViewSlice, found: ExampleItem) -> float:
    """The value that has full colour: of events the largest count of the clean recording."""
    return (float(part.cut(found.x).max()) or 1.0) if part.kind == "events" else part.high


def _column(threat: str, spans: Sequence[float | None]) -> GalleryColumn:
    """A threat with the colours of its changes, where they are its own."""
    span = next((one for one in spans if one is not None), None)
    scale = None
    if span is not None:
        ends = f"−{number(span)}", f"+{number(span)}"
        scale = ColourScale(name="change", low=ends[0], high=ends[1], colours=DIVERGING)
    title, about = threat_title(threat), measure(threat)
    return GalleryColumn(threat=threat, title=title, about=about, scale=scale)


def _views(
    found: ExampleItem, example: Example, parts: Sequence[ViewSlice], scales: Sequence[float]
) -> list[Shown]:
    """The adversarial input and what it changes, view by view."""
    if example.x_adv is None:
        return []
    return [
        SHOWN[part.kind](part, part.cut(found.x), part.cut(example.x_adv), scale)
        for part, scale in zip(parts, scales, strict=True)
    ]


def _cell(example: Example | None, y: int, views: list[Shown], loud: Loudness) -> GalleryCell:
    """What the record says of one training and threat, in words."""
    if example is None:
        return GalleryCell(outcome="absent", head="not attacked")
    if example.outcome == "wrong":
        return GalleryCell(outcome="wrong", head="wrong without an attack")
    if example.outcome == "survived":
        held = f"up to radius {_radius(example, example.radii[-1], loud)}"
        lines = [held, f"true class leads by {_lead(-example.lead)}"]
        return GalleryCell(outcome="survived", head="right", lines=lines)
    said = "?" if example.predicted_adv is None else str(example.predicted_adv)
    head = f"{y} → {said}" if views else "broken"
    lines = [
        f"fell at radius {_radius(example, example.radius, loud)}, "
        f"distance {number(example.distance)}",
        f"by {example.member}" if example.member else "",
        f"wrong class leads by {_lead(example.lead)}",
        "" if views else "input not kept",
    ]
    return GalleryCell(outcome="broken", head=head, lines=[t for t in lines if t], views=views)


def _radius(example: Example, radius: float | None, loud: Loudness) -> str:
    """A radius of its ladder, with its decibels on a sound."""
    return radius_words(radius, loud.get((example.threat, radius), ""))


def _lead(margin: float) -> str:
    """A lead in logits with the odds of a softmax between the two classes."""
    if not math.isfinite(margin):
        return number(margin)
    odds = math.exp(min(margin, 20.0))
    told = f"{odds:.1f}" if odds < 10 else f"{odds:,.0f}" if odds < 1000 else "over 1,000"
    return f"{number(margin, 2)} ({told}\u00a0:\u00a01)"


def wall(item: GalleryItem) -> Wall:
    """The same item as a chart for a paper; films are shown with their frames added up."""
    cells = {
        (training, column.title): WallCell(
            pictures=[panel.at_rest for view in cell.views for panel in view.panels[:2]],
            lines=[cell.head, *cell.lines],
        )
        for training, row in item.rows
        for column, cell in zip(item.columns, row, strict=True)
    }
    ends = [
        f"{column.title}: change {column.scale.low} (orange) to {column.scale.high} (blue)"
        for column in item.columns
        if column.scale
    ]
    for view in item.clean:
        ends += [view.words] if view.words else []
        if view.kind != "events":  # the colours of a film are not those of its frames added up
            ends += [f"{scale.name} {scale.low} to {scale.high}" for scale in view.scales]
    return Wall(
        clean=[view.panels[0].at_rest for view in item.clean],
        about=f"Item {item.item}, class {item.y}, clean. {'; '.join(ends)}.",
        rows=[training for training, _ in item.rows],
        columns=[column.title for column in item.columns],
        cells=cells,
    )
