"""What the inputs of a run were, as its records say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spikeproof.analysis.records import CellRecord
from spikeproof.base import SettingError
from spikeproof.data import Domain, Views, domain_from

__all__ = ["recorded_domain"]


def recorded_domain(cells: Iterable[CellRecord], data: str) -> Domain | Views | None:
    """Return the legal inputs of a data set.

    Args:
        cells: Completed cells of a run.
        data: Name of the data set, of this package or not.
    Returns:
        What the first record of a network for it says; None where none says it.
    """
    for cell in cells:
        model = cell.cell.get("model") if cell.holds_network and cell.data == data else None
        record = model.get("domain") if isinstance(model, Mapping) else None
        if isinstance(record, Mapping):
            try:
                return domain_from(record)
            except SettingError:
                continue
    return None
