"""What the front door returns: adversarial inputs, and what is left of a network's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, digest_file, sealed, versions, write_arrays, write_json
from spikeproof.evaluate.audit_result import Audit
from spikeproof.evaluate.audit_table import (
    attack_lines,
    flag_lines,
    flags_record,
    interval,
    overridden,
    stopped,
)
from spikeproof.evaluate.diagnose import Flag, refuse_withheld, withheld
from spikeproof.evaluate.front_items import array_of
from spikeproof.metrics import union
from spikeproof.oracle import Passes

__all__ = ["AttackResult", "RobustAccuracy"]

Array = np.ndarray[Any, Any]
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class AttackResult:
    """What one attack did to a network; every input was measured again and is legal.

    A stop among the flags withholds the shares that follow from ``success``; the arrays stay, and
    say what this call saw of each item, not what holds.

    Args:
        x_adv: The best input found for every item, in shape and library of those that were given;
            the clean one where the network is wrong already.
        success: Whether the network is wrong on it (a tie is), bool ``(N,)``.
        correct: Whether the network is right on the clean input, bool ``(N,)``.
        predicted: What it answers to ``x_adv``, int64 ``(N,)``.
        distance: Length of the change in the unit of the radius, float64 ``(N,)``.
        threat: Norm and radius, ``"linf:0.0313725"``.
        attack: Record of the attack.
        seed: Of every random number.
        passes: Passes of single items, verification among them.
        flags: What was found out about the network and the inputs before the attack.
        despite: Flags in spite of which shares are stated.
        level: The radius in decibels on a waveform, else empty.
    """

    x_adv: Any
    success: Array
    correct: Array
    predicted: Array
    distance: Array
    threat: str
    attack: Mapping[str, Any]
    seed: int
    passes: Passes
    flags: tuple[Flag, ...] = ()
    despite: tuple[str, ...] = ()
    level: str = ""

    def __len__(self) -> int:
        """How many items."""
        return len(self.success)

    def __repr__(self) -> str:
        if self.withheld:
            return stopped("Success and robust accuracy", self.flags, self.despite)
        said = overridden(self.flags, self.despite)
        said = f", {said}" if said else ""
        return (
            f"<{self.attack['kind']} broke {int((self.success & self.correct).sum())} of "
            f"{int(self.correct.sum())} items under {self.threat}, clean "
            f"{100 * self.clean_accuracy:.1f} %, robust {100 * self.robust_accuracy:.1f} % at "
            f"most; gradient masking not diagnosed{said}>"
        )

    @property
    def withheld(self) -> tuple[str, ...]:
        """Names of the flags for which no share of broken items is stated; usually none."""
        return withheld(self.flags, self.despite)

    @property
    def clean_accuracy(self) -> float:
        """Share of items that are right when clean."""
        return float(self.correct.mean())

    @property
    def robust_accuracy(self) -> float:
        """Share of items that this one attack left right; a suite may leave less.

        Raises:
            Withheld: a flag stops it that ``despite`` does not name.
        """
        return float(self._left().mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of ``robust_accuracy``."""
        return _interval(self._left())

    @property
    def clean_interval(self) -> tuple[float, float]:
        """The 95 % interval of ``clean_accuracy``."""
        return _interval(self.correct)

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain data."""
        return {
            "schema": _SCHEMA,
            "n": len(self),
            "threat": self.threat,
            **({"level": self.level} if self.level else {}),
            "attack": dict(self.attack),
            "seed": self.seed,
            "clean_accuracy": self.clean_accuracy,
            "clean_interval": list(self.clean_interval),
            "robust_accuracy": None if self.withheld else self.robust_accuracy,
            "interval": None if self.withheld else list(self.interval),
            "passes": {"forward": self.passes.forward, "backward": self.passes.backward},
            **flags_record(self.flags, self.despite),
            "versions": versions(),
        }

    def table(self) -> str:
        """The result as text: what makes it doubtful first, then the shares of items."""
        return "\n".join([*flag_lines(self.flags, self.despite), *attack_lines(self.to_dict())])

    def _left(self) -> Array:
        """Who is right after all, where that is to be stated."""
        refuse_withheld(self.flags, self.despite)
        return ~self.success

    def save(self, folder: Path | str) -> None:
        """Write ``items.npz`` with every per-item array and then ``attack.json``, atomically.

        Args:
            folder: Where to write; made if need be.
        Raises:
            FileProblem: the folder cannot be written, or holds something else.
        """
        names = ("success", "correct", "predicted", "distance")
        arrays = {name: getattr(self, name) for name in names} | {"x_adv": array_of(self.x_adv)}
        _write(Path(folder), "attack.json", self.to_dict(), arrays)


@dataclass(frozen=True, kw_only=True, eq=False)
class RobustAccuracy:
    """What threats leave of a network's accuracy, with the inputs that took the rest.

    ``float()`` of it is the robust accuracy.

    Args:
        audit: Every ladder with its numbers; ``audit.table()`` shows them.
        x_adv: Threat, such as ``"linf:0.0313725"``, → what breaks each item under it, in shape
            and library of the inputs that were given; the clean one where nothing does.
        success: Threat → whether an item is wrong under it, when clean or attacked, bool ``(N,)``.
        distance: Threat → length of the change in the unit of the radius, float64 ``(N,)``; 0
            where nothing was changed.
    """

    audit: Audit
    x_adv: Mapping[str, Any]
    success: Mapping[str, Array]
    distance: Mapping[str, Array]

    def __len__(self) -> int:
        """How many items."""
        return len(self.correct)

    def __float__(self) -> float:
        return self.robust_accuracy

    def __repr__(self) -> str:
        if self.audit.withheld:
            return stopped("Robust accuracy", self.flags, self.audit.despite)
        low, high = self.interval
        said = overridden(self.flags, self.audit.despite)
        said = f", {said}" if said else ""
        found = self.audit.diagnosis
        word = "not diagnosed" if found is None else found.verdict
        return (
            f"<robust accuracy {100 * self.robust_accuracy:.1f} % ({100 * low:.1f} to "
            f"{100 * high:.1f}) of {len(self)} items under {', '.join(self.success)}, suite "
            f"{self.audit.title}; clean {100 * self.clean_accuracy:.1f} %; "
            f"gradient masking {word}{said}>"
        )

    @property
    def correct(self) -> Array:
        """Whether the network is right on the clean input, bool ``(N,)``."""
        return self.audit.outcomes[0].correct

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What makes the numbers doubtful, seen before the attacks and after them."""
        return self.audit.flags or ()

    @property
    def survivors(self) -> Array:
        """Whether an item is right when clean and under every threat, bool ``(N,)``.

        Raises:
            Withheld: a flag stops it that ``despite`` does not name.
        """
        refuse_withheld(self.audit.flags, self.audit.despite)
        return union(self.correct, list(self.success.values()))

    @property
    def robust_accuracy(self) -> float:
        """Share of items that are right when clean and under every threat."""
        return float(self.survivors.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of ``robust_accuracy``."""
        return _interval(self.survivors)

    @property
    def clean_accuracy(self) -> float:
        """Share of items that are right when clean."""
        return float(self.correct.mean())

    @property
    def clean_interval(self) -> tuple[float, float]:
        """The 95 % interval of ``clean_accuracy``."""
        return _interval(self.correct)

    @property
    def by_threat(self) -> dict[str, float]:
        """Share of items that are right when clean and under one threat, by its name.

        Raises:
            Withheld: a flag stops it that ``despite`` does not name.
        """
        refuse_withheld(self.audit.flags, self.audit.despite)
        return {name: float((~broken).mean()) for name, broken in self.success.items()}

    @property
    def passes(self) -> Passes:
        """Passes of single items: clean ones, draws, attacks, verification."""
        return sum((outcome.passes for outcome in self.audit.outcomes), Passes())

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain data."""
        content = self.audit.to_dict()
        if self.audit.withheld:
            return {**content, "robust_accuracy": None, "robust_interval": None, "by_threat": None}
        return {
            **content,
            "robust_accuracy": self.robust_accuracy,
            "robust_interval": list(self.interval),
            "by_threat": self.by_threat,
        }

    def table(self) -> str:
        """The results as text."""
        return self.audit.table()

    def save(self, folder: Path | str) -> None:
        """Write the audit, which ``Audit.load`` reads, and ``adversarials.npz`` beside it.

        Args:
            folder: Where to write; made if need be.
        Raises:
            FileProblem: the folder cannot be written, or holds something else.
        """
        self.audit.save(folder)
        arrays = {name: array_of(x_adv) for name, x_adv in self.x_adv.items()}
        write_arrays(
            Path(folder) / "adversarials.npz",
            {f"{name.replace(':', '-')}.x_adv": array for name, array in arrays.items()},
        )


def _interval(hits: Array) -> tuple[float, float]:
    """The 95 % interval of a share."""
    low, high = interval(hits)
    return low, high


def _write(
    folder: Path, name: str, content: Mapping[str, Any], arrays: Mapping[str, Array]
) -> None:
    """Write arrays, and last what describes them, into a folder that holds nothing else."""
    if folder.exists() and (not folder.is_dir() or {p.name for p in folder.iterdir()}):
        raise FileProblem(f"{folder} is a file or holds something already; choose another folder.")
    write_arrays(folder / "items.npz", arrays)
    files = {"items.npz": digest_file(folder / "items.npz")}
    write_json(folder / name, sealed({**content, "files": files}))
