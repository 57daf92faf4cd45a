"""The front door: attack a network, or measure what attacks leave of it, in one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from spikeproof.attacks import ATTACKS, Attack, Member, Suite
from spikeproof.attacks import suite as make_suite
from spikeproof.base import SettingError, check_at_least, check_seed
from spikeproof.data import Domain, Views
from spikeproof.evaluate.audit import ladders
from spikeproof.evaluate.audit_files import AuditSource
from spikeproof.evaluate.audit_result import Audit
from spikeproof.evaluate.diagnose import check_despite, review, warn_withheld
from spikeproof.evaluate.front_result import AttackResult, RobustAccuracy
from spikeproof.evaluate.front_task import Task, either
from spikeproof.evaluate.ladder import evaluate_ladder
from spikeproof.oracle import GradientRule
from spikeproof.threats import Threat, threat_from

__all__ = ["attack", "robust_accuracy"]


def attack(
    model: nn.Module,
    x: object = None,
    y: object = None,
    *,
    norm: str = "linf",
    radius: float | str | None = None,
    attack: str | dict[str, Any] | Attack = "pgd",
    seed: int = 0,
    gradient: GradientRule | None = None,
    loss: str = "margin",
    eps: float | str | None = None,
    images: object = None,
    labels: object = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    despite: str | Iterable[str] = (),
    **told: Any,
) -> AttackResult:
    """Attack a network with one attack, verify what came out, and return it.

    Nothing of the caller's is changed: the network, its mode and gradients, the inputs, torch's
    generators. One attack bounds robustness from above only; ``robust_accuracy`` tries a suite.

    Args:
        model: Maps inputs as they are given to logits ``(N, K)``, N first; any torch module.
        x: Inputs, items first, a tensor or an array: pictures ``(N, C, H, W)`` or, where the shape
            says so, with channels last; recordings of events ``(N, T, C, H, W)``; or of another
            ``kind``.
        y: True classes: whole numbers of any type, ``(N,)`` or ``(N, 1)``, or one-hot.
        norm: ``"linf"``, ``"l2"``, ``"l1"``, ``"l0"``, ``"counts"`` or another threat.
        radius: How far, in the unit of the inputs; also a text, ``"8/255"``.
        attack: A name from ``spikeproof list attacks``, a record of one, or the attack itself.
        seed: Of every random number; each item has its own, whatever the batch.
        gradient: How the gradient crosses spikes; the network's own surrogates where absent.
        loss: What is maximised, such as ``"margin"`` or ``"cross_entropy"``.
        eps: Another word for ``radius``.
        images: Another word for ``x``.
        labels: Another word for ``y``.
        device: Where to compute, on a copy of the network; where the network is if absent.
        batch_size: Rows through the network at a time; what memory holds where absent.
        despite: Flags in spite of which success and robust accuracy are to be stated, as for
            :func:`audit`.
        told: ``kind``, ``low``, ``high``, ``integer`` and ``channels`` of the inputs, as for
            ``Dataset.from_arrays``; pictures lie in [0, 1] where nothing is said.
    Returns:
        Adversarial inputs in shape and library of ``x``, who was broken, distances, accuracies.
    Raises:
        InputError: inputs, labels or outputs that do not fit.
        SettingError: an unknown norm, attack or setting, or a radius that makes no sense.
        IllegalAdversarial: the attack broke its threat's rules.
    Warns:
        Doubtful: before the attack, where a flag withholds robust accuracy; the arrays are there
            all the same.
    Cost:
        That of the attack, two forward passes per item, and the checks before (``flags_before``).
    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0] * 4, [-1.0] * 4]))
        >>> x, y = torch.full((2, 1, 2, 2), 0.05), torch.tensor([0, 0])
        >>> attack(model, x, y, eps=0.04).robust_accuracy
        1.0
        >>> attack(model, x, y, eps=0.06).robust_accuracy
        0.0
    """
    given = either("attack", x=(x, images), y=(y, labels))
    far = radius if eps is None else either("attack", radius=(radius, eps))["radius"]
    seed, chosen = check_seed(seed, "attack: seed"), _attack_of(attack)
    despite = check_despite(despite, "flag in attack: despite")
    task = Task.of(model, given["x"], given["y"], told, device=device, seed=seed)
    threat = threat_from(norm, far, task.domain)
    member = Member(attack=chosen, gradient=gradient, loss=loss)
    if not member.serves(threat):
        raise SettingError(f"{ATTACKS.kind(chosen)} cannot work under {threat.name}.")
    warn_withheld(task.flags, despite, stacklevel=2)
    return task.attacked(threat, member, batch_size, despite)


def robust_accuracy(
    model: nn.Module,
    x: object = None,
    y: object = None,
    *,
    threats: str | Threat | Iterable[str | Threat] = "linf:8/255",
    suite: str | Suite = "standard",
    seed: int = 0,
    draws: int = 10,
    eps: float | str | None = None,
    images: object = None,
    labels: object = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    name: str = "own",
    despite: str | Iterable[str] = (),
    **told: Any,
) -> RobustAccuracy:
    """Measure what threats leave of a network's accuracy, each item by the worst of a suite.

    An item counts as robust if it is right when clean and no attack, gradient setting or random
    draw broke it under any of the threats. Every adversarial input is measured again. Nothing of
    the caller's is changed.

    Args:
        model: Maps inputs as they are given to logits ``(N, K)``, N first; any torch module.
        x: Inputs, as for :func:`attack`.
        y: True classes, as for :func:`attack`.
        threats: One or several: ``"linf:8/255"``, or threats; a norm alone with ``eps``.
        suite: ``"quick"``, ``"core"``, ``"standard"``, ``"full"``, or a suite of your own.
        seed: Of every random number.
        draws: Random perturbations per item and threat.
        eps: The radius of a single threat that is named without one.
        images: Another word for ``x``.
        labels: Another word for ``y``.
        device: Where to compute, on a copy of the network; where the network is if absent.
        batch_size: Rows through the network at a time; what memory holds where absent.
        name: What tables call the items.
        despite: Flags in spite of which robust accuracy is to be stated, as for :func:`audit`.
        told: Facts about the inputs, as for :func:`attack`.
    Returns:
        Clean and robust accuracy with intervals, what broke each item, the whole audit.
    Raises:
        InputError: inputs, labels or outputs that do not fit.
        SettingError: an unknown threat or suite, or one threat twice.
        IllegalAdversarial: an attack broke its threat's rules.
    Cost:
        That of :func:`evaluate_ladder`, per norm, and of the checks before (see ``flags_before``).
    References:
        croce2020reliable, maini2020adversarial
    Example:
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
        >>> _ = model[1].weight.data.copy_(torch.tensor([[1.0] * 4, [-1.0] * 4]))
        >>> x, y = torch.full((4, 1, 2, 2), 0.05), torch.zeros(4, dtype=torch.uint8)
        >>> found = robust_accuracy(model, x, y, threats=["linf:0.04", "l2:0.2"], suite="quick")
        >>> float(found), found.by_threat
        (0.0, {'linf:0.04': 1.0, 'l2:0.2': 0.0})
    """
    given = either("robust_accuracy", x=(x, images), y=(y, labels))
    seed = check_seed(seed, "robust_accuracy: seed")
    draws = check_at_least(0, draws, "robust_accuracy: draws")
    attacks = make_suite(suite)
    despite = check_despite(despite, "flag in robust_accuracy: despite")
    several = _listed(threats)
    domain = next((one.domain for one in several if isinstance(one, Threat)), None)
    task = Task.of(model, given["x"], given["y"], told, device=device, seed=seed, domain=domain)
    asked = ladders(_threats(several, eps, task.domain))
    with task.attacking():
        outcomes = tuple(
            evaluate_ladder(
                task.model, task.split, ladder, attacks,
                seed=seed, draws=draws, keep=True, batch_size=batch_size,
            )
            for ladder in asked
        )  # fmt: skip
    audit = Audit(
        data=name,
        suite=suite if isinstance(suite, str) else "custom",
        seed=seed,
        outcomes=outcomes,
        source=AuditSource.of(model, task.data(name), attacks, draws=draws, samples=1),
        flags=(*task.flags, *review(outcomes)),
        despite=despite,
        split="given",
    )
    return task.measured(audit)


def _threats(several: list[Any], eps: float | str | None, domain: Domain | Views) -> list[Threat]:
    """The threats that a call names."""
    if eps is not None and len(several) != 1:
        raise SettingError(
            f"eps is the radius of one threat; got {len(several)} threats. Write each with its "
            'own, such as "linf:8/255".'
        )
    return [one if isinstance(one, Threat) else threat_from(one, eps, domain) for one in several]


def _listed(threats: Any) -> list[Any]:
    """One or several as a list."""
    return (
        list(threats)
        if isinstance(threats, Iterable) and not isinstance(threats, str)
        else [threats]
    )


def _attack_of(attack: object) -> Attack:
    """The attack that a call names."""
    if isinstance(attack, str | Mapping):
        return ATTACKS.build(attack, place="attack")
    if isinstance(attack, Suite) or not callable(attack) or isinstance(attack, type):
        raise SettingError(
            f"attack is a name, a record or an attack such as PGD(steps=40); got {attack!r}."
        )
    return attack
