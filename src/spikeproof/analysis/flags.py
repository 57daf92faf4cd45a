"""What was seen of each network that makes its numbers doubtful, and which numbers it withholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spikeproof.analysis.records import CellRecord
from spikeproof.analysis.rows import FlagRow
from spikeproof.base import SpikeproofError
from spikeproof.evaluate import Flag, LadderFacts, reviewed

__all__ = ["flag_rows", "withheld_trainings"]


def flag_rows(cells: Sequence[CellRecord], despite: Iterable[str] = ()) -> list[FlagRow]:
    """Return every flag of a run, network by network.

    Args:
        cells: The completed cells. A network without a diagnosis, as in runs from before there
            were any, has no flags.
        despite: Flags that are overridden.
    """
    holders = {cell.id: cell for cell in cells if cell.holds_network}
    rows = []
    for cell in (cell for cell in cells if cell.kind == "diagnosis"):
        parent = cell.inputs.get("parent")
        attacks = [c for c in cells if c.kind == "attack" and c.inputs.get("parent") == parent]
        before = [Flag.from_record(record) for record in cell.result["flags"]]
        for flag in (*before, *_after(holders.get(str(parent)), attacks)):
            rows.append(
                FlagRow(
                    data=cell.data,
                    training=cell.training,
                    seed=cell.seed,
                    name=flag.name,
                    stop=flag.stop,
                    overridden=flag.stop and flag.name in despite,
                    seen=flag.seen,
                    why=flag.why,
                    mend=flag.mend,
                )
            )
    return rows


def withheld_trainings(rows: Sequence[FlagRow]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return data set and training of which no robust accuracy is stated → flags that stop it."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.stop and not row.overridden:
            found.setdefault((row.data, row.training), []).append(row.name)
    return {key: tuple(dict.fromkeys(names)) for key, names in found.items()}


def _after(holder: CellRecord | None, attacks: Sequence[CellRecord]) -> tuple[Flag, ...]:
    """What the attacks on one network show; nothing where their records do not say enough."""
    if holder is None:
        return ()
    try:
        domain = holder.cell["model"]["domain"]
        return reviewed(
            LadderFacts.recorded(cell.cell["threat"], domain, cell.result, cell.items.get("y"))
            for cell in attacks
        )
    except (KeyError, TypeError, ValueError, SpikeproofError):  # an extract
        return ()
