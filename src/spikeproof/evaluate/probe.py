"""Random and adversarial vulnerability, input gradients and activity of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from spikeproof.attacks import PGD
from spikeproof.base import BatchSize, Seeds, check_at_least, computing, device_of, seeds
from spikeproof.data import Split
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.metrics import (
    activity,
    adversarial_vulnerability,
    first_order,
    gradient_measures,
    random_vulnerability,
    true_class_gradient,
    vulnerability_ratio,
)
from spikeproof.models import home_of, on_device
from spikeproof.oracle import Oracle, Passes
from spikeproof.threats import Threat, as_threats

__all__ = ["Probe", "probe", "probed"]

Array = np.ndarray[Any, Any]

# The norms for which first-order theory predicts both vulnerabilities.


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What probing found, item by item and in the middle.

    Args:
        arrays: ``g_l0 g_l1 g_l2 g_linf g_pr`` of the true-class gradient; per norm
            ``rho_random_ rho_random_se_ rho_adv_ ratio_ theory_ lower_ upper_`` and its name;
            ``items`` and ``y``. All ``(N,)``.
        norms: Norm → medians over the items; None where no item has a value.
        gradient: Medians of the gradient measures.
        activity: Spiking layer → rate, dead and saturated share.
        passes: What it cost.
    """

    arrays: dict[str, Array]
    norms: dict[str, dict[str, float | None]]
    gradient: dict[str, float | None]
    activity: dict[str, dict[str, float]]
    passes: Passes = field(default_factory=Passes)

    def summary(self) -> dict[str, Any]:
        """The numbers of the whole sample as plain data."""
        return {
            "norms": self.norms,
            "gradient": self.gradient,
            "activity": self.activity,
            "passes": {"forward": self.passes.forward, "backward": self.passes.backward},
        }


def probed(threats: Sequence[Threat]) -> tuple[Threat, ...]:
    """The threats among these that theory covers, the middle radius of each ladder."""
    ladders: dict[str, list[Threat]] = {}
    for threat in sorted(threats, key=lambda t: t.radius):
        if threat.order is not None:
            ladders.setdefault(threat.name, []).append(threat)
    return tuple(ladder[len(ladder) // 2] for _, ladder in sorted(ladders.items()))


def probe(
    model: nn.Module,
    split: Split,
    threats: Threat | Sequence[Threat],
    *,
    seed: int,
    draws: int = 10,
    attack: PGD | None = None,
    device: str | torch.device | None = None,
    batch_size: int | BatchSize | None = None,
) -> Probe:
    """Measure how far the true-class probability moves, at random and at worst, in every norm.

    ``rho_rand = E[(f_y(x + r d) - f_y(x))^2]`` over the unit ball, unclipped as defined;
    ``rho_adv`` its supremum over legal inputs, searched for by the attack and therefore a lower
    bound; ``theory`` the ratio that the gradient predicts to first order, ``lower`` and ``upper``
    what its number of non-zeros allows.

    Args:
        model: Maps ``(N, *shape)`` to logits; left as it was.
        split: The items.
        threats: One per norm, at the radius to probe.
        seed: Of draws and random starts.
        draws: Random perturbations per item and norm, at least 2.
        attack: Searches the supremum; 20 steps of PGD by default.
        device: Where to compute, on a copy of the model; where the model is if absent.
        batch_size: Items at a time; what memory holds where absent, at most 256.
    Returns:
        Arrays per item, and medians.
    Raises:
        SettingError: a threat without first-order theory (counts, joint), or a device that is not
            there.
        OutOfMemory: not even one item at a time fits.
        InputError: items or labels that do not fit.
    Cost:
        Per item one gradient and one forward; per norm ``1 + draws`` forwards, two attacks and
        three forwards.
    References:
        liu2024sparse
    """
    threats, draws = as_threats(threats, "probe: threats"), check_at_least(2, draws, "probe: draws")
    attack = PGD(steps=20, step_size=0.5, last=0.2) if attack is None else attack
    model = on_device(model, None if device is None else device_of(device))
    size = batch_size_for(model, split.x, batch_size)

    def looked(idx: torch.Tensor) -> tuple[dict[str, Array], Passes]:
        return _look(model, split[idx], threats, seed=seed, draws=draws, attack=attack)

    with computing(home_of(model)):
        found = [one for _, one in size.each(torch.arange(len(split)), looked)]
        layers = activity(model, split.x, items=split.items, batch_size=size)
    names = found[0][0] if found else ()
    arrays = {name: np.concatenate([part[name] for part, _ in found]) for name in names}
    passes = sum((spent for _, spent in found), Passes())
    return Probe(
        arrays=arrays,
        norms={t.name: _medians(arrays, f"_{t.name}", t) for t in threats},
        gradient={name: _median(arrays[f"g_{name}"]) for name in ("l0", "l1", "l2", "linf", "pr")},
        activity={
            name: {"rate": layer.rate, "dead": layer.dead, "saturated": layer.saturated}
            for name, layer in layers.items()
        },
        passes=passes + Passes(forward=len(split)),
    )


def _look(
    model: nn.Module,
    split: Split,
    threats: Sequence[Threat],
    *,
    seed: int,
    draws: int,
    attack: PGD,
) -> tuple[dict[str, Array], Passes]:
    """The arrays of one batch, and what they cost."""
    keys, home = seeds(seed, items=split.items).child("probe"), home_of(model)
    here = Split(split.x.to(home), split.y.to(home), split.items)
    found: dict[str, torch.Tensor] = {"items": split.items, "y": split.y}
    with Oracle(model, seeds=keys.child("network")) as oracle:
        grad = true_class_gradient(oracle, here.x, here.y)
        measures = gradient_measures(grad)
        found |= {f"g_{name}": getattr(measures, name) for name in ("l0", "l1", "l2", "linf")}
        found["g_pr"] = measures.participation
        for threat in threats:
            per_norm = _norm(oracle, here, threat, _Search(attack, draws, keys.child(threat.name)))
            predicted = first_order(grad, threat)
            per_norm |= {
                "theory": predicted.ratio,
                "lower": predicted.lower,
                "upper": predicted.upper,
            }
            found |= {f"{what}_{threat.name}": value for what, value in per_norm.items()}
        passes = oracle.passes
    return {name: value.cpu().numpy() for name, value in found.items()}, passes


@dataclass(frozen=True)
class _Search:
    """How both vulnerabilities are looked for."""

    attack: PGD
    draws: int
    keys: Seeds


def _norm(oracle: Oracle, split: Split, threat: Threat, search: _Search) -> dict[str, torch.Tensor]:
    """Both vulnerabilities under one threat."""
    x, y, keys = split.x, split.y, search.keys
    random = random_vulnerability(oracle, x, y, threat, draws=search.draws, seeds=keys)
    worst = adversarial_vulnerability(oracle, x, y, threat, search.attack, seeds=keys)
    return {
        "rho_random": random.mean,
        "rho_random_se": random.standard_error,
        "rho_adv": worst,
        "ratio": vulnerability_ratio(worst, random.mean),
    }


def _medians(arrays: dict[str, Array], ending: str, threat: Threat) -> dict[str, float | None]:
    """The medians of one norm."""
    names = ("rho_random", "rho_adv", "ratio", "theory", "lower", "upper")
    medians = {name: _median(arrays[name + ending]) for name in names}
    return {"radius": threat.radius, **medians}


def _median(values: Array) -> float | None:
    """The median of the finite values, None where there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None
