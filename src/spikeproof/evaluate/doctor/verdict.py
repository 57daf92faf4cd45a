"""What all checks together say of one network under one threat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spikeproof.base import check_one_of
from spikeproof.evaluate.doctor.check import Check
from spikeproof.evaluate.doctor.thresholds import Thresholds

__all__ = ["VERDICTS", "MaskingVerdict", "by_symptoms_alone", "judged"]

VERDICTS = ("masked", "suspicious", "undecided", "sound")
"""Every verdict, the gravest first."""


@dataclass(frozen=True, kw_only=True)
class MaskingVerdict:
    """Whether robust accuracy under one threat is to be believed.

    Args:
        threat: Norm and radius, ``"linf:0.1"``.
        verdict: One of ``VERDICTS``. Masked: adversarial inputs are there that the claimed attack
            does not find, or its gradient is zero. Suspicious: a sign, or several hints.
            Undecided: neither, but a check that is needed was not made, or too few items are right.
            Sound: every check that is needed was made, and none counts.
        because: Why, in one sentence.
        items: Right items that the checks looked at.
        claimed: Share of them that the claimed attack leaves; None where nothing attacked.
        strongest: Share that all attacks of the diagnosis together leave.
        checks: Every check, also those not made.
    Raises:
        SettingError: an unknown verdict.
    """

    threat: str
    verdict: str
    because: str
    items: int
    claimed: float | None
    strongest: float | None
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        check_one_of(self.verdict, VERDICTS, "verdict")

    @property
    def raised(self) -> tuple[Check, ...]:
        """The checks that count."""
        return tuple(check for check in self.checks if check.raised)

    @property
    def not_made(self) -> tuple[Check, ...]:
        """The checks that were not made."""
        return tuple(check for check in self.checks if not check.made)

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "threat": self.threat,
            "verdict": self.verdict,
            "because": self.because,
            "items": self.items,
            "claimed": self.claimed,
            "strongest": self.strongest,
            "checks": [check.record() for check in self.checks],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> MaskingVerdict:
        """The verdict of a record, as it was given."""
        values = dict(record)
        checks = tuple(map(Check.from_record, values.pop("checks", ())))
        return cls(**values, checks=checks)


def judged(
    threat: str,
    checks: Sequence[Check],
    thresholds: Thresholds,
    *,
    items: int,
    claimed: float | None = None,
    strongest: float | None = None,
) -> MaskingVerdict:
    """Return what the checks together say.

    A symptom counts for nothing where a check ``moved`` was made and does not count: then attacks
    looked for what the symptom hints at, and the number stayed.

    Args:
        threat: Norm and radius.
        checks: Every check that concerns it, also those not made.
        thresholds: How the checks make a verdict.
        items: Right items that they looked at.
        claimed: Share that the claimed attack leaves.
        strongest: Share that all attacks together leave.
    Example:
        >>> check = Check(name="overstated", weight="proof", number=0.4, threshold=0.15,
        ...               seen="40 % more stand.", why="B.", settles="C.", mend="D.")
        >>> judged("linf:0.1", [check], Thresholds(), items=64).verdict
        'masked'
        >>> judged("linf:0.1", [], Thresholds(), items=3).because
        '3 items are right when clean, of the 16 that a verdict needs.'
    """
    checks = _with_symptoms_settled(checks)
    verdict, because = _decided(checks, thresholds, items)
    return MaskingVerdict(
        threat=threat,
        verdict=verdict,
        because=because,
        items=items,
        claimed=claimed,
        strongest=strongest,
        checks=tuple(checks),
    )


def by_symptoms_alone(checks: Sequence[Check], thresholds: Thresholds) -> bool:
    """Whether a network would be suspicious by symptoms, and is not without them.

    Args:
        checks: Every check.
        thresholds: How the checks make a verdict.
    """
    direct = [check for check in checks if not check.symptom]
    return _alarming(checks, thresholds) and not _alarming(direct, thresholds)


def _alarming(checks: Sequence[Check], thresholds: Thresholds) -> bool:
    """Whether checks that count say masked or suspicious."""
    return _decided(checks, thresholds, thresholds.fewest)[0] in VERDICTS[:2]


def _with_symptoms_settled(checks: Sequence[Check]) -> list[Check]:
    """The checks, symptoms marked as settled where the number did not move, and else as not."""
    stayed = any(check.name == "moved" and check.state == "clear" for check in checks)
    return [
        replace(check, settled=stayed and check.beyond) if check.symptom or check.settled else check
        for check in checks
    ]


def _decided(checks: Sequence[Check], thresholds: Thresholds, items: int) -> tuple[str, str]:
    """The verdict and its reason: the gravest check that counts decides."""
    by_weight = {
        weight: [check for check in checks if check.raised and check.weight == weight]
        for weight in ("proof", "stop", "sign", "hint")
    }
    if by_weight["stop"]:  # not even an attack that broke everything would be a number
        return "suspicious", _first(by_weight["stop"])
    if by_weight["proof"]:
        return "masked", _first(by_weight["proof"])
    if by_weight["sign"]:
        return "suspicious", _first(by_weight["sign"])
    if len(by_weight["hint"]) >= thresholds.hints:
        return "suspicious", _first(by_weight["hint"])
    if items < thresholds.fewest:
        return "undecided", (
            f"{items} items are right when clean, of the {thresholds.fewest} that a verdict needs."
        )
    lacking = [check.name for check in checks if check.needed and not check.made]
    if lacking:
        return "undecided", f"Not made, though needed: {', '.join(lacking)}."
    made = sum(check.made for check in checks)
    stayed = [check.name for check in checks if check.state == "settled"]
    also = f" Settled, so not counted: {', '.join(stayed)}." if stayed else ""
    return "sound", f"None of {made} checks counts, and every check that is needed was made.{also}"


def _first(checks: Sequence[Check]) -> str:
    """The sentence of the first check, and how many more say the same."""
    also = f" ({len(checks) - 1} more: {', '.join(check.name for check in checks[1:])})"
    return f"{checks[0].seen}{also if len(checks) > 1 else ''}"
