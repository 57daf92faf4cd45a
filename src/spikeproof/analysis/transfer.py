"""How trainings carry over to threats they were not made for, as rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from spikeproof.analysis.rows import Competing, TransferRow
from spikeproof.analysis.tables import align
from spikeproof.metrics import competitiveness, transfer_ratio

if TYPE_CHECKING:
    from spikeproof.analysis.results import Results

__all__ = ["competing_rows", "transfer_rows"]


def transfer_rows(results: Results, data: str) -> list[TransferRow]:
    """Gain and transfer ratio of every training under every threat, at its middle radius."""
    base = results.undefended(data)
    return [
        _row(results, data, training, threat, base)
        for training in results.trainings(data)
        if training != base
        for threat in results.threats(data)
    ]


def _row(results: Results, data: str, training: str, threat: str, base: str | None) -> TransferRow:
    """The gain of one training under one threat, and its ratio to that of dedicated training."""
    dedicated = results.dedicated(data, threat)
    table = results.table(data, training, threat)
    gain = None
    if base is not None:
        gain = results.difference(
            *(results.survival(data, name, threat) for name in (training, base))
        )
    row = partial(
        TransferRow,
        data=data,
        training=training,
        threat=threat,
        radius=None if gain is None or table is None else table.radii[table.middle],
        dedicated=dedicated,
        gain=gain,
    )
    none = partial(row, tau=None, low=None, high=None, defined=False)
    if base is None:
        return none(reason="this run has no training with cross-entropy alone")
    if dedicated is None:
        return none(reason=f"no training of this run is dedicated to {threat}")
    found = [results.survival(data, name, threat) for name in (training, dedicated, base)]
    present = [one for one in found if one is not None]
    aligned = align(*present) if len(present) == 3 else None
    if aligned is None:
        return none(reason="not every cell it compares is complete")
    trained, best, undefended = (one.values["value"] for one in aligned)
    if training == dedicated:
        trained = best
    tau = transfer_ratio(trained, best, undefended, results.intervals(aligned[0]))
    return row(
        tau=tau.tau,
        low=tau.low,
        high=tau.high,
        defined=tau.defined,
        reason=tau.reason,
        over=tau.over,
    )


def competing_rows(results: Results, data: str) -> list[Competing]:
    """Competitiveness of every training over the threats that have a dedicated training."""
    dedicated = {t: results.dedicated(data, t) for t in results.threats(data)}
    middle = {t: _middle(results, data, name, t) for t, name in dedicated.items() if name}
    best = {t: value for t, value in middle.items() if value}
    rows = []
    for training in results.trainings(data):
        values = {t: _middle(results, data, training, t) for t in best}
        reached = {t: value for t, value in values.items() if value is not None}
        found = competitiveness(reached, best) if reached else None
        if found is not None:
            names = tuple(reached)
            rows.append(
                Competing(
                    data=data,
                    training=training,
                    average=found.average,
                    worst=found.worst,
                    threats=names,
                )
            )
    return rows


def _middle(results: Results, data: str, training: str, threat: str) -> float | None:
    """Robust accuracy at the middle radius."""
    table = results.table(data, training, threat)
    return None if table is None else float(table.values["alive"][:, table.middle].mean())
