"""Audit what attackers can make a network spend: radius by radius, with a control, resumed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikeproof.attacks import ATTACKS, Attack, serves
from spikeproof.base import (
    SettingError,
    arithmetic,
    check_at_least,
    check_seed,
    computing,
    device_of,
    digest,
    versions,
)
from spikeproof.data import Dataset, domain_record
from spikeproof.evaluate.audit import ladders
from spikeproof.evaluate.audit_files import ladder_record
from spikeproof.evaluate.diagnose import (
    check_despite,
    check_network,
    flags_before,
    network_kept,
    warn_withheld,
)
from spikeproof.evaluate.energy_result import EnergyAudit
from spikeproof.evaluate.energy_run import EnergyRun, OnEnergyRung
from spikeproof.evaluate.grid_kept import KeptCells
from spikeproof.evaluate.sealed import open_split
from spikeproof.models import home_of, model_digest, on_device
from spikeproof.threats import Threat, as_threats, standard_threats

__all__ = ["energy_audit"]

_ATTACKS = ("pgd", "apgd")


def energy_audit(
    model: nn.Module,
    data: Dataset,
    threats: Threat | Iterable[Threat] | None = None,
    *,
    attacks: Sequence[str | Mapping[str, Any] | Attack] = _ATTACKS,
    weight: float = 10.0,
    seed: int = 0,
    split: str = "test",
    items: int | None = None,
    draws: int = 10,
    folder: Path | str | None = None,
    despite: str | Iterable[str] = (),
    progress: OnEnergyRung | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
) -> EnergyAudit:
    """Look for the inputs that cost a network the most and that it still answers rightly.

    What every attack and random draw returns is measured anew: it counts where it is legal, the
    plain forward pass keeps the answer, and more synaptic operations are counted. Of each item
    the dearest input within a radius stands; one found within a smaller radius is legal in every
    larger one, so that spending never falls as the radius grows. Items that are wrong when clean
    are left alone.

    Args:
        model: A network with ``Spiking`` layers (see :class:`Metered`); left as it was.
        data: The data set.
        threats: What the attacker may do; the data set's standard ladders where absent.
        attacks: Names, records or attacks that follow a goal's score; each attacks under the
            threats that it serves, and every threat needs one.
        weight: What a lead of the wrong class costs against operations, see :class:`Energy`.
        seed: Of every random number.
        split: ``"test"`` or ``"validation"``.
        items: How many items; all where absent.
        draws: Random changes per item and radius, the control.
        folder: Where finished radii are kept, and the audit at the end; the same call again goes
            on where a killed one stopped.
        despite: Flags in spite of which no warning is given.
        progress: Called with what is done next, how many radii are done, and how many there are.
        device: Where to compute, on a copy of the model.
        batch_size: Rows through the network at a time.
    Returns:
        Operations before and after, per item and radius.
    Raises:
        InputError: a network without spikes, or items that do not fit.
        SettingError: an attack that does not exist or follows no score, or a threat that none
            serves.
        FileProblem: the folder cannot be written, or holds something else.
    Cost:
        That of the attacks per radius, and two forward passes per item for each of them and for
        each draw.
    References:
        shumailov2021
    """
    check_network(model, "energy_audit: model")
    model = on_device(model, None if device is None else device_of(device))
    if threats is None:
        threats = [threat for ladder in standard_threats(data).values() for threat in ladder]
    per_threat = ladders(as_threats(threats, "energy_audit: threats"))
    chosen = [_built(attack) for attack in attacks]
    _check_served(chosen, per_threat)
    part = open_split(data, split, items)
    flags = flags_before(model, part.x, part.y, data.domain, seed=check_seed(seed, "energy_audit"))
    warn_withheld(flags, check_despite(despite, "flag in energy_audit: despite"), stacklevel=2)
    draws = check_at_least(0, draws, "energy_audit: draws")
    source = {
        **_source(model, data, chosen),
        "weight": weight,
        "seed": seed,
        "split": split,
        "items": digest(part.items.tolist()),
        "draws": draws,
    }
    identity = {"source": source, "threats": [ladder_record(ladder) for ladder in per_threat]}
    kept = KeptCells.at(folder, identity, what="energy audit")
    with kept.held(), network_kept(model, flags), computing(home_of(model)):
        run = EnergyRun(model, part, chosen, weight, seed, draws, batch_size, kept)
        rungs = tuple(run.rungs(per_threat, progress))
        found = EnergyAudit(
            data=data.spec.name,
            members=_names(chosen),
            source=source,
            flags=tuple(flag.name for flag in flags),
            left_out=run.left_out,
            items=part.items.numpy(),
            y=part.y.numpy(),
            correct=run.correct.numpy(),
            before=run.before.numpy(),
            rungs=rungs,
        )
        if folder is not None:
            found.save(folder)
    return found


def _built(attack: object) -> Attack:
    """An attack from its name or record."""
    if isinstance(attack, str | Mapping):
        return ATTACKS.build(attack, place="attacks")
    if not callable(attack) or isinstance(attack, type):
        raise SettingError(
            f"An attack is a name, a record or an attack such as PGD(steps=40); got {attack!r}."
        )
    found: Attack = attack
    return found


def _names(attacks: Sequence[Attack]) -> tuple[str, ...]:
    """What each attack is called, a number behind the second of a kind; random draws last."""
    kinds = [ATTACKS.kind(attack) for attack in attacks]
    counts = [kinds[: number + 1].count(kind) for number, kind in enumerate(kinds)]
    named = (f"{k} {n}" if n > 1 else k for k, n in zip(kinds, counts, strict=True))
    return (*named, "random draws")


def _source(model: nn.Module, data: Dataset, attacks: Sequence[Attack]) -> dict[str, Any]:
    """What the numbers depend on besides the settings of the call."""
    return {
        "network_sha256": model_digest(model),
        "data_sha256": data.spec.sha256,
        "domain": domain_record(data.domain),
        "attacks": [ATTACKS.record(attack) for attack in attacks],
        "versions": {**versions(), **arithmetic(home_of(model))},
    }


def _check_served(attacks: Sequence[Attack], per_threat: Sequence[tuple[Threat, ...]]) -> None:
    """Refuse a threat under which nothing would attack."""
    for ladder in per_threat:
        if not any(serves(attack, ladder[0]) for attack in attacks):
            names = ", ".join(ATTACKS.kind(attack) for attack in attacks) or "no attack"
            raise SettingError(
                f"energy_audit: none of {names} works under {ladder[0].name}; name one that does, "
                "see spikeproof list attacks."
            )
