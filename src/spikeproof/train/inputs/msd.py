"""MSD: one ascent whose every step takes the best of one step per threat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from spikeproof.attacks import Best
from spikeproof.base import Seeds, SettingError, check_count, check_one_of, check_share
from spikeproof.oracle import Oracle
from spikeproof.threats import LOSSES, Misclassification, Threat
from spikeproof.train.inputs.base import Inputs
from spikeproof.train.inputs.registry import INPUTS

__all__ = ["MSD"]


@INPUTS.register("msd")
@dataclass(frozen=True)
class MSD(Inputs):
    r"""Attack all threats of a set in one ascent, each step along the threat that pays best (MSD).

    .. math:: z_p = \Pi_p\big(z + a\,s_p(\nabla \ell(z))\big), \qquad
        z \leftarrow z_{p^*}, \quad p^* = \arg\max_p \ell(z_p)

    :math:`s_p` is the steepest step of threat p, as long as its radius, and :math:`\Pi_p` brings
    the result back to its ball and the domain, so the final input is legal under at least one
    threat. It starts at ``x``; the most harmful visited point of every item is returned.

    Args:
        threats: What the attacker may do; of equal losses the earlier threat counts.
        steps: Steps, at least 1.
        step_size: Length of a step, as a fraction of each threat's radius.
        loss: What is maximised, ``"cross_entropy"``, ``"margin"``, ``"dlr"`` or
            ``"probability_margin"``.
    Returns:
        Inputs, the shape of ``x``, detached.
    Raises:
        SettingError: fewer than two threats, steps below 1, a step size that is not positive.
    Cost: ``steps * (P + 1)`` forwards and ``steps`` backwards to the input for P threats.
    Differs from the paper:
        The paper takes 50 steps, of 0.1 of the radius for l_inf and l_2 and random sparse steps
        for l_1; here each threat brings its own steepest step. Iterates of counted
        threats live in their relaxation and are asked at their projection.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import L1, Linf
        >>> domain = Domain(kind="audio", shape=(2,))
        >>> model = nn.Linear(2, 2, bias=False)
        >>> _ = model.weight.data.copy_(torch.tensor([[4.0, 1.0], [0.0, 0.0]]))
        >>> inputs = MSD((Threat(Linf(), 0.1, domain), Threat(L1(), 0.25, domain)), steps=1,
        ...              step_size=1.0)
        >>> x, y = torch.full((1, 2), 0.5), torch.tensor([0])
        >>> inputs(model, x, y, seeds=seeds(0, n=1)).tolist()  # .25 * 4 beats .1 * (4 + 1)
        [[0.25, 0.5]]

    References:
        maini2020adversarial
    """

    kind: ClassVar[str] = "msd"
    wants: ClassVar[tuple[str, ...]] = ("threats",)

    threats: tuple[Threat, ...]
    steps: int = 10
    step_size: float = 0.4
    loss: str = "cross_entropy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threats", tuple(self.threats))
        if len(self.threats) < 2:
            raise SettingError(
                f"MSD needs at least two threats; got {len(self.threats)}. For one threat use "
                "Adversarial."
            )
        check_count(self, "steps")
        check_share(self, "step_size")
        check_one_of(self.loss, LOSSES, "MSD.loss")

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        """Ascend, and keep each item's most harmful point."""
        for threat in self.threats:
            threat.check(x)
        goal, idx = Misclassification(y, loss=self.loss), torch.arange(len(x), device=x.device)
        with Oracle(model, seeds=seeds) as oracle:
            best: Best | None = None
            z = x_adv = x
            for _ in range(self.steps):
                logits, grad = oracle.logits_and_grad(x_adv, goal.score, idx)
                if best is None:
                    best = Best(x, goal.score(logits))
                chosen: tuple[Best, Best] | None = None
                for threat in self.threats:
                    iterate = threat.relax(z + self.step_size * threat.step(grad, z, x), x)
                    asked = threat.project(iterate, x)
                    harm = goal.score(oracle.logits(asked))
                    if chosen is None:
                        chosen = Best(iterate, harm), Best(asked, harm)
                    else:
                        chosen[0].keep(iterate, harm)
                        chosen[1].keep(asked, harm)
                assert chosen is not None
                z, x_adv = chosen[0].x, chosen[1].x
                best.keep(x_adv, chosen[1].margin)
        assert best is not None
        return best.x

    @property
    def against(self) -> tuple[Threat, ...]:
        """Every threat."""
        return self.threats

    @property
    def effort(self) -> float:
        """Gradient steps per item, about: a forward is a third of one."""
        return self.steps * (2 + len(self.threats)) / 3 + 1
