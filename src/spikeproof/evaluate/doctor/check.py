"""One check of a network or of the attacks on it: a number, where it counts, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from spikeproof.base import check_one_of, settings_from
from spikeproof.evaluate.doctor.thresholds import Thresholds

__all__ = ["STATES", "WEIGHTS", "Check", "Inquiry"]

WEIGHTS = ("stop", "proof", "sign", "hint")
"""What a check that counts does to a verdict, the gravest first. A stop says that no number means
anything (suspicious), a proof that gradients hide what is there (masked); a sign makes a network
suspicious by itself, a hint only together with others."""
STATES = ("raised", "settled", "clear", "not made")
"""Whether a check counts, is a symptom that was settled, does not count, or was not made."""
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: its number, where that counts, why it matters, and what would settle it.

    Args:
        name: Of the check.
        weight: One of ``WEIGHTS``: what it does to a verdict where it counts.
        number: What was measured; None where the check was not made.
        threshold: Where the number begins to count; None where nothing is compared.
        below: Whether the number counts below the threshold instead of above.
        needed: Whether no network is sound without this check.
        symptom: Whether it shows only that the attack may have been weak, and nothing that is
            wrong with the network, its gradient or the protocol: attacks can settle it.
        settled: Whether they did: the symptom stands, and the number did not move.
        seen: What was seen, with numbers, or why the check was not made; one sentence.
        why: Why it matters; one sentence.
        settles: The attack or measurement that would settle it; one sentence.
        mend: What to do about it; one sentence.
        detail: The numbers behind the number, plain data: per layer, step or gradient rule.
    Raises:
        SettingError: an unknown weight.
    Example:
        >>> check = Check(name="spread", weight="sign", number=0.4, threshold=0.15, seen="A.",
        ...               why="B.", settles="C.", mend="D.")
        >>> check.state, check.sentence
        ('raised', 'A. B. D.')
    """

    name: str
    weight: str
    number: float | None
    threshold: float | None
    below: bool = False
    needed: bool = False
    symptom: bool = False
    settled: bool = False
    seen: str
    why: str
    settles: str
    mend: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_one_of(self.weight, WEIGHTS, "weight of a check")

    @property
    def made(self) -> bool:
        """Whether anything was measured."""
        return self.number is not None

    @property
    def raised(self) -> bool:
        """Whether the check counts: its number does, and nothing settled it."""
        return self.beyond and not self.settled

    @property
    def beyond(self) -> bool:
        """Whether the number lies beyond the threshold."""
        if self.number is None or self.threshold is None:
            return False
        # Shares are quotients of counts: 3 of 20 is no more than 15 %, whatever its last bit says.
        beyond = self.threshold - self.number if self.below else self.number - self.threshold
        return beyond > _ROUNDING

    @property
    def state(self) -> str:
        """One of ``STATES``: a check that was not made is never a clear one."""
        if self.beyond:
            return "settled" if self.settled else "raised"
        return "clear" if self.made else "not made"

    @property
    def sentence(self) -> str:
        """What was seen, why it matters and what to do."""
        return f"{self.seen} {self.why} {self.mend}" if self.raised else self.seen

    def record(self) -> dict[str, Any]:
        """Plain data, with the state beside it; records of before know nothing of symptoms."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("symptom", "settled"):
            if not plain[name]:
                del plain[name]
        return {**plain, "detail": dict(self.detail), "state": self.state}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Check:
        """The check of a record; its state is derived again."""
        values = {key: value for key, value in record.items() if key not in ("state", "detail")}
        detail = record.get("detail", {})
        return replace(
            settings_from(cls, values, "check"), detail=detail if isinstance(detail, dict) else {}
        )


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What is asked by a check, before anything is measured.

    Args:
        name: Of the check; with underscores, the name of its threshold.
        weight: One of ``WEIGHTS``.
        below: Whether the number counts below the threshold.
        needed: Whether no network is sound without this check.
        symptom: Whether attacks can settle it.
        why: Why it matters; one sentence.
        settles: The attack or measurement that would settle it; one sentence.
        mend: What to do about it; one sentence.
    Example:
        >>> inquiry = Inquiry(name="spread", weight="sign", why="B.", settles="C.", mend="D.")
        >>> inquiry.found(0.5, "A.", Thresholds()).threshold, inquiry.not_made("No rules.").state
        (0.15, 'not made')
    """

    name: str
    weight: str
    below: bool = False
    needed: bool = False
    symptom: bool = False
    why: str
    settles: str
    mend: str

    def found(
        self,
        number: float,
        seen: str,
        thresholds: Thresholds,
        *,
        detail: Mapping[str, Any] | None = None,
    ) -> Check:
        """The check with what was measured.

        Args:
            number: What was measured.
            seen: The same in one sentence.
            thresholds: Where it counts.
            detail: The numbers behind it, plain data.
        """
        limit = float(getattr(thresholds, self.name.replace("-", "_")))
        return self._check(float(number), limit, seen, detail or {})

    def not_made(self, because: str) -> Check:
        """The check where nothing was measured.

        Args:
            because: Why not; one sentence.
        """
        return self._check(None, None, because, {})

    def _check(
        self,
        number: float | None,
        threshold: float | None,
        seen: str,
        detail: Mapping[str, Any],
    ) -> Check:
        return Check(
            name=self.name,
            weight=self.weight,
            number=number,
            threshold=threshold,
            below=self.below,
            needed=self.needed,
            symptom=self.symptom,
            seen=seen,
            why=self.why,
            settles=self.settles,
            mend=self.mend,
            detail=detail,
        )
