"""FGSM after a random jump, in the three forms that share the name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.registry import ATTACKS
from spikeproof.base import Seeds, check_count, check_fraction, check_share
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat

__all__ = ["RFGSM"]


@ATTACKS.register("rfgsm")
@dataclass(frozen=True, kw_only=True)
class RFGSM:
    r"""Jump in a random direction, then take steepest steps.

    ``z_0 = x + jump * step(noise)`` with Gaussian noise in place of a gradient (for l_inf
    ``± jump * radius`` on every feature), then ``steps`` times
    ``z <- project(z + step_size * step(grad score(z), z))``.

    Three attacks go by this name. The paper's is the default. What most tables of the SNN
    literature call RFGSM is :meth:`one_step`: a jump and a step of the whole radius each, so that
    features whose jump disagrees with the gradient end where they began. Later releases of the
    same library run :meth:`ten_steps`, a much stronger attack. Say which one you ran.

    Args:
        steps: Gradient steps, at least 1.
        jump: Length of the random jump, as a fraction of the radius, in [0, 1].
        step_size: Length of a step, as a fraction of the radius.
        stop: Leave an item alone once it is won; the verdict is the same, the margin smaller.
    Returns:
        From a call: legal inputs ``(N, *shape)``, nowhere with a smaller margin than ``x``.
    Raises:
        SettingError: steps below 1, a jump outside [0, 1], a step size that is not positive.
    Cost:
        ``steps + 2`` forward and ``steps`` backward passes per item; with ``stop`` at most.
    Differs from the paper:
        Every geometry; ascends the score of the goal; returns the best visited point, so it is
        never weaker than the published form.
    Example:
        >>> RFGSM.ten_steps()
        RFGSM(steps=10, jump=0.25, step_size=0.25, stop=False)

    References:
        tramer2018ensemble, kim2020torchattacks
    """

    steps: int = 1
    jump: float = 0.5
    step_size: float = 0.5
    stop: bool = False

    def __post_init__(self) -> None:
        check_count(self, "steps")
        check_fraction(self, "jump")
        check_share(self, "step_size")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(steps=2),)

    def passes(self, threat: Threat) -> tuple[int, int] | None:
        """Forward and backward passes per item, at most."""
        return self.steps + 2, self.steps

    @classmethod
    def one_step(cls) -> RFGSM:
        """The default of torchattacks 3.2.7 at radius 8/255: jump and step both 8/255."""
        return cls(steps=1, jump=1.0, step_size=1.0)

    @classmethod
    def ten_steps(cls) -> RFGSM:
        """The default of torchattacks 3.3.0 and later at radius 8/255: ten steps of 2/255."""
        return cls(steps=10, jump=0.25, step_size=0.25)

    def __call__(
        self,
        oracle: Oracle,
        x: Tensor,
        goal: Goal,
        threat: Threat,
        *,
        seeds: Seeds,
        start: Tensor | None = None,
    ) -> Tensor:
        """Run the attack; ``start`` takes the place of the jump."""
        if start is None:
            noise = seeds.child("jump").normal(x.shape[1:], x.dtype, device=x.device)
            # Back into the box before the step, or the step would first pay for the way there.
            start = threat.relax(x + self.jump * threat.step(noise, x, x), x)
        search = PGD(steps=self.steps, step_size=self.step_size, random_start=False, stop=self.stop)
        return search(oracle, x, goal, threat, seeds=seeds, start=start)
