"""A geometry is its verbs: one that knows no ball and no box is attacked like any other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.attacks import FMN, PGD, Random
from spikeproof.base import Seeds, SettingError, seeds
from spikeproof.data import Domain, Views
from spikeproof.oracle import Oracle
from spikeproof.threats import Geometry, Misclassification, Threat
from spikeproof.threats.geometry import Radius


@dataclass(frozen=True)
class Rolls(Geometry):
    """A signal may be rolled by at most ``radius`` samples, and changed in no other way."""

    @property
    def convex(self) -> bool:
        """False."""
        return False

    @property
    def name(self) -> str:
        """``"rolls"``."""
        return "rolls"

    def distance(self, x_adv: Tensor, x: Tensor, domain: Domain | Views) -> Tensor:
        """The smallest roll that makes one of the other; inf where none does."""
        every = self._rolls(x, x.shape[1])
        same = (every == x_adv[:, None]).all(2)
        return torch.where(same, self._lengths(x.shape[1]), torch.inf).amin(1).double()

    def project(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """The nearest roll."""
        every = self._rolls(x, x.shape[1])
        far = (every - z[:, None]).square().sum(2)
        allowed = self._lengths(x.shape[1]) <= torch.as_tensor(radius)
        return self._pick(every, torch.where(allowed, -far, -torch.inf))

    def relax(self, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views) -> Tensor:
        """Between queries an iterate may be anywhere."""
        return z

    def step(
        self, grad: Tensor, z: Tensor, x: Tensor, radius: Radius, domain: Domain | Views
    ) -> Tensor:
        """To the roll that is best to first order."""
        every = self._rolls(x, x.shape[1])
        allowed = self._lengths(x.shape[1]) <= torch.as_tensor(radius)
        gain = (every * grad[:, None]).sum(2)
        return self._pick(every, torch.where(allowed, gain, -torch.inf)) - z

    def draw(self, x: Tensor, seeds: Seeds, radius: float, domain: Domain | Views) -> Tensor:
        """A roll by a random number of samples."""
        allowed = self._lengths(x.shape[1]) <= radius
        u = seeds.uniform((x.shape[1],), x.dtype)
        every = self._rolls(x, x.shape[1])
        return self._pick(every, torch.where(allowed, u, -torch.inf)) - x

    def check(self, radius: float, domain: Domain | Views) -> None:
        """Refuse parts of a sample."""
        if radius != int(radius):
            raise SettingError(f"A roll has a whole number of samples; got {radius:g}.")

    @staticmethod
    def _rolls(x: Tensor, n: int) -> Tensor:
        return torch.stack([x.roll(k, 1) for k in range(n)], 1)

    @staticmethod
    def _lengths(n: int) -> Tensor:
        k = torch.arange(n)
        return torch.minimum(k, n - k)

    @staticmethod
    def _pick(every: Tensor, worth: Tensor) -> Tensor:
        return every[torch.arange(len(every)), worth.argmax(1)]


def network() -> torch.nn.Module:
    """Class 1 is what the fourth sample says; class 0 is a constant."""
    model = torch.nn.Linear(6, 2)
    model.weight.data.zero_()
    model.bias.data = torch.tensor([0.5, 0.0])
    model.weight.data[1, 3] = 1.0
    return model


X = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
GOAL = Misclassification(torch.tensor([0, 0]))


def threat(radius: float) -> Threat:
    """At most so many samples of a signal of six."""
    return Threat(Rolls(), radius, Domain(kind="audio", shape=(6,)))


def test_pgd_and_random_search_find_the_one_roll_that_wins() -> None:
    # The peak of the first item must move by two samples, that of the second by three.
    for attack in (PGD(steps=3, step_size=1.0, random_start=False), Random(draws=60)):
        with Oracle(network()) as oracle:
            x_adv = attack(oracle, X, GOAL, threat(2), seeds=seeds(0, n=2))
            margin = GOAL.margin(oracle.logits(x_adv))
        assert (margin > 0).tolist() == [True, False]
        assert x_adv[0].tolist() == X[0].roll(2).tolist()
        assert (threat(2).distance(x_adv, X) <= 2).all()


def test_a_minimum_norm_attack_measures_the_smallest_roll() -> None:
    with Oracle(network()) as oracle:
        near = FMN(steps=20).nearest(oracle, X, GOAL, threat(3), seeds=seeds(0, n=2))
    assert near.distance.tolist() == [2.0, 3.0]
