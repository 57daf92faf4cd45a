"""Audit a model against threats on the sealed test items of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from spikeproof.attacks import Budget, Spending, Suite
from spikeproof.attacks import suite as make_suite
from spikeproof.base import InputError, SettingError, check_gradients, check_seed, device_of
from spikeproof.data import Dataset, Split
from spikeproof.evaluate.audit_files import AuditSource
from spikeproof.evaluate.audit_result import Audit
from spikeproof.evaluate.diagnose import (
    Flag,
    check_despite,
    check_network,
    explained,
    flags_before,
    network_kept,
    review,
    served,
    warn_withheld,
)
from spikeproof.evaluate.doctor import Diagnosis, diagnose
from spikeproof.evaluate.kept import KeptLadders
from spikeproof.evaluate.ladder import evaluate_ladder
from spikeproof.evaluate.outcome import Outcome
from spikeproof.evaluate.sealed import open_test
from spikeproof.evaluate.spent import spent
from spikeproof.models import on_device
from spikeproof.threats import Threat, as_threats, standard_threats

__all__ = ["Audit", "audit", "ladders"]

OnProgress = Callable[[str, int, int], None]


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
    despite: str | Iterable[str] = (),
    doctor: bool = False,
    progress: OnProgress | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
) -> Audit:
    """Attack a model under every threat, verify every adversarial input, and report.

    Before the first attack the network is looked at (see :func:`flags_before`), after the last one
    the attacks are (see :func:`review`). Where a flag is a stop, robust accuracy is withheld.

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
        despite: Flags in spite of which robust accuracy is to be stated, ``("state",)``; what the
            audit writes says so.
        doctor: Whether to say too if gradients hide what is there: a verdict per threat at its
            middle radius, on 64 right items at most (see :func:`spikeproof.diagnose`).
        progress: Called with the name of the ladder whose turn it is, how many are done, and how
            many there are.
        device: Where to compute, such as ``"cuda"``, on a copy of the model; where the model is if
            absent.
        batch_size: Rows through the network at a time; what memory holds where absent. It changes
            no verdict.
    Returns:
        Results per threat and item.
    Raises:
        InputError: inputs, labels or model outputs that do not fit, or no module.
        SettingError: an unknown suite, no threats, one threat twice, or a seed or number of draws
            that is none.
        FileProblem: the folder cannot be written, or holds another audit.
        IllegalAdversarial: an attack broke its threat's rules.
    Warns:
        Doubtful: before the first attack, where robust accuracy will be withheld.
    Cost:
        That of :func:`evaluate_ladder`, per ladder, and that of :func:`flags_before`.
    References:
        croce2020reliable, maini2020adversarial
    """
    model = check_network(model, "audit: model")
    model = on_device(model, None if device is None else device_of(device))
    attacks, seed = make_suite(suite), check_seed(seed, "audit: seed")
    despite = check_despite(despite, "flag in audit: despite")
    if threats is None:
        threats = [threat for ladder in standard_threats(data).values() for threat in ladder]
    per_threat = ladders(as_threats(threats, "audit: threats"))
    split = open_test(data, items)
    limit = Budget.parse(budget) if isinstance(budget, str) else budget
    source = AuditSource.of(model, data, attacks, draws=draws, samples=samples)
    kept = KeptLadders.at(
        folder, source, ladders=per_threat, seed=seed, items=split.items, budget=limit
    )
    flags = _looked(model, split, per_threat[0][0], seed, despite)
    run = _Running(model, split, attacks, seed, draws, samples, limit, kept, batch_size, flags)
    with kept.held():
        outcomes = run.outcomes(per_threat, progress)
        found = Audit(
            data=data.spec.name,
            suite=suite if isinstance(suite, str) else "custom",
            seed=seed,
            outcomes=outcomes,
            budget=None if limit is None else spent(limit, outcomes),
            source=source,
            flags=(*flags, *review(outcomes)),
            despite=despite,
            diagnosis=_diagnosed(model, data, split, per_threat, seed) if doctor else None,
        )
        if folder is not None:
            found.save(folder)
    return found


def _diagnosed(
    model: nn.Module, data: Dataset, split: Split, ladders: Sequence[tuple[Threat, ...]], seed: int
) -> Diagnosis:
    """The verdicts on masking, each at the middle radius of its ladder."""
    middle = [ladder[len(ladder) // 2] for ladder in ladders]
    return diagnose(model, split.x, split.y, threats=middle, seed=seed, name=data.spec.name)


def _looked(
    model: nn.Module, split: Split, threat: Threat, seed: int, despite: tuple[str, ...]
) -> tuple[Flag, ...]:
    """What the checks before the attacks say, with a warning where it will withhold numbers."""
    if not len(split):
        return ()  # refused by the ladder
    check_gradients("An audit", model.parameters())  # not the network's fault, and no flag
    flags = flags_before(model, split.x, split.y, threat.domain, seed=seed)
    warn_withheld(flags, despite, stacklevel=3)
    return flags


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
    flags: tuple[Flag, ...]

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
        try:
            with network_kept(self.model, self.flags):
                return evaluate_ladder(
                    served(self.model, self.flags),
                    self.split,
                    ladder,
                    self.suite,
                    seed=self.seed,
                    draws=self.draws,
                    samples=self.samples,
                    spending=None if limit is None else Spending(limit.share(len(ladder), radii)),
                    batch_size=self.batch_size,
                )
        except (InputError, RuntimeError) as problem:
            raise explained(problem, self.flags) from problem


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
