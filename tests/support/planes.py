"""Linear models, and the best attainable gain inside ball and box, which is known for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack
from spikeproof.base import seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import Misclassification, Threat

AUDIO = Domain(kind="audio", shape=(60,), low=-1.0)
IMAGE = Domain(kind="image", shape=(3, 4, 5))
EVENTS = Domain(kind="events", shape=(3, 2, 2, 5), high=4.0, integer=True)


class Plane(nn.Module):
    """Two classes, logits ``(0, w . x)``; with rows of ``w``, item by item a plane of its own."""

    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        value = (x.flatten(1) * self.w).sum(1)
        return torch.stack([torch.zeros_like(value), value], dim=1)


def case(
    domain: Domain, seed: int, n: int = 16, *, own: bool = False
) -> tuple[Plane, Tensor, Misclassification]:
    """A random plane, or one of its own for every item; legal items with values on the bounds
    among them; and the goal to climb."""
    generator = torch.Generator().manual_seed(seed)
    size = (n, domain.size) if own else (domain.size,)
    w = torch.randn(size, generator=generator, dtype=torch.float64)
    u = torch.rand(n, *domain.shape, generator=generator, dtype=torch.float64)
    u = torch.where(u < 0.1, 0.0, torch.where(u > 0.9, 1.0, u)).double()
    x = domain.low + u * (domain.high - domain.low)
    x = x.round() if domain.integer else x
    return Plane(w), x, Misclassification(torch.zeros(n, dtype=torch.int64))


def gain(
    attack: Attack, model: Plane, x: Tensor, goal: Misclassification, threat: Threat
) -> Tensor:
    """How far the attack raised ``w . x``."""
    with Oracle(model) as oracle:
        x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))
    return ((x_adv - x).flatten(1) * model.w).sum(1).detach()


def best(threat: Threat, w: Tensor, x: Tensor) -> Tensor:
    """The closed form (l_inf, l_1, l_0, counts) or the exact dual solution (l_2)."""
    flat, domain = x.flatten(1), threat.domain
    room = torch.where(w > 0, domain.high - flat, flat - domain.low)
    slope = w.abs().expand_as(flat)
    if threat.name == "linf":
        return (slope * room.clamp(max=threat.radius)).sum(1)
    if threat.name in ("l1", "counts"):
        order = slope.argsort(1, descending=True)
        caps = room.gather(1, order)
        spent = torch.minimum((threat.radius - (caps.cumsum(1) - caps)).clamp(min=0), caps)
        return (slope.gather(1, order) * spent).sum(1)
    if threat.name == "l0":
        index, count = domain.pixels()
        pixel = torch.zeros(len(x), count, dtype=x.dtype).index_add_(1, index, slope * room)
        return pixel.topk(int(threat.radius), 1).values.sum(1)
    low, high = torch.zeros(len(x), 1).double(), torch.full((len(x), 1), 1e6).double()
    for _ in range(200):  # the multiplier t of min(t |w|, room) with l_2 length equal to the radius
        middle = (low + high) / 2
        long = torch.minimum(middle * slope, room).norm(dim=1, keepdim=True) > threat.radius
        low, high = torch.where(long, low, middle), torch.where(long, middle, high)
    return (slope * torch.minimum(low * slope, room)).sum(1)
