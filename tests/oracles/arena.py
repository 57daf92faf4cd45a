"""Where one contestant meets the items of one network under one threat.

A contestant offers points; each is pulled back by what rounding may have put it outside (never
more than one part in a hundred thousand), and judged. An item that is broken stands no longer, so
the contestant's later attacks leave it alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.oracles.judge import BROKEN, ILLEGAL, ROUNDING, STANDS, Ball, Judge, Net, legal, length
from tests.oracles.plain import Averaged, Plain, Unit

__all__ = ["Arena", "Budget", "pulled"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Budget:
    """How long the attacks of the oracles are: the contest's, or the small one of the tests.

    Args:
        steps: Gradient steps.
        queries: Of searches without gradients.
        settings: How many of the six settings of surrogate and reset are tried.
        boundary: Steps of attacks along the decision boundary, which cost most per step.
    """

    steps: int = 100
    queries: int = 5000
    settings: int = 6
    boundary: int = 20


def pulled(ball: Ball, x_adv: Array, x: Array) -> Array:
    """Points brought back into box and ball where rounding alone has put them outside."""
    z = np.clip(x_adv, ball.low, ball.high).astype(np.float32)
    if ball.norm not in ("linf", "l2", "l1"):
        return z
    out = ~legal(ball, z, x) & (length(ball, z, x) <= ball.radius * (1 + 1e-5))
    if out.any():
        change = z[out].astype(np.float64) - x[out]
        if ball.norm == "linf":
            change = np.clip(change, -ball.radius, ball.radius)
        # Float32 has room for a hair less.
        z[out] = np.clip(x[out] + change * (1 - 2e-5), ball.low, ball.high).astype(np.float32)
    return z


@dataclass
class Arena:
    """One contestant's standing on some items.

    Args:
        path: The stored network.
        x: Clean items that are right when clean, float32 ``(N, *shape)``.
        y: Their classes.
        items: Their numbers.
        ball: What is allowed.
        budget: How long attacks are.
        say: Told what each attack did.
        until: ``time.monotonic()`` after which no further attack begins; None for no end.
    """

    path: Path
    x: Array
    y: Array
    items: Array
    ball: Ball
    budget: Budget = field(default_factory=Budget)
    say: Callable[[str], None] = lambda line: None
    until: float | None = None
    verdict: Array = field(init=False)
    best: Array = field(init=False)
    by: list[str] = field(init=False)
    attacks: list[dict[str, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.judge = Judge(Net.read(self.path))
        self.verdict = np.full(len(self.x), STANDS)
        self.best, self.by = self.x.copy(), [""] * len(self.x)

    @property
    def standing(self) -> Array:
        """Positions of the items that the contestant has not broken yet."""
        return np.flatnonzero(self.verdict != BROKEN)

    @property
    def radius(self) -> float:
        """The radius of the ball on inputs scaled to [0, 1]."""
        real = self.ball.norm in ("linf", "l2", "l1")
        return self.ball.radius / (self.ball.high - self.ball.low) if real else self.ball.radius

    def module(self, surrogate: Any = None, *, detach: bool = False, **more: Any) -> Unit:
        """The network as a plain torch module on [0, 1]; the mean of ten draws where it draws."""
        model: nn.Module = Plain(self.path, surrogate, detach=detach, **more).eval()
        if model.draws:
            model = Averaged(model)
        return Unit(model, self.ball.low, self.ball.high, self.x.shape[1:]).eval()

    def offer(self, name: str, idx: Array, points: Array) -> int:
        """Judge points for the items at ``idx``; return how many of them newly broke."""
        z = pulled(self.ball, points, self.x[idx])
        found = self.judge.verdicts(z, self.x[idx], self.y[idx], self.ball, self.items[idx])
        fresh = (found == BROKEN) & (self.verdict[idx] != BROKEN)
        doubt = (found == ROUNDING) & (self.verdict[idx] == STANDS)
        for at, value in ((fresh, BROKEN), (doubt, ROUNDING)):
            self.verdict[idx[at]], self.best[idx[at]] = value, z[at]
            for i in idx[at]:
                self.by[i] = name
        self.attacks[-1]["illegal"] = int((found == ILLEGAL).sum())
        return int(fresh.sum())

    def attack(self, name: str, model: Unit, run: Callable[..., Tensor | None]) -> None:
        """Let one attack of a library try what still stands.

        Args:
            name: Of the attack and its setting.
            model: What it attacks.
            run: From ``(u, y)`` to points in [0, 1], ``u`` the clean items there.
        """
        idx = self.standing
        if not len(idx) or (self.until is not None and time.monotonic() > self.until):
            return
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002 - the libraries draw from it
        x, y = torch.from_numpy(self.x[idx]), torch.from_numpy(self.y[idx])
        begun = time.process_time()
        entry = {"name": name, "tried": len(idx), "broke": 0, "seconds": 0.0}
        self.attacks.append(entry)
        try:
            found = run(model.to_unit(x), y)
        except Exception as problem:  # a library that fails has said nothing
            entry["failed"] = f"{type(problem).__name__}: {problem}"[:200]
            self.say(f"  {name} failed: {entry['failed']}")
            return
        entry["seconds"] = time.process_time() - begun
        if found is not None:
            points = model.from_unit(found.detach()).numpy()
            entry["broke"] = self.offer(name, idx, points)
        self.say(f"  {name}: {entry['broke']} of {len(idx)} in {entry['seconds']:.0f} s")

    def follow(self, name: str, model: Unit, run: Callable[..., None]) -> None:
        """Let an attack of our own writing try what stands; it shows every iterate.

        Args:
            name: Of the attack and its setting.
            model: What it attacks.
            run: From ``(u, y, seen)``; hands every iterate to ``seen``.
        """

        def kept(u: Tensor, y: Tensor) -> Tensor:
            best, lead = u.clone(), torch.full((len(u),), -torch.inf)

            def seen(z: Tensor) -> None:
                moments = getattr(_inner(model), "surrogate", None)
                if hasattr(moments, "moving"):
                    moments.moving = False
                with torch.no_grad():
                    logits = model(z)
                if hasattr(moments, "moving"):
                    moments.moving = True
                own = logits.gather(1, y[:, None])[:, 0]
                other = logits.scatter(1, y[:, None], -torch.inf).amax(1)
                better = other - own > lead
                lead[better], best[better] = (other - own)[better], z.detach()[better]

            run(u, y, seen)
            return best

        self.attack(name, model, kept)


def _inner(model: nn.Module) -> nn.Module:
    """The network behind scaling and averaging."""
    while isinstance(model, Unit | Averaged):
        model = model.model
    return model
