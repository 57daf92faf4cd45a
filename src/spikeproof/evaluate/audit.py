"""Audit a model against threats on the sealed test items of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from spikeproof.attacks import Budget, Spending, Suite
from spikeproof.attacks import suite as make_suite
from spikeproof.base import SettingError, check_seed, device_of
from spikeproof.data import Dataset, Split
from spikeproof.evaluate.audit_files import AuditSource, read_audit, write_audit
from spikeproof.evaluate.audit_table import interval, rows_of, threat_record
from spikeproof.evaluate.kept import KeptLadders
from spikeproof.evaluate.ladder import evaluate_ladder
from spikeproof.evaluate.outcome import Outcome
from spikeproof.evaluate.sealed import open_test
from spikeproof.evaluate.spent import Spent, rest, spent
from spikeproof.metrics import union
from spikeproof.models import on_device
from spikeproof.threats import Threat, as_threats, standard_threats

__all__ = ["Audit", "audit", "ladders"]

OnProgress = Callable[[str, int, int], None]


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
    """

    data: str
    suite: str
    seed: int
    outcomes: tuple[Outcome, ...]
    budget: Spent | None = None
    source: AuditSource | None = None

    @property
    def title(self) -> str:
        """The suite as results name it: ``"standard"``, or ``"standard, 10m of ~35m"``."""
        cut = self.budget is not None and self.budget.unsettled
        return f"{self.suite}, {self.budget}" if cut else self.suite

    @property
    def survivors(self) -> np.ndarray[Any, Any]:
        """Which items are right when clean and under every ladder's middle radius, ``(N,)``."""
        broken = [outcome.broken[outcome.middle] for outcome in self.outcomes]
        return union(self.outcomes[0].correct, broken)

    @property
    def union_accuracy(self) -> float:
        """Share of items that survive every threat at its middle radius."""
        return float(self.survivors.mean())

    def rest(self) -> tuple[str, float] | None:
        """The next larger suite, and at most about how many passes its further members take."""
        return rest(self.suite, self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Every number of the table as plain data."""
        first = self.outcomes[0]
        return {
            "schema": 1,
            "data": self.data,
            "suite": self.title,
            "seed": self.seed,
            "n": len(first),
            "clean_accuracy": first.clean_accuracy,
            "clean_interval": interval(first.correct),
            "union_accuracy": self.union_accuracy,
            "union_interval": interval(self.survivors),
            "union_of": [{"name": o.name, "radius": o.radii[o.middle]} for o in self.outcomes],
            "threats": [threat_record(outcome) for outcome in self.outcomes],
            **({} if self.budget is None else {"budget": self.budget.record()}),
        }

    def table(self) -> str:
        """The results as text: one line per threat, shares in percent with 95 % intervals."""
        content = self.to_dict()
        lines = [
            f"{self.data}: {content['n']} test items, suite {self.title}, seed {self.seed}",
            f"{'threat':<12}{'radius':>9}{'random':>9}{'robust':>9}   95 % interval",
            *rows_of(content),
        ]
        parts = ", ".join(f"{part['name']} {part['radius']:g}" for part in content["union_of"])
        lines.append(
            f"An item is robust if it is right when clean and no attack broke it; union: {parts}."
        )
        if self.budget is not None:
            lines.append(self.budget.sentence())
        return "\n".join(lines)

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


def audit(
    model: nn.Module,
    data: Dataset,
    threats: Threat | Iterable[Threat] | None = None,
    suite: str | Suite = "standard",
    seed: int = 0,
    *,
    items: int | None = None,
    draws: int = 10,
    samples: int = 1,
    budget: str | Budget | None = None,
    folder: Path | str | None = None,
    progress: OnProgress | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
) -> Audit:
    """Attack a model under every threat, verify every adversarial input, and report.

    The test items are opened here. Threats of one geometry form a ladder, evaluated from the
    smallest radius up; see :func:`evaluate_ladder` for what counts as broken.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``, N first; any torch module.
        data: The data set whose test items are used.
        threats: What the attacker may do, one or several; the data set's standard ladders where
            absent.
        suite: ``"quick"``, ``"core"``, ``"standard"``, ``"full"``, or a suite of your own.
        seed: Of every random number.
        items: How many test items; all where absent. See :func:`open_test` for which.
        draws: Random perturbations per item and threat.
        samples: Draws that make one prediction of a stochastic network (see ``plain_logits``).
        budget: What the attacks may spend: ``"10m"`` of wall time, or ``"200000p"`` passes of
            single items, which alone gives the same result again. Every ladder has the share of
            its radii; a member that it no longer pays for attacks the items nearest the
            boundary. The result then is that of a part of the suite, and says so.
        folder: Where finished ladders are kept, and the audit at the end (see ``Audit.save``). The
            same call again goes on where a killed one stopped. The network is known by its class
            and weights: one whose code was changed since needs a folder of its own.
        progress: Called with the name of the ladder whose turn it is, how many are done, and how
            many there are.
        device: Where to compute, such as ``"cuda"``, on a copy of the model; where the model is if
            absent.
        batch_size: Rows through the network at a time; what memory holds where absent. It changes
            no verdict.
    Returns:
        Results per threat and item.
    Raises:
        InputError: inputs, labels or model outputs that do not fit.
        SettingError: an unknown suite, no threats, one threat twice, or a seed or number of draws
            that is none.
        FileProblem: the folder cannot be written, or holds another audit.
        IllegalAdversarial: an attack broke its threat's rules.
    Cost:
        That of :func:`evaluate_ladder`, per ladder.
    References:
        croce2020reliable, maini2020adversarial
    """
    model = on_device(model, None if device is None else device_of(device))
    attacks, seed = make_suite(suite), check_seed(seed, "audit: seed")
    if threats is None:
        threats = [threat for ladder in standard_threats(data).values() for threat in ladder]
    per_threat = ladders(as_threats(threats, "audit: threats"))
    split = open_test(data, items)
    limit = Budget.parse(budget) if isinstance(budget, str) else budget
    source = AuditSource.of(model, data, attacks, draws=draws, samples=samples)
    kept = KeptLadders.at(
        folder, source, ladders=per_threat, seed=seed, items=split.items, budget=limit
    )
    run = _Running(model, split, attacks, seed, draws, samples, limit, kept, batch_size)
    with kept.held():
        outcomes = run.outcomes(per_threat, progress)
        found = Audit(
            data=data.spec.name,
            suite=suite if isinstance(suite, str) else "custom",
            seed=seed,
            outcomes=outcomes,
            budget=None if limit is None else spent(limit, outcomes),
            source=source,
        )
        if folder is not None:
            found.save(folder)
    return found


@dataclass(frozen=True)
class _Running:
    """An audit under way."""

    model: nn.Module
    split: Split
    suite: Suite
    seed: int
    draws: int
    samples: int
    limit: Budget | None
    kept: KeptLadders
    batch_size: int | None

    def outcomes(
        self, ladders: Sequence[tuple[Threat, ...]], progress: OnProgress | None
    ) -> tuple[Outcome, ...]:
        """Every ladder, read where it was finished before."""
        out, radii = [], sum(map(len, ladders))
        for number, ladder in enumerate(ladders):
            if progress is not None:
                progress(ladder[0].name, number, len(ladders))
            outcome = self.kept.find(ladder)
            if outcome is None:
                outcome = self._evaluated(ladder, radii)
                self.kept.keep(outcome)
            out.append(outcome)
        if progress is not None:
            progress("done", len(ladders), len(ladders))
        return tuple(out)

    def _evaluated(self, ladder: tuple[Threat, ...], radii: int) -> Outcome:
        """One ladder, with its share of the budget."""
        limit = self.limit
        return evaluate_ladder(
            self.model,
            self.split,
            ladder,
            self.suite,
            seed=self.seed,
            draws=self.draws,
            samples=self.samples,
            spending=None if limit is None else Spending(limit.share(len(ladder), radii)),
            batch_size=self.batch_size,
        )


def ladders(threats: Sequence[Threat]) -> list[tuple[Threat, ...]]:
    """Group threats of one geometry and domain, each group ascending in radius."""
    if not threats:
        raise SettingError("An audit needs at least one threat.")
    groups: list[list[Threat]] = []
    for threat in threats:
        for group in groups:
            if group[0].geometry == threat.geometry and group[0].domain == threat.domain:
                group.append(threat)
                break
        else:
            groups.append([threat])
    for group in groups:
        radii = [threat.radius for threat in group]
        if len(set(radii)) < len(radii):
            raise SettingError(f"The threat {group[0].name} is there twice with one radius.")
    return [tuple(sorted(group, key=lambda threat: threat.radius)) for group in groups]
