"""What an audit has found: outcomes, flags, and the numbers that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.evaluate.audit_files import AuditSource, read_audit, write_audit
from spikeproof.evaluate.audit_html import audit_html
from spikeproof.evaluate.audit_table import (
    flag_lines,
    flags_record,
    interval,
    rows_of,
    threat_record,
)
from spikeproof.evaluate.diagnose import Flag, refuse_withheld, withheld
from spikeproof.evaluate.doctor.diagnosis import Diagnosis, masking_line
from spikeproof.evaluate.outcome import Outcome
from spikeproof.evaluate.spent import Spent, rest
from spikeproof.metrics import union
from spikeproof.names import radius_text

__all__ = ["Audit"]

_ITEMS = {"test": "test items", "validation": "validation items", "given": "items given"}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The verified results of one model under every threat.

    Args:
        data: Name of the data set.
        suite: Name of the attack suite, ``"custom"`` for one of your own.
        seed: Seed of the attacks.
        outcomes: One per ladder.
        budget: What was spent of a budget; None where nothing limited the suite.
        source: What the numbers depend on, by hashes; None where a file did not say.
        flags: What was seen that makes the numbers doubtful; None where nobody looked.
        despite: Flags in spite of which robust accuracy is stated.
        split: Which items its numbers are about: ``"test"``, ``"validation"``, or ``"given"`` in a
            call, of which nobody but the caller knows what they are.
        diagnosis: Whether its numbers are to be believed; None where nobody asked.
    """

    data: str
    suite: str
    seed: int
    outcomes: tuple[Outcome, ...]
    budget: Spent | None = None
    source: AuditSource | None = None
    flags: tuple[Flag, ...] | None = None
    despite: tuple[str, ...] = ()
    split: str = "test"
    diagnosis: Diagnosis | None = None

    @property
    def title(self) -> str:
        """The suite as results name it: ``"standard"``, or ``"standard, 10m of ~35m"``."""
        cut = self.budget is not None and self.budget.unsettled
        return f"{self.suite}, {self.budget}" if cut else self.suite

    @property
    def withheld(self) -> tuple[str, ...]:
        """Names of the flags for which no robust accuracy is stated; usually none."""
        return withheld(self.flags, self.despite)

    @property
    def survivors(self) -> np.ndarray[Any, Any]:
        """Which items are right when clean and under every ladder's middle radius, ``(N,)``."""
        broken = [outcome.broken[outcome.middle] for outcome in self.outcomes]
        return union(self.outcomes[0].correct, broken)

    @property
    def union_accuracy(self) -> float:
        """Share of items that survive every threat at its middle radius.

        Raises:
            Withheld: a flag stops it that ``despite`` does not name.
        """
        refuse_withheld(self.flags, self.despite)
        return float(self.survivors.mean())

    def rest(self) -> tuple[str, float] | None:
        """The next larger suite, and at most about how many passes its further members take."""
        return rest(self.suite, self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Every number of the table as plain data; None for robust accuracy that is withheld."""
        first, stated = self.outcomes[0], not self.withheld
        return {
            "schema": 1,
            "data": self.data,
            **({} if self.split == "test" else {"split": self.split}),
            "suite": self.title,
            "seed": self.seed,
            "n": len(first),
            "clean_accuracy": first.clean_accuracy,
            "clean_interval": interval(first.correct),
            "union_accuracy": self.union_accuracy if stated else None,
            "union_interval": interval(self.survivors) if stated else None,
            "union_of": [_middle(outcome) for outcome in self.outcomes],
            "threats": [threat_record(outcome, stated=stated) for outcome in self.outcomes],
            **({} if self.budget is None else {"budget": self.budget.record()}),
            **flags_record(self.flags, self.despite),
            **({} if self.diagnosis is None else {"diagnosis": self.diagnosis.record()}),
        }

    def table(self) -> str:
        """The results as text: one line per threat, shares in percent with 95 % intervals."""
        content = self.to_dict()
        lines = [
            f"{self.data}: {content['n']} {_ITEMS[self.split]}, suite {self.title}, seed "
            f"{self.seed}",
            f"{'threat':<12}{'radius':>9}{'random':>9}{'robust':>9}   95 % interval",
            *rows_of(content),
        ]
        parts = ", ".join(
            f"{part['name']} {radius_text(part['radius'])}"
            + (f" ({part['level']})" if "level" in part else "")
            for part in content["union_of"]
        )
        lines.append(
            f"An item is robust if it is right when clean and no attack broke it; union: {parts}."
        )
        lines.append(masking_line(self.diagnosis))
        if self.budget is not None:
            lines.append(self.budget.sentence())
        lines += flag_lines(self.flags, self.despite)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same table as a notebook shows it."""
        spent = [masking_line(self.diagnosis)]
        spent += [] if self.budget is None else [self.budget.sentence()]
        return audit_html(self.to_dict(), [*spent, *flag_lines(self.flags, self.despite)])

    def save(self, folder: Path | str) -> None:
        """Write ``items.npz`` with every per-item array and then ``audit.json``, atomically.

        ``audit.json`` holds the numbers, what they depend on and the hash of ``items.npz``; it is
        written last, so that a mixture of two audits is found out. ``wall.json`` beside it says
        when, and by which command.

        Args:
            folder: Where to write; made if need be.
        Raises:
            FileProblem: the folder cannot be written, or holds another audit or a run.
        """
        write_audit(Path(folder), self.to_dict(), self.outcomes, self.source, name=self.suite)

    @classmethod
    def load(
        cls, folder: Path | str, *, network: str | None = None, data: str | None = None
    ) -> Audit:
        """Read an audit: what ``save`` wrote, or a run folder, such as ``spikeproof audit`` makes.

        Hashes are checked. Adversarial inputs stay in the folder.

        Args:
            folder: Where it lies.
            network: Name of one network of a run that has several.
            data: Name of one data set of a run that has several.
        Raises:
            FileProblem: no audit there, or one that is not whole or was changed.
            SettingError: several networks or data sets and no choice.
        Example:
            >>> Audit.load("no-such-folder")
            Traceback (most recent call last):
            spikeproof.base.errors.FileProblem: no-such-folder is neither a run (plan.json) nor an \
audit (audit.json).
        """
        return cls(**read_audit(Path(folder), network, data))


def _middle(outcome: Outcome) -> dict[str, Any]:
    """The threat of a ladder that the union counts."""
    threat = outcome.ladder[outcome.middle]
    level = {"level": threat.level} if threat.level else {}
    return {"name": outcome.name, "radius": threat.radius, **level}
