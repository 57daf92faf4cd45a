"""The network under diagnosis, the items it is right about, and attacks run on them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.attacks import Member
from spikeproof.base import BatchSize, Seeds, computing, seeds
from spikeproof.evaluate.doctor.members import named
from spikeproof.evaluate.doctor.path import AttackPath, WatchedOracle
from spikeproof.evaluate.forward import plain_logits
from spikeproof.evaluate.lengths import allowance, legal_places, measured
from spikeproof.evaluate.verify import verify
from spikeproof.models import home_of
from spikeproof.oracle import Passes
from spikeproof.threats import Misclassification, Threat

__all__ = ["Ran", "Subject", "legal"]


@dataclass(frozen=True, eq=False)
class Ran:
    """One attack on the right items, verified.

    Args:
        name: Of the attack.
        x: The items.
        x_adv: What it returned, ``(N, *shape)``, on the CPU.
        won: Which items it broke, bool ``(N,)``.
        rising: Whose score was still rising, bool ``(N,)``.
        illegal: Share of the items whose point broke the rules of the threat; such a point is
            counted as no change.
        path: What its gradients were like.
    """

    name: str
    x: Tensor
    x_adv: Tensor
    won: Tensor
    rising: Tensor
    path: AttackPath
    illegal: float = 0.0

    @property
    def left(self) -> float:
        """Share of the items that it leaves."""
        return 1 - float(self.won.double().mean())


@dataclass(eq=False)
class Subject:
    """A network and the items that checks look at.

    Args:
        model: As attacks see it.
        x: Right items, ``(N, *shape)``, on the CPU.
        y: Their classes, ``(N,)``.
        items: Their numbers, ``(N,)``.
        seed: Of every random number.
        size: Rows through the network at a time.
        random: Whether the network answers at random.
        rules: Whether gradient rules reach any of its layers.
        samples: Draws that make one prediction.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    items: Tensor
    seed: int
    size: BatchSize
    random: bool = False
    rules: bool = True
    samples: int = 1
    passes: Passes = field(default_factory=Passes)

    def __len__(self) -> int:
        return len(self.x)

    def subset(self, idx: Tensor) -> Subject:
        """The same about some of the items, with a bill of its own; draws stay those of the items.

        Args:
            idx: Which items, int64 ``(M,)``.
        """
        return replace(self, x=self.x[idx], y=self.y[idx], items=self.items[idx], passes=Passes())

    def keys(self, *names: str | int) -> Seeds:
        """One key per item for a purpose."""
        return seeds(self.seed, items=self.items).child("doctor").child(*names)

    def spend(self, passes: Passes) -> None:
        """Add to the bill."""
        self.passes += passes

    def logits(self, x: Tensor) -> Tensor:
        """Plain answers to one point per item, ``(N, K)``."""
        self.spend(Passes(forward=len(x) * self.samples))
        return plain_logits(
            self.model, x, items=self.items, samples=self.samples, batch_size=self.size
        )

    def attacked(self, member: Member, threat: Threat) -> Ran:
        """Run one attack on every item, and verify what it returned."""
        home, n = home_of(self.model), len(self)
        path, x_adv = AttackPath(n), self.x.clone()
        rising = torch.zeros(n, dtype=torch.bool)
        keys = self.keys(threat.name, named(member))

        def work(part: Tensor) -> tuple[Tensor, Tensor, AttackPath, Passes]:
            noted, y = AttackPath(len(part)), self.y[part].to(home)
            goal = Misclassification(y, loss=member.loss)
            oracle = WatchedOracle(self.model, gradient=member.gradient, seeds=keys[part])
            oracle.watching(noted, lambda logits, idx: goal[idx.to(home)].margin(logits) > 0)
            with oracle:
                found = member.attack(oracle, self.x[part].to(home), goal, threat, seeds=keys[part])
                still = oracle.not_converged(len(part))
            return found.detach().cpu(), still.cpu(), noted, oracle.passes

        with computing(home):
            for part, (found, still, noted, passes) in self.size.each(torch.arange(n), work):
                x_adv[part], rising[part] = found, still
                path.take(part, noted)
                self.spend(passes)
        bad = ~legal(x_adv, self.x, threat)
        x_adv[bad] = self.x[bad]
        won = self.won(x_adv, threat)
        return Ran(named(member), self.x, x_adv, won, rising, path, float(bad.double().mean()))

    def won(self, x_adv: Tensor, threat: Threat) -> Tensor:
        """Which of the points break their items, verified; an illegal one raises."""
        seen = verify(
            self.model, self.x, x_adv, self.y, threat,
            items=self.items, samples=self.samples, batch_size=self.size,
        )  # fmt: skip
        self.spend(Passes(forward=len(x_adv) * self.samples))
        return seen.won


def legal(x_adv: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Which points keep the rules of a threat, measured without its code, bool ``(N,)``."""
    inside = legal_places(x_adv, threat.domain)
    with np.errstate(invalid="ignore"):
        near = measured(threat, x_adv, x) <= allowance(threat)
    return torch.from_numpy(inside & near)
