"""The verdicts of a card: what a diagnosis said, derived again from the numbers of its checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from spikeproof.base import FileProblem
from spikeproof.evaluate import VERDICTS, Diagnosis, MaskingVerdict, judged

__all__ = ["NOT_DIAGNOSED", "VERDICT_ORDER", "gravest", "verdicts_of"]

NOT_DIAGNOSED = "not diagnosed"
VERDICT_ORDER = (*VERDICTS[:-1], NOT_DIAGNOSED, VERDICTS[-1])
"""Every verdict that a card may have, the gravest first."""


def verdicts_of(
    diagnosis: Mapping[str, Any] | None, threats: Sequence[Mapping[str, Any]]
) -> list[list[str]]:
    """Return the verdict under every threat of a card at each of its radii.

    A verdict is taken from no record: it is what the checks of the diagnosis, with their numbers
    and thresholds, say together.

    Args:
        diagnosis: The record of a diagnosis; None where nobody made one.
        threats: Records of the threats with their radii.
    Raises:
        FileProblem: the record gives another verdict than its checks.
        SettingError: it is no record of a diagnosis.
    Example:
        >>> verdicts_of(None, [{"name": "linf", "radii": [0.1, 0.2]}])
        [['not diagnosed', 'not diagnosed']]
    """
    found = [] if diagnosis is None else _derived(diagnosis)
    return [[_word(found, str(one["name"]), r) for r in one["radii"]] for one in threats]


def gravest(verdicts: Sequence[str]) -> str:
    """The gravest of several verdicts; ``"not diagnosed"`` where there is none.

    Example:
        >>> gravest(["sound", "suspicious"]), gravest([])
        ('suspicious', 'not diagnosed')
    """
    return min(verdicts, key=VERDICT_ORDER.index, default=NOT_DIAGNOSED)


def _derived(record: Mapping[str, Any]) -> list[MaskingVerdict]:
    """The verdicts of a diagnosis, each judged again."""
    diagnosis = Diagnosis.from_record(record)
    again = [
        judged(
            one.threat,
            one.checks,
            diagnosis.thresholds,
            items=one.items,
            claimed=one.claimed,
            strongest=one.strongest,
        )
        for one in diagnosis.verdicts
    ]
    for one, other in zip(diagnosis.verdicts, again, strict=True):
        if one != other:
            raise FileProblem(
                f"The diagnosis of the card says {one.verdict} under {one.threat[:60]}, and its "
                f"checks say {other.verdict}; make the diagnosis again."
            )
    plain = diagnosis.record()
    # A card of before has no threshold for a check that was added since.
    told = record["thresholds"]
    plain["thresholds"] = {key: plain["thresholds"][key] for key in told}
    if plain != dict(record):
        raise FileProblem("The diagnosis of the card is not written as diagnoses are.")
    return again


def _word(found: Sequence[MaskingVerdict], name: str, radius: float) -> str:
    """The verdict under a threat at a radius."""
    for one in found:
        threat, _, text = one.threat.rpartition(":")
        # A diagnosis names a radius in six digits.
        if threat == name and math.isclose(float(text), radius, rel_tol=1e-5):
            return one.verdict
    return NOT_DIAGNOSED
