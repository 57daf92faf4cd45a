"""The verdicts on masking that a run holds: per training and threat, and in a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikeproof.analysis.records import CellRecord

__all__ = [
    "NOT_DIAGNOSED",
    "MaskingRow",
    "gravest_word",
    "masking_rows",
    "masking_word",
    "rows_of_diagnosis",
]

NOT_DIAGNOSED = "not diagnosed"
"""What stands in place of a verdict where nobody looked."""
_GRAVEST = ("masked", "suspicious", "undecided", NOT_DIAGNOSED, "sound")


@dataclass(frozen=True, kw_only=True)
class MaskingRow:
    """The verdict on one network under one threat.

    Args:
        data: Data set.
        training: Name of the training.
        seed: Seed of the network.
        threat: Norm and radius, ``"linf:0.1"``.
        verdict: ``"masked"``, ``"suspicious"``, ``"undecided"`` or ``"sound"``.
        because: Why, in one sentence.
        items: Right items that were looked at.
        claimed: Share of them that one attack through the network's own gradient leaves.
        strongest: Share that all attacks of the diagnosis together leave.
        raised: Names of the checks that count.
        settled: Names of the symptoms that do not, since attacks settled them.
        not_made: Names of the checks that were not made.
    """

    data: str
    training: str
    seed: int
    threat: str
    verdict: str
    because: str
    items: int
    claimed: float | None
    strongest: float | None
    raised: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    not_made: tuple[str, ...] = ()


def masking_rows(cells: Iterable[CellRecord]) -> tuple[MaskingRow, ...]:
    """Return every verdict on masking of a run, network by network.

    Args:
        cells: The completed cells.
    """
    return tuple(
        row
        for cell in cells
        if cell.kind == "doctor"
        for row in rows_of_diagnosis(cell.result["diagnosis"], cell.data, cell.training, cell.seed)
    )


def rows_of_diagnosis(
    diagnosis: Mapping[str, Any], data: str, training: str, seed: int
) -> tuple[MaskingRow, ...]:
    """Return the verdicts of one diagnosis.

    Args:
        diagnosis: Its record.
        data: Data set.
        training: What the network is called.
        seed: Its seed.
    """
    return tuple(
        MaskingRow(
            data=data,
            training=training,
            seed=seed,
            threat=str(one["threat"]),
            verdict=str(one["verdict"]),
            because=str(one["because"]),
            items=int(one["items"]),
            claimed=one["claimed"],
            strongest=one["strongest"],
            raised=_names(one, "raised"),
            settled=_names(one, "settled"),
            not_made=_names(one, "not made"),
        )
        for one in diagnosis["verdicts"]
    )


def masking_word(
    rows: Sequence[MaskingRow], data: str | None = None, training: str | None = None
) -> str:
    """Return the gravest verdict on some networks, or that none was diagnosed.

    Args:
        rows: Verdicts of a run.
        data: Of this data set only.
        training: Of this training only.
    Example:
        >>> masking_word(())
        'not diagnosed'
    """
    return gravest_word(
        row.verdict for row in rows if data in (None, row.data) and training in (None, row.training)
    )


def gravest_word(words: Iterable[str]) -> str:
    """Return the gravest of some verdicts, "not diagnosed" among them; that where there is none.

    Args:
        words: Verdicts.
    Example:
        >>> gravest_word(["sound", "not diagnosed"]), gravest_word(["undecided", "masked"])
        ('not diagnosed', 'masked')
    """
    found = set(words)
    return next((word for word in _GRAVEST if word in found), NOT_DIAGNOSED)


def _names(verdict: Mapping[str, Any], state: str) -> tuple[str, ...]:
    """The checks of a verdict that are in a state."""
    return tuple(str(one["name"]) for one in verdict["checks"] if one["state"] == state)
