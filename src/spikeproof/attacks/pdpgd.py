"""Primal-dual proximal gradient descent: the norm as it is, and a multiplier for success."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from spikeproof.attacks.nearest import Descent, Look, State
from spikeproof.attacks.pieces.proximal import NORMS, proximal
from spikeproof.attacks.pieces.scale import Adam, largest_range
from spikeproof.attacks.pieces.survivors import Survivors
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import SettingError, check_count, check_positive
from spikeproof.threats import Threat

__all__ = ["PDPGD"]


@ATTACKS.register("pdpgd")
@dataclass(frozen=True, kw_only=True)
class PDPGD(Descent):
    r"""Find a saddle point of ``exp(-v) ||d|| - margin(x + d)``: ``d`` below and ``v`` above.

    ``d`` takes an Adam step on the margin and then the exact proximal step of the norm in Adam's
    metric ``h``, inside the box: ``d <- prox(d + a_k g / h)``. ``v`` grows by ``b_k`` after a point
    that was not adversarial and falls by as much after one that was; ``d`` sees it ``lead`` changes
    ahead. Lengths are in units of the domain's largest range, gradients in units of the dual norm
    of the first one.

    Args:
        steps: Gradient steps, at least 1.
        step_size: First step ``a`` of Adam, as a share of the range; falls geometrically.
        last_step: Last step, as a fraction of the first.
        dual_step: First step ``b``; falls geometrically.
        last_dual: Last dual step, as a fraction of the first.
        lead: How many changes ahead the primal step sees ``v``; 0 oscillates.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``; from
        ``nearest`` the smallest distances.
    Raises:
        SettingError: steps below 1, a size that is not positive, a negative lead; in a call,
            a threat other than l_inf, l_2, l_1 or l_0, or a domain of whole numbers.
    Cost:
        At most ``steps + 3`` forward and ``steps`` backward passes per item.
    Differs from the paper:
        Proximal steps are exact, box included, instead of a few inner iterations. The multiplier
        looks ahead, as in primal-dual hybrid gradients, where the paper takes a running mean: on
        linear models with a box that ends at 1.00 of the optimum instead of 1.02 (l_2, l_inf).
        Gradients are scaled once per item, so that a multiplier of 1 fits every model.
    Example:
        >>> from spikeproof.base import seeds
        >>> from spikeproof.data import Domain
        >>> from spikeproof.oracle import Oracle
        >>> from spikeproof.threats import L1, Misclassification
        >>> threat = Threat(L1(), 1.0, Domain(kind="audio", shape=(2,)))
        >>> x, goal = torch.tensor([[0.75, 0.5]]), Misclassification(torch.tensor([0]))
        >>> with Oracle(torch.nn.Identity()) as oracle:
        ...     near = PDPGD().nearest(oracle, x, goal, threat, seeds=seeds(0, n=1))
        >>> round(near.distance.item(), 2)
        0.25

    References:
        matyasko2021pdpgd
    """

    steps: int = 300
    step_size: float = 0.3
    last_step: float = 0.01
    dual_step: float = 0.1
    last_dual: float = 0.1
    lead: float = 2.0

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_positive(self, "step_size", "last_step", "dual_step", "last_dual")
        if not 0 <= self.lead < math.inf:
            raise SettingError(f"PDPGD.lead must be 0 or more and finite; got {self.lead!r}.")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=5),)

    def serves(self, threat: Threat) -> bool:
        """Whether the attack can work under this threat: a norm with a proximal step, off grids."""
        return threat.order in NORMS and not threat.domain.integer

    def _begin(self, x: Tensor, start: Tensor, threat: Threat) -> State:
        """A multiplier of 1, no moments."""
        v = torch.zeros(len(x), 1, dtype=torch.float64, device=x.device)
        change = (start.double() - x.double()).flatten(1) / largest_range(threat)
        moments = Adam.begin(change)
        scale = torch.zeros_like(v)
        return {"x": x, "x_adv": start, "d": change, "v": v, "scale": scale, **moments}

    def _advance(self, left: Survivors, look: Look) -> None:
        """A dual step, then a primal one that looks ahead."""
        threat, x = look.threat, left.x
        unit, share = largest_range(threat), look.step / max(1, look.steps - 1)
        size = self.step_size * self.last_step**share
        scale = self._scale(left, look)
        slope = look.grad.double().flatten(1) * (unit if threat.counted else 1.0)
        slope = torch.where(scale > 0, slope / scale, torch.zeros_like(slope))
        push = self.dual_step * self.last_dual**share * torch.where(look.won, -1.0, 1.0)
        v = left.v + push.double()[:, None]
        price = (-v - self.lead * push[:, None]).exp()
        if threat.counted:
            # A place that is not in use yet must not become dearer as steps become shorter.
            price = price * size / self.step_size
        direction, metric = Adam.update(left, -slope, look.step)
        z = left.d - size * direction / metric
        low, high = threat.domain.bounds(x.double())
        room = torch.where(z.view_as(x) > 0, high - x.double(), x.double() - low)
        left.d = proximal(z, metric / size, price, room.flatten(1) / unit, threat)
        left.x_adv = threat.domain.clip((x.double() + unit * left.d.view_as(x)).to(x.dtype))
        left.v, left.scale = v, scale

    def _scale(self, left: Survivors, look: Look) -> Tensor:
        """What gradients are divided by: the dual norm of the first that is not 0, ``(M, 1)``."""
        some = (look.grad != 0).flatten(1).any(1)
        first = torch.where(some, look.slope(left.x), 0.0)[:, None]
        return torch.where(left.scale > 0, left.scale, first)
