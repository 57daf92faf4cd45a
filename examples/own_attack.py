"""Write an attack of your own and let a suite use it beside the others."""

from dataclasses import dataclass

import torch

import spikeproof as sp
from spikeproof.attacks import Member, Suite


@dataclass(frozen=True, kw_only=True)
class Coordinate:
    """Move one random feature at a time as far as it may go, and keep what helps."""

    steps: int = 50

    def __call__(self, oracle, x, goal, threat, *, seeds, start=None):
        best = x if start is None else start
        margin = goal.margin(oracle.logits(best))
        for draw in seeds.uniform((self.steps, 2)).unbind(1):
            where = (draw[:, 0] * x[0].numel()).long().clamp(max=x[0].numel() - 1)
            tried = best.flatten(1).clone()
            tried[torch.arange(len(x)), where] = (draw[:, 1] > 0.5).float()
            tried = threat.project(tried.view_as(x), x)
            found = goal.margin(oracle.logits(tried))
            better = found > margin
            best, margin = torch.where(better.view(-1, 1, 1, 1), tried, best), found.max(margin)
        return best


data = sp.load("digits")
model = sp.build("dense", data, timesteps=4, width=32)
objective = sp.Objective({"error": (1.0, sp.CrossEntropy())})
sp.fit(model, data, objective, epochs=4, progress=False)
suite = Suite((Member(attack=Coordinate()), Member(attack=sp.PGD(steps=10))))
x, y = data.validation.x[:30], data.validation.y[:30]
found = suite(model, x, y, sp.Threat(sp.L0(), 3, data.domain), seeds=sp.seeds(0, n=30))
for member, stats in zip(suite.members, found.stats, strict=True):
    print(f"{type(member.attack).__name__}: tried on {stats.tried} items, broke {stats.broke}")
