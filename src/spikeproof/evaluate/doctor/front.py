"""Diagnose a network: is robust accuracy real, or do its gradients hide what is there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, Attack, Member
from spikeproof.base import (
    InputError,
    SettingError,
    check_at_least,
    check_labels,
    check_seed,
)
from spikeproof.data import Dataset, Domain, Views, tensor_of
from spikeproof.evaluate.doctor.diagnosis import Diagnosis
from spikeproof.evaluate.doctor.examination import Examination
from spikeproof.evaluate.doctor.flagged import flag_checks
from spikeproof.evaluate.doctor.inputs import input_checks
from spikeproof.evaluate.doctor.members import claimed_member, recorded
from spikeproof.evaluate.doctor.probes import centre_check
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.front_task import Task
from spikeproof.evaluate.sealed import open_split
from spikeproof.models import evaluating, home_of
from spikeproof.oracle import Passes, stochastic
from spikeproof.threats import Threat, standard_threats, threat_from

__all__ = ["ITEMS", "diagnose"]

ITEMS = 64
"""How many right items are looked at where nobody says."""
_DRAWS = 10
_LOOKED = 8  # times as many items, at most, to find right ones


def diagnose(
    model: nn.Module,
    data: object,
    y: object = None,
    *,
    threats: str | Threat | Iterable[str | Threat] | None = None,
    attack: str | dict[str, Any] | Attack | Member | None = None,
    x_adv: object = None,
    peers: Sequence[nn.Module] = (),
    thresholds: Thresholds | None = None,
    items: int = ITEMS,
    split: str = "validation",
    seed: int = 0,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    name: str = "own",
    **told: Any,
) -> Diagnosis:
    """Say of a network and every threat whether robust accuracy is sound, suspicious or masked.

    Nothing is believed: the claimed attack is held against a single step, more steps, other
    gradient rules, searches without gradients, random draws, and a radius that bounds nothing; the
    gradient against differences of outputs. What cannot be made is listed as not made. Symptoms
    that the attack was weak count only where longer attacks move the number.

    Args:
        model: Maps inputs as they are given to logits ``(N, K)``, N first; any torch module.
        data: A data set, or inputs as for :func:`attack`.
        y: True classes where inputs are given.
        threats: One or several, ``"linf:8/255"`` or threats; the middle one of every standard
            ladder where absent.
        attack: The attack whose robust accuracy is doubted, a name, a record, an attack or a
            member of a suite; PGD with the network's own gradient where absent (Swap where the
            radius counts, APGD for l_1).
        x_adv: Adversarial inputs of an evaluation that is doubted, one for every item, in the
            layout of the items; they are measured and counted again.
        peers: Other networks for the same inputs, for inputs made on them.
        thresholds: Where checks begin to count.
        items: How many right items are looked at, at most.
        split: Of a data set, ``"validation"`` or ``"test"``.
        seed: Of every random number.
        device: Where to compute, on a copy of the network; where the network is if absent.
        batch_size: Rows through the network at a time; what memory holds where absent.
        name: What the items are called where inputs are given.
        told: Facts about the inputs, as for :func:`attack`.
    Returns:
        A verdict per threat, every check with its number and threshold, and the passes.
    Raises:
        InputError: inputs, labels or outputs that do not fit.
        SettingError: an unknown threat, attack or split.
    Cost:
        About 1500 passes per right item and threat, and 100 per network; about 620 more at most per
        item that stands where symptoms have to be settled, 1900 where the network is stochastic.
    Example:
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[-1.0] * 4, [1.0] * 4]))
        >>> x = torch.rand(24, 1, 2, 2) * 0.4
        >>> x[::2] += 0.6
        >>> y = torch.ones(24).long()
        >>> diagnose(model, x, y, threats="linf:0.3").of("linf:0.3").claimed < 1
        True

    References:
        athalye2018, croce2020reliable, pintor2022indicators
    """
    seed = check_seed(seed, "diagnose: seed")
    items = check_at_least(1, items, "diagnose: items")
    limits = thresholds or Thresholds()
    task, called, several = _task(
        model, data, y, split=split, threats=threats, told=told, seed=seed, device=device, name=name
    )
    member = _member(attack)
    with task.attacking():
        subject, idx, logits = _subject(task, items, batch_size)
        shown = input_checks(task.model, task.split.x[: len(logits)], task.domain, logits, limits)
        examination = Examination(
            subject=subject,
            before=(*flag_checks(task.flags), *shown, centre_check(task.model, limits)),
            thresholds=limits,
            member=member,
            peers=peers,
            given=None if x_adv is None else _given(x_adv, task)[idx],
        )
        verdicts = tuple(examination.under(threat) for threat in several)
    claimed = member or claimed_member(several[0])
    return Diagnosis(
        data=called,
        seed=seed,
        items=len(subject),
        attack=recorded(claimed),
        verdicts=verdicts,
        flags=task.flags,
        thresholds=limits,
        forward=subject.passes.forward,
        backward=subject.passes.backward,
    )


def _task(
    model: nn.Module,
    data: object,
    y: object,
    *,
    split: str,
    threats: Any,
    told: dict[str, Any],
    seed: int,
    device: str | torch.device | None,
    name: str,
) -> tuple[Task, str, tuple[Threat, ...]]:
    """What the call is about: the network and its items, their name, and the threats."""
    domain: Domain | Views | None = None
    if isinstance(data, Dataset):
        if y is not None or told:
            raise SettingError(
                "diagnose: a data set brings its own classes and facts; leave out y."
            )
        opened, domain, name = open_split(data, split), data.domain, data.spec.name
        if threats is None:
            threats = [ladder[len(ladder) // 2] for ladder in standard_threats(data).values()]
        data, y = opened.x, opened.y
    several = "linf:8/255" if threats is None else threats
    given = [several] if isinstance(several, str | Threat) else list(several)
    if not given:
        raise SettingError("diagnose: needs at least one threat.")
    domain = next((one.domain for one in given if isinstance(one, Threat)), domain)
    task = Task.of(model, data, y, told, device=device, seed=seed, domain=domain)
    made = [
        one if isinstance(one, Threat) else threat_from(one, None, task.domain) for one in given
    ]
    return task, name, tuple(made)


def _given(x_adv: object, task: Task) -> Tensor:
    """Adversarial inputs of the caller as items."""
    found = task.layout(tensor_of(x_adv)).to(task.split.x.dtype)
    if found.shape != task.split.x.shape:
        raise InputError(
            f"diagnose: x_adv must hold one input per item, {tuple(task.split.x.shape)}; got "
            f"{tuple(found.shape)}."
        )
    return found


def _subject(task: Task, items: int, batch_size: int | None) -> tuple[Subject, Tensor, Tensor]:
    """The first items that the network is right about, their positions, and all answers."""
    x, y = task.split.x, task.split.y
    size = batch_size_for(task.model, x, batch_size)
    with evaluating(task.model):
        random = stochastic(task.model, x[:1].to(home_of(task.model)))
    samples, found, looked = (_DRAWS if random else 1), list[int](), 0
    answers = []
    while len(found) < items and looked < min(len(x), _LOOKED * items):
        part = slice(looked, looked + items)
        logits = plain_logits(
            task.model, x[part], items=task.split.items[part], samples=samples, batch_size=size
        )
        check_labels(y[part], logits.shape[1], len(logits))
        right = (margins(logits, y[part]) <= 0).nonzero().flatten()
        found += (right + looked).tolist()
        looked += len(logits)
        answers.append(logits)
    idx = torch.tensor(found[:items], dtype=torch.int64)
    names = {flag.name for flag in task.flags}
    subject = Subject(
        model=task.model,
        x=x[idx],
        y=y[idx],
        items=task.split.items[idx],
        seed=task.seed,
        size=size,
        random=random,
        rules="rules" not in names,
        samples=samples,
        passes=Passes(forward=looked * samples + 2),
    )
    return subject, idx, torch.cat(answers)


def _member(attack: object) -> Member | None:
    """The claimed attack; None where the caller names none."""
    if attack is None or isinstance(attack, Member):
        return attack
    if isinstance(attack, str | dict):
        return Member(attack=ATTACKS.build(attack, place="attack"))
    if not callable(attack) or isinstance(attack, type):
        raise SettingError(
            f"attack is a name, a record or an attack such as PGD(steps=40); got {attack!r}."
        )
    return Member(attack=attack)
