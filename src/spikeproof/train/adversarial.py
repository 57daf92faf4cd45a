"""Adversarial training: every term of the objective sees the attacked input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from spikeproof.attacks import ATTACKS, Attack
from spikeproof.base import Seeds, SettingError, check_one_of, suggestion
from spikeproof.oracle import Oracle, Path, path_from, path_record
from spikeproof.threats import LOSSES, Goal, Threat

__all__ = ["Adversarial"]


@dataclass(frozen=True)
class Adversarial:
    r"""Replace each batch by its adversarial inputs before any term looks at it.

    .. math:: x' = \operatorname{attack}(x, y) \in B(x, r), \qquad
        \min_w \sum_i \text{weight}_i\,\text{term}_i(x', y)

    With cross-entropy alone this is adversarial training (AT); with a sparse-gradient term it is
    SR+AT, which the literature writes SR*.

    Args:
        attack: What crafts the inputs, e.g. ``PGD(steps=7)``.
        threat: What it may do.
        path: How the attacker's gradient crosses a spike, a surrogate or any of
            ``spikeproof.oracle.PATHS``; None takes each neuron's own.
        loss: What the attack climbs, ``"cross_entropy"`` (as published), ``"margin"`` or
            ``"dlr"``.
    Returns:
        Adversarial inputs, the shape of ``x``, detached.
    Raises:
        SettingError: an unknown ``loss``.
        InputError: ``x`` does not fit the threat's domain.
    Cost: the attack's own; ``PGD(steps=k)`` takes k+2 forwards and k backwards to the input.
    Differs from the paper:
        Crafted in eval mode (running statistics are neither used up nor
        moved), and the most harmful visited point is taken, not the last one.
    Example:
        >>> import torch
        >>> from spikeproof.attacks import PGD
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf, Threat
        >>> threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(3,)))
        >>> inputs = Adversarial(PGD(steps=3, step_size=0.5), threat)
        >>> x, y = torch.full((2, 3), 0.5), torch.tensor([0, 1])
        >>> x_adv = inputs(nn.Linear(3, 2), x, y, seeds=seeds(0, n=2))
        >>> round(float((x_adv - x).abs().max()), 4)
        0.1

    References:
        madry2018, liu2024sparse
    """

    attack: Attack
    threat: Threat
    path: Path | None = None
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        check_one_of(self.loss, LOSSES, "Adversarial.loss")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Craft adversarial inputs for one batch; the model is left as it was found."""
        self.threat.check(x)
        with Oracle(model, path=self.path, seeds=seeds) as oracle:
            x_adv = self.attack(oracle, x, Goal(y, loss=self.loss), self.threat, seeds=seeds)
        return x_adv.detach()

    def record(self) -> dict[str, Any]:
        """Plain data that :meth:`from_record` rebuilds, given the threat."""
        return {
            "attack": ATTACKS.record(self.attack),
            "threat": self.threat.record(),
            "path": path_record(self.path),
            "loss": self.loss,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], threat: Threat | None) -> Adversarial:
        """Build from plain data; raise SettingError where ``threat`` is not the recorded one."""
        known = ("attack", "loss", "path", "threat")
        for key in record:
            if key not in known:
                raise SettingError(f"inputs: unknown key {key!r}. {suggestion(key, known)}")
        if threat is None:
            raise SettingError(
                "Adversarial inputs need a threat; pass Objective.from_record(record, threat=...)."
            )
        if "threat" in record and record["threat"] != threat.record():
            raise SettingError(
                f"inputs: the record was made with threat {record['threat']}, but "
                f"{threat.record()} was given; pass the recorded one."
            )
        if "attack" not in record:
            raise SettingError("inputs: needs an 'attack', e.g. {'kind': 'pgd', 'steps': 7}.")
        return cls(
            attack=ATTACKS.build(record["attack"]),
            threat=threat,
            path=path_from(record.get("path"), "inputs: path"),
            loss=record.get("loss", "cross_entropy"),
        )
