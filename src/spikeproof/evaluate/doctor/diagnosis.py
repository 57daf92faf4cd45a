"""What a diagnosis found: a verdict per threat, every check, and what it cost."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikeproof.base import SettingError
from spikeproof.evaluate.diagnose import Flag
from spikeproof.evaluate.doctor.check import Check
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.doctor.verdict import VERDICTS, MaskingVerdict

__all__ = ["SCHEMA", "Diagnosis", "found_in", "masking_line"]

SCHEMA = "spikeproof/diagnosis/1"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Everything that a diagnosis of one network found.

    Args:
        data: What the items are called.
        seed: Of every random number.
        items: Items that were looked at.
        attack: The record of the attack whose result is doubted.
        verdicts: One per threat, each with every check that concerns it.
        flags: What was seen before any attack (see ``Flag``).
        thresholds: Where checks begin to count.
        forward: Forward passes of single items.
        backward: Backward passes of single items.
    """

    data: str
    seed: int
    items: int
    attack: Mapping[str, Any]
    verdicts: tuple[MaskingVerdict, ...]
    flags: tuple[Flag, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    forward: int = 0
    backward: int = 0

    @property
    def verdict(self) -> str:
        """The gravest verdict of any threat."""
        return min((one.verdict for one in self.verdicts), key=VERDICTS.index, default="undecided")

    def of(self, threat: str) -> MaskingVerdict:
        """The verdict under one threat, ``"linf:0.1"``.

        Raises:
            SettingError: there is none of that name.
        """
        for one in self.verdicts:
            if one.threat == threat:
                return one
        known = ", ".join(one.threat for one in self.verdicts)
        raise SettingError(f"There is no verdict under {threat!r}; there is one under {known}.")

    def record(self) -> dict[str, Any]:
        """Plain data: what ``--json`` prints and what audits, studies and cards carry."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "data": self.data,
            "seed": self.seed,
            "items": self.items,
            "attack": dict(self.attack),
            "passes": {"forward": self.forward, "backward": self.backward},
            "thresholds": self.thresholds.record(),
            "flags": [flag.record() for flag in self.flags],
            "verdicts": [one.record() for one in self.verdicts],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Diagnosis:
        """The diagnosis of a record.

        Raises:
            SettingError: the record is of no diagnosis.
        """
        if record.get("schema") != SCHEMA:
            raise SettingError(
                f"This is not the record of a diagnosis: its schema is {record.get('schema')!r}, "
                f"expected {SCHEMA!r}."
            )
        try:
            return cls(
                data=str(record["data"]),
                seed=int(record["seed"]),
                items=int(record["items"]),
                attack=dict(record["attack"]),
                verdicts=tuple(map(MaskingVerdict.from_record, record["verdicts"])),
                flags=tuple(map(Flag.from_record, record["flags"])),
                thresholds=Thresholds.from_record(record["thresholds"]),
                forward=int(record["passes"]["forward"]),
                backward=int(record["passes"]["backward"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise SettingError(f"This is not the record of a diagnosis: {problem!r}.") from None

    def text(self, *, every: bool = False) -> str:
        """The diagnosis in lines.

        Args:
            every: Whether to show clear checks too, and not only what counts or was not made.
        """
        lines = []
        for one in self.verdicts:
            lines += [f"{one.threat}: {one.verdict.upper()}", *_wrapped(one.because, "  "), ""]
            if one.claimed is not None and one.strongest is not None:
                lines += [
                    f"  Of {one.items} right items the claimed attack leaves "
                    f"{100 * one.claimed:.1f} %, all attacks together {100 * one.strongest:.1f} %.",
                    "",
                ]
            for check in one.checks:
                if every or check.raised or _settling(check):
                    lines += _said(check)
            if one.not_made:
                names = ", ".join(check.name for check in one.not_made)
                lines += _wrapped(f"Not made: {names}.", "  ")
            lines.append("")
        lines.append(
            f"{self.items} items of {self.data}, {self.forward} forward and {self.backward} "
            "backward passes of single items."
        )
        return "\n".join(lines)


def found_in(record: Mapping[str, Any] | None) -> Diagnosis | None:
    """The diagnosis of a record, or none where there is no record."""
    return None if record is None else Diagnosis.from_record(record)


def masking_line(found: Diagnosis | None) -> str:
    """The sentence that stands beside robust accuracy: the verdicts, or that there are none.

    Example:
        >>> masking_line(None)
        'Gradient masking: not diagnosed.'
    """
    if found is None:
        return "Gradient masking: not diagnosed."
    each = ", ".join(f"{one.threat} {one.verdict}" for one in found.verdicts)
    return f"Gradient masking: {found.verdict} ({each})."


def _settling(check: Check) -> bool:
    """Whether a check is a symptom that was settled, or what settled it."""
    return check.state == "settled" or check.name == "moved"


def _said(check: Check) -> list[str]:
    """One check in lines."""
    mark = {"raised": "!", "settled": "~", "clear": "+", "not made": "?"}[check.state]
    number = "" if check.number is None else f" {check.number:.3g}"
    sign = "<" if check.below else ">"
    limit = "" if check.threshold is None else f" (counts {sign} {check.threshold:g})"
    limit += " settled" if check.settled else ""
    lines = [f"  {mark} {check.name}{number}{limit}", *_wrapped(check.seen, "      ")]
    if check.raised:
        lines += _wrapped(check.why, "      ")
        lines += _wrapped(f"Settled by: {check.settles}", "      ")
        lines += _wrapped(f"Mend: {check.mend}", "      ")
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    """Text in lines of a terminal's width."""
    return textwrap.wrap(text, 96, initial_indent=indent, subsequent_indent=indent)
