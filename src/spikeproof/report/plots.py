"""Which figures a run gives: security curves, gradients, vulnerability, activity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from spikeproof.analysis import Curve, DataSummary, Summary
from spikeproof.base import digest
from spikeproof.report.charts import BarGroup, Bars, Cloud, Curves, HeatMap, Line, PointGroup
from spikeproof.report.figures import Figure
from spikeproof.report.labels import data_title, measure, threat_title
from spikeproof.report.origin import Origin
from spikeproof.report.tables import Heat
from spikeproof.threats import by_order, shown_facts

__all__ = [
    "activity",
    "gradients",
    "matrices",
    "norms_of",
    "percents",
    "scatter",
    "security",
    "series",
    "slug",
    "training_class",
]


def slug(*parts: object) -> str:
    """An id for the page; parts without Latin letters differ by a hash of theirs."""
    names = [re.sub(r"[^a-z0-9]+", "-", str(part).lower()).strip("-") for part in parts]
    told = [
        name if name and str(part).isascii() else f"{name}{digest(str(part))[:8]}"
        for part, name in zip(parts, names, strict=True)
        if str(part)
    ]
    return "-".join(told)


def series(summary: Summary) -> dict[str, int]:
    """Training → its number, which fixes its colour and its mark on the whole page."""
    names = dict.fromkeys(training for one in summary.data for training in one.trainings)
    return {name: number % 8 for number, name in enumerate(names)}


def training_class(training: str) -> str:
    """The classes of what belongs to a training; a name may hold anything, so a hash stands in."""
    return f"t t-{digest(training)[:8]}"


def percents(shares: Sequence[float]) -> list[float]:
    """Shares in per cent."""
    return [100 * float(share) for share in shares]


def matrices(data: str, tables: Sequence[Heat]) -> list[Figure]:
    """The accuracy table at each radius, for a paper; a page has it as a table."""
    out = []
    for table in tables:
        about = f"{data_title(data)}: accuracy (%) and 95 % interval at the {table.name} radius"
        about += f", {table.size}" if table.size else ""
        about += f", {table.given}" if table.given else ""
        rows = "; ".join(
            f"{training}: " + ", ".join(f"{threat_title(c.threat)} {c.text}" for c in cells)
            for training, cells in table.rows
        )
        name = slug("matrix", data, table.name)
        width = max(340.0, 96.0 + 62.0 * len(table.columns))
        out.append(
            Figure(
                name=name,
                title=f"{data_title(data)}, {table.name} radius",
                alt=f"{about}. {rows}.",
                chart=HeatMap(table=table, about=about),
                kind="matrix",
                width=width,
            )
        )
    return out


def security(summary: DataSummary, colours: Mapping[str, int], known: Origin) -> list[Figure]:
    """One security curve per threat."""
    by_threat: dict[str, list[Curve]] = {threat: [] for threat in summary.threats}
    for curve in summary.curves:
        by_threat[curve.threat].append(curve)
    return [
        _security(summary.data, threat, [_line(curve, colours) for curve in curves], known)
        for threat, curves in by_threat.items()
        if curves
    ]


def _security(data: str, threat: str, lines: Sequence[Line], known: Origin) -> Figure:
    """The curves under one threat."""
    ends = "; ".join(f"{line.name} ends at {line.y[-1]:.0f} %" for line in lines)
    unit = shown_facts(threat).unit or known.unit
    guessing = 100 / known.classes if known.classes else None
    return Figure(
        name=slug("curve", data, threat),
        title=f"{threat_title(threat)}: {measure(threat)}",
        alt=f"Accuracy falling with the radius. At the largest radius: {ends}.",
        chart=Curves(lines=lines, x_title=f"radius ({unit})", guessing=guessing),
        kind="curves",
    )


def _line(curve: Curve, colours: Mapping[str, int]) -> Line:
    """One training under one threat."""
    number = colours[curve.training]
    return Line(
        name=curve.training,
        colour=f"s{number}",
        symbol=number,
        x=curve.radii,
        y=percents(curve.accuracy),
        low=percents(curve.low),
        high=percents(curve.high),
        random=percents(curve.random_accuracy),
        classes=training_class(curve.training),
    )


def gradients(summary: DataSummary, colours: Mapping[str, int]) -> list[Figure]:
    """Size against sparsity of the gradient, and adversarial against random vulnerability."""
    data, probes = summary.data, {t: arrays for t, arrays in summary.probes.items() if arrays}
    groups = [
        _group(t, colours, a["g_pr"], a["g_l2"])
        for t, a in probes.items()
        if "g_pr" in a and "g_l2" in a
    ]
    out = []
    if groups:
        axes = ("participation ratio (values that matter)", "gradient size ‖g‖₂")
        chart = Cloud(groups=groups, axes=axes)
        out.append(scatter(slug("gradient", data), "Gradient: size and sparsity", chart))
    for norm in norms_of(probes.values()):
        figure = _vulnerability(data, norm, probes, colours)
        if figure is not None:
            out.append(figure)
    return out


def scatter(name: str, title: str, chart: Cloud) -> Figure:
    """A scatter plot as a figure."""
    return Figure(name=name, title=title, alt=chart.alt, chart=chart, kind="scatter")


def norms_of(probes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The norms that probes hold, from large to small p."""
    norms = {key[8:] for arrays in probes for key in arrays if key.startswith("rho_adv_")}
    known = by_order(norms)
    return known + sorted(norms - set(known))


def _group(training: str, colours: Mapping[str, int], x: np.ndarray, y: np.ndarray) -> PointGroup:
    """The points of a training."""
    number = colours[training]
    return PointGroup(
        name=training,
        colour=f"s{number}",
        symbol=number,
        x=x,
        y=y,
        classes=training_class(training),
    )


def _vulnerability(
    data: str, norm: str, probes: Mapping[str, Mapping[str, Any]], colours: Mapping[str, int]
) -> Figure | None:
    """Adversarial against random vulnerability in one norm."""
    groups = [
        _group(t, colours, a[f"rho_random_{norm}"], a[f"rho_adv_{norm}"])
        for t, a in probes.items()
        if f"rho_adv_{norm}" in a and f"rho_random_{norm}" in a
    ]
    if not any(group.middle for group in groups):
        return None
    axes = ("random vulnerability", "adversarial vulnerability")
    name, title = slug("vulnerability", data, norm), f"Vulnerability in {threat_title(norm)}"
    return scatter(name, title, Cloud(groups=groups, axes=axes, diagonal=True))


def activity(summary: DataSummary, colours: Mapping[str, int]) -> Figure | None:
    """Firing rate of each layer; None where nothing was recorded."""
    groups = [
        BarGroup(
            name=training,
            colour=f"s{colours[training]}",
            symbol=colours[training],
            layers=[row.layer for row in layers],
            values=[row.rate for row in layers],
            classes=training_class(training),
        )
        for training, layers in summary.activity.items()
        if layers
    ]
    if not groups:
        return None
    chart = Bars(groups=groups, unit="spikes per neuron and step")
    name = slug("activity", summary.data)
    return Figure(name=name, title="Firing rate by layer", alt=chart.alt, chart=chart, kind="bars")
