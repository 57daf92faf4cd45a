"""What the items of a data set are: as the run recorded them, and as the set says of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spikeproof.analysis import CellRecord, recorded_domain
from spikeproof.data import DATASETS, Domain, Facts, Views
from spikeproof.report import shown as show

__all__ = ["Origin", "origin"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is known of a run's data set.

    Args:
        domain: Legal inputs, by name of the view, ``""`` where there is only one; empty where
            neither a record nor the package knows the set.
        classes: How many classes it has.
        facts: What the set says of itself; None where this package does not know it, or knows
            another set of that name.
    """

    domain: Mapping[str, Domain]
    classes: int | None
    facts: Facts | None

    @property
    def unit(self) -> str:
        """What one value of an input is."""
        if self.facts is not None:
            return self.facts.unit
        units = [_unit(domain) for domain in self.domain.values()]
        return " and ".join(dict.fromkeys(units)) or "input units"

    def views(self) -> list[show.ViewSlice] | None:
        """Where each view lies in an item; None where an item cannot be shown."""
        rate = self.facts.rate_hz if self.facts else None
        return show.view_slices(self.domain.values(), rate)


def origin(cells: Sequence[CellRecord], data: str) -> Origin:
    """What is known of a data set; the record is believed before the package."""
    recorded = recorded_domain(cells, data)
    trained = [cell.cell for cell in cells if cell.holds_network and cell.data == data]
    declared = (cell.get("model", {}).get("classes") for cell in trained)
    classes = next((number for number in declared if number), None)
    known = DATASETS[data]().domain if data in DATASETS else None
    facts = DATASETS[data].facts if known is not None and recorded in (None, known) else None
    domain = recorded or known
    if facts is not None:
        classes = classes or facts.classes
    parts = dict(domain.parts) if isinstance(domain, Views) else {"": domain} if domain else {}
    return Origin(domain=parts, classes=classes, facts=facts)


def _unit(domain: Domain) -> str:
    """What one value is, with its range where it has one."""
    if domain.modality.counts or not math.isfinite(domain.high - domain.low):
        return domain.modality.unit
    return f"{domain.modality.unit}, {domain.low:g} to {domain.high:g}".replace("-", "−")
