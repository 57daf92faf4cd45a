"""Which figures a run gives: security curves, gradients, vulnerability, activity."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from spikeproof.analysis import Curve, DataSummary, Summary
from spikeproof.base import digest
from spikeproof.report.figures import Figure, bars, curves
from spikeproof.report.labels import measure, threat_title
from spikeproof.report.origin import Origin
from spikeproof.report.scatter import clouds
from spikeproof.threats import by_order, shown_facts

__all__ = ["activity", "gradients", "norms_of", "security", "series", "slug"]


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


def security(summary: DataSummary, colours: Mapping[str, int], known: Origin) -> list[Figure]:
    """One security curve per threat."""
    chance = 1 / known.classes if known.classes else None
    by_threat: dict[str, list[Curve]] = {threat: [] for threat in summary.threats}
    for curve in summary.curves:
        by_threat[curve.threat].append(curve)
    return [
        curves(
            slug("curve", summary.data, threat),
            f"{threat_title(threat)}: {measure(threat)}",
            [{"series": colours[curve.training], **vars(curve)} for curve in lines],
            unit=shown_facts(threat).unit or known.unit,
            chance=chance,
        )
        for threat, lines in by_threat.items()
        if lines
    ]


def gradients(summary: DataSummary, colours: Mapping[str, int]) -> list[Figure]:
    """Size against sparsity of the gradient, and adversarial against random vulnerability."""
    data, probes = summary.data, {t: arrays for t, arrays in summary.probes.items() if arrays}
    groups = [
        {**_marked(t, colours), "x": a["g_pr"], "y": a["g_l2"]}
        for t, a in probes.items()
        if "g_pr" in a and "g_l2" in a
    ]
    out = []
    if groups:
        axes = ("participation ratio (values that matter)", "gradient size ‖g‖₂")
        out.append(clouds(slug("gradient", data), "Gradient: size and sparsity", groups, axes=axes))
    for norm in norms_of(probes.values()):
        figure = _vulnerability(data, norm, probes, colours)
        if figure is not None:
            out.append(figure)
    return out


def norms_of(probes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The norms that probes hold, from large to small p."""
    norms = {key[8:] for arrays in probes for key in arrays if key.startswith("rho_adv_")}
    known = by_order(norms)
    return known + sorted(norms - set(known))


def _marked(training: str, colours: Mapping[str, int]) -> dict[str, Any]:
    """The name, colour and symbol of a training."""
    number = colours[training]
    return {"name": training, "colour": f"s{number}", "symbol": number}


def _vulnerability(
    data: str, norm: str, probes: Mapping[str, Mapping[str, Any]], colours: Mapping[str, int]
) -> Figure | None:
    """Adversarial against random vulnerability in one norm."""
    groups = [
        {**_marked(t, colours), "x": a[f"rho_random_{norm}"], "y": a[f"rho_adv_{norm}"]}
        for t, a in probes.items()
        if f"rho_adv_{norm}" in a and f"rho_random_{norm}" in a
    ]
    if not any((np.asarray(group["x"]) > 0).any() for group in groups):
        return None
    axes = ("random vulnerability", "adversarial vulnerability")
    name, title = slug("vulnerability", data, norm), f"Vulnerability in {threat_title(norm)}"
    return clouds(name, title, groups, axes=axes, diagonal=True)


def activity(summary: DataSummary, colours: Mapping[str, int]) -> Figure | None:
    """Firing rate of each layer; None where nothing was recorded."""
    groups = [
        {
            "training": training,
            "series": colours[training],
            "labels": [row.layer for row in layers],
            "values": [row.rate for row in layers],
        }
        for training, layers in summary.activity.items()
        if layers
    ]
    if not groups:
        return None
    title = "Firing rate by layer"
    return bars(slug("activity", summary.data), title, groups, unit="spikes per neuron and step")
