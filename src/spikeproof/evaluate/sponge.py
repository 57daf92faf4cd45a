"""The front door of energy attacks: the most synaptic operations, with every answer kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from spikeproof.attacks import ATTACKS, Attack, serves
from spikeproof.base import SettingError, check_seed, computing, seeds
from spikeproof.evaluate.diagnose import check_despite, warn_withheld
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.front_items import given_back
from spikeproof.evaluate.front_task import Task, either
from spikeproof.evaluate.verify import verify
from spikeproof.metrics import Metered, synops
from spikeproof.models import home_of
from spikeproof.oracle import GradientRule, Oracle
from spikeproof.threats import Energy, Threat, threat_from

__all__ = ["SpongeResult", "sponge"]

Array = np.ndarray[Any, Any]
_EXAMPLES = 4  # items by which the meter learns which layers read the input


@dataclass(frozen=True, kw_only=True, eq=False)
class SpongeResult:
    """What an attack on energy did; every input was measured again, is legal and keeps its answer.

    Args:
        x_adv: The most expensive input found for every item, in shape and library of those that
            were given; the clean one where nothing dearer was found.
        before: Synaptic operations of the clean items, ``(N,)``.
        after: Those of ``x_adv``, counted anew, ``(N,)``.
        correct: Which items are right when clean; the others are not attacked, bool ``(N,)``.
        distance: Length of the change in the unit of the radius, float64 ``(N,)``.
        left_out: Layers whose work is not counted, since they read real numbers.
        threat: Norm and radius, ``"linf:0.0313725"``.
        attack: Record of the attack.
        seed: Of every random number.
    """

    x_adv: Any
    before: Array
    after: Array
    correct: Array
    distance: Array
    left_out: tuple[str, ...]
    threat: str
    attack: Mapping[str, Any]
    seed: int

    def __len__(self) -> int:
        """How many items."""
        return len(self.before)

    def __repr__(self) -> str:
        return (
            f"<{self.attack['kind']} raised the synaptic operations of {int(self.correct.sum())} "
            f"items under {self.threat} {self.median_ratio:.2f} times, in the median>"
        )

    @property
    def ratio(self) -> Array:
        """Operations after over operations before, of items right when clean; ``(M,)``."""
        return (self.after / np.maximum(self.before, 1))[self.correct]

    @property
    def median_ratio(self) -> float:
        """Its median; NaN where no item is right when clean."""
        return float(np.median(self.ratio)) if self.correct.any() else float("nan")


def sponge(
    model: nn.Module,
    x: object = None,
    y: object = None,
    *,
    norm: str = "linf",
    radius: float | str | None = None,
    attack: str | dict[str, Any] | Attack = "pgd",
    seed: int = 0,
    gradient: GradientRule | None = None,
    weight: float = 10.0,
    eps: float | str | None = None,
    images: object = None,
    labels: object = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    despite: str | Iterable[str] = (),
    **told: Any,
) -> SpongeResult:
    """Look for inputs that cost a spiking network the most, and that it still answers rightly.

    The goal is :class:`Energy`: synaptic operations over those of the clean item, as long as the
    right class leads. What the attack found counts only where the plain forward pass keeps the
    answer; operations are counted anew. Items that are wrong when clean are left alone.

    Args:
        model: A network with ``Spiking`` layers (see :class:`Metered`), from inputs to logits.
        x: Inputs, as for :func:`attack`.
        y: True classes, as for :func:`attack`.
        norm: As for :func:`attack`.
        radius: How far.
        attack: A name, a record or an attack that follows a goal's score (PGD, APGD, random).
        seed: Of every random number.
        gradient: How the gradient crosses spikes; the network's own surrogates where absent.
        weight: What a lead of the wrong class costs against operations, see :class:`Energy`.
        eps: Another word for ``radius``.
        images: Another word for ``x``.
        labels: Another word for ``y``.
        device: Where to compute, on a copy of the network.
        batch_size: Rows through the network at a time.
        despite: Flags in spite of which no warning is given.
        told: Facts about the inputs, as for :func:`attack`.
    Returns:
        Inputs, operations before and after, distances.
    Raises:
        InputError: inputs, labels or outputs that do not fit, or a network without spikes.
        SettingError: an unknown norm, attack or setting, or a radius that makes no sense.
    Cost:
        That of the attack, five forward passes per item, and the checks before (``diagnose``).
    Example:
        >>> from spikeproof.data import load
        >>> from spikeproof.models import build
        >>> data = load("digits")
        >>> net, x = build("cnn-small", data, timesteps=2), data.validation.x[:4]
        >>> y = net.eval()(x).argmax(1)
        >>> found = sponge(net, x, y, eps=0.1, attack={"kind": "pgd", "steps": 4})
        >>> bool((found.after >= found.before).all()), found.left_out
        (True, ('body.stem.0',))

    References:
        shumailov2021
    """
    given = either("sponge", x=(x, images), y=(y, labels))
    far = radius if eps is None else either("sponge", radius=(radius, eps))["radius"]
    seed, chosen = check_seed(seed, "sponge: seed"), _attack_of(attack)
    despite = check_despite(despite, "flag in sponge: despite")
    task = Task.of(model, given["x"], given["y"], told, device=device, seed=seed)
    threat = threat_from(norm, far, task.domain)
    if not serves(chosen, threat):
        raise SettingError(f"{ATTACKS.kind(chosen)} cannot work under {threat.name}.")
    warn_withheld(task.flags, despite, stacklevel=2)
    return _soaked(task, threat, chosen, gradient, weight=weight, rows=batch_size)


def _soaked(
    task: Task,
    threat: Threat,
    attack: Attack,
    gradient: GradientRule | None,
    *,
    weight: float,
    rows: int | None,
) -> SpongeResult:
    """Attack what is right when clean, and measure everything again."""
    x, y, items = task.split.x, task.split.y, task.split.items
    home, size = home_of(task.model), batch_size_for(task.model, x, rows)
    with task.attacking(), computing(home):
        clean = plain_logits(task.model, x, items=items, batch_size=size)
        correct = margins(clean, y) <= 0
        before = synops(task.model, x, items=items, batch_size=size)
        meter = Metered(task.model, x[:_EXAMPLES])
        keys = seeds(task.seed, items=items).child("sponge", threat.name)

        def attacked(part: torch.Tensor) -> torch.Tensor:
            goal = Energy(y[part].to(home), before.total[part].to(home), weight=weight)
            with Oracle(meter, gradient, keys[part].child("model")) as oracle:
                found = attack(oracle, x[part].to(home), goal, threat, seeds=keys[part])
            return found.to(x.device)

        x_adv = x.clone()
        for part, found in size.each(correct.nonzero().flatten(), attacked):
            x_adv[part] = found
        answers = plain_logits(task.model, x_adv, items=items, batch_size=size)
        dearer = synops(task.model, x_adv, items=items, batch_size=size).total > before.total
        kept = correct & (margins(answers, y) <= 0) & dearer
        x_adv[~kept] = x[~kept]
        seen = verify(task.model, x, x_adv, y, threat, items=items, batch_size=size)
        after = synops(task.model, x_adv, items=items, batch_size=size)
    return SpongeResult(
        x_adv=given_back(task.layout.back(x_adv), task.given),
        before=before.total.numpy(),
        after=after.total.numpy(),
        correct=correct.numpy(),
        distance=seen.distance.numpy(),
        left_out=before.left_out,
        threat=f"{threat.name}:{threat.geometry.spelled(threat.radius)}",
        attack=ATTACKS.record(attack),
        seed=task.seed,
    )


def _attack_of(attack: object) -> Attack:
    """The attack that a call names."""
    if isinstance(attack, str | Mapping):
        return ATTACKS.build(attack, place="attack")
    if not callable(attack) or isinstance(attack, type):
        raise SettingError(
            f"attack is a name, a record or an attack such as PGD(steps=40); got {attack!r}."
        )
    found: Attack = attack
    return found
