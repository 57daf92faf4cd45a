"""Every trap of the documentation is found by the check that stands beside it, with its mend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.attacks import PGD, Member
from spikeproof.base import BatchSize, InputError
from spikeproof.data import Domain
from spikeproof.evaluate import Check, Thresholds, flags_before
from spikeproof.evaluate.doctor.convergence import convergence_checks
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.flagged import flag_checks
from spikeproof.evaluate.doctor.inputs import given_checks, input_checks, radius_check
from spikeproof.evaluate.doctor.layers import layer_checks
from spikeproof.evaluate.doctor.slopes import slope_checks
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.neurons import IF, Spiking
from spikeproof.threats import Linf, Threat
from support.faults import DOMAIN, Carry, Moves, Sum, X, Y, only_in_training

PAGE = Path(__file__).resolve().parents[3] / "docs" / "gradient-masking.md"
LIMITS = Thresholds()
THREAT = Threat(Linf(), 0.05, DOMAIN)
MANY = X.repeat(5, 1, 1, 1)


def flagged(model: nn.Module, x: Tensor = X, y: Tensor = Y, domain: Domain = DOMAIN) -> list[Check]:
    """The checks that need no attack."""
    return flag_checks(flags_before(model, x, y, domain))


def subject(model: nn.Module, x: Tensor = MANY) -> Subject:
    """A network and items of class 1."""
    y = torch.ones(len(x), dtype=torch.int64)
    return Subject(model=model, x=x, y=y, items=torch.arange(len(x)), seed=0, size=BatchSize(64))


def sloped(before: Callable[[Tensor], Tensor]) -> list[Check]:
    """The checks of a gradient behind some map."""
    return slope_checks(subject(Sum(before=before)), THREAT, LIMITS)


def given(x_adv: Tensor) -> list[Check]:
    """The checks of adversarial inputs that somebody brings."""
    evidence = AttackEvidence(threat=THREAT, member=Member(), claimed=None, blocked="None.")
    return given_checks(subject(Sum()), evidence, x_adv, LIMITS, doubted=True)


def looked_at(model: nn.Module, x: Tensor, kind: str = "real", logits: Tensor = Y) -> list[Check]:
    """The checks of items, answers and weights."""
    domain = Domain(kind=kind, shape=tuple(x.shape[1:]))
    answers = torch.tensor([[1.0, 0.0]]) if logits is Y else logits
    return input_checks(model, x, domain, answers, LIMITS)


def short() -> list[Check]:
    """What an attack of two steps leaves to be seen."""
    member = Member(attack=PGD(steps=2, step_size=0.1, random_start=False))
    ran = subject(Sum()).attacked(member, THREAT)
    evidence = AttackEvidence(threat=THREAT, member=member, claimed=ran)
    return convergence_checks(evidence, LIMITS)


class TimeFirst(nn.Module):
    """Takes (T, N, ...) and averages over the first axis."""

    def forward(self, x: Tensor) -> Tensor:
        z = x.flatten(2).sum(2).mean(0)
        return torch.stack([-z, z], 1)


class Silent(nn.Module):
    """A layer that never fires."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = Spiking(IF())

    def forward(self, x: Tensor) -> Tensor:
        rate = self.layer((x.flatten(1) - 9).expand(2, len(x), 4)).mean((0, 2))
        return torch.stack([rate, rate + 1], 1)


def half(x: Tensor) -> Tensor:
    """The lower half without its gradient."""
    return torch.cat([x[:, :, :1], x[:, :, 1:].detach()], 2)


def noise(x: Tensor) -> Tensor:
    """From torch's generator."""
    return x + 0.2 * torch.randn_like(x)


def searching(x: Tensor) -> Tensor:
    """One step of a search inside."""
    with torch.enable_grad():
        z = x.detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(z.square().sum(), z)
    return x + (z - 0.1 * grad - x).detach()


EVENTS = torch.rand(5, 8, 2, 2, 2, generator=torch.Generator().manual_seed(0))
TRAPS: dict[str, Callable[[], list[Check]]] = {
    "no or partial surrogate gradient": lambda: [*flagged(only_in_training()), *sloped(half)],
    "state not reset": lambda: flagged(Carry()),
    "normalisation outside": lambda: flagged(Sum(), (X - 0.5) / 0.05),
    "a radius in another unit": lambda: [
        radius_check(subject(Sum()), Threat(Linf(), 0.9, DOMAIN), LIMITS)
    ],
    "probabilities or another shape": lambda: flagged(Sum(1000.0, lambda z: z.softmax(1))),
    "tied or quantised outputs": lambda: looked_at(
        Sum(), X, "image", logits=torch.tensor([[1.0, 1.0], [2.0, 0.0]])
    ),
    "modes or statistics": lambda: flagged(Moves()),
    "zero, vanishing or misleading": lambda: [
        *sloped(lambda x: x.detach() + 0 * x), *sloped(lambda x: 2 * x.detach() - x),
    ],
    "chance without averaging": lambda: flagged(Sum(before=noise)),
    "time first": lambda: flagged(
        TimeFirst(), EVENTS, torch.ones(5).long(), Domain(kind="events", shape=(8, 2, 2, 2))
    ),
    "event grids attacked as pictures": lambda: looked_at(
        nn.Sequential(nn.Flatten(), nn.Linear(24, 2)), (torch.rand(6, 3, 8) > 0.5).float()
    ),
    "the attack starts behind": lambda: looked_at(
        nn.Sequential(nn.Flatten(), nn.Linear(24, 2)), torch.rand(6, 1, 8).expand(6, 3, 8)
    ),
    "too few steps": short,
    "inputs outside ball": lambda: [*given(MANY - 0.2), *given(MANY - 0.02)],
    "another network": lambda: flagged(Sum(), MANY, torch.arange(20) % 2),
    "a search inside": lambda: looked_at(Sum(before=searching), X, "image"),
    "`detach`, `no_grad`": lambda: [*flagged(Sum(before=torch.round)), *sloped(half)],
    "answers that depend on other": lambda: flagged(
        Sum(after=lambda z: z - z.mean(0) + 1e-3 * z)
    ),
    "16 bits": lambda: looked_at(Sum().bfloat16(), X.bfloat16(), "image"),
    "dead or saturated": lambda: layer_checks(subject(Silent()), LIMITS),
}  # fmt: skip
REFUSED = ("labels that are no classes",)


def rows() -> list[tuple[str, set[str], str]]:
    """Trap, names of the checks beside it, and the mend, as the page has them."""
    table = PAGE.read_text(encoding="utf-8").split("## Traps")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return [(trap, set(re.findall(r"`([a-z-]+)`", by)), mend) for trap, by, mend in lines[1:]]


def raised(checks: Iterable[Check]) -> dict[str, Check]:
    """The checks that count."""
    return {check.name: check for check in checks if check.raised}


@pytest.mark.parametrize("start", TRAPS)
def test_a_trap_is_found_by_the_check_beside_it_with_a_mend(start: str) -> None:
    (row,) = [row for row in rows() if row[0].startswith(start)]
    found = raised(TRAPS[start]())
    named = row[1] & set(found)
    assert named, (row, sorted(found))
    for name in named:
        assert found[name].why.endswith(".") and found[name].mend.endswith(".")
        assert found[name].mend.count(". ") == 0  # one line


def test_every_trap_of_the_page_is_here_or_refused() -> None:
    known = (*TRAPS, *REFUSED)
    missing = [trap for trap, _, mend in rows() if not trap.startswith(known) or not mend]
    assert not missing


def test_labels_that_are_no_classes_are_refused_before_any_attack() -> None:
    for y in (torch.full((4,), 0.5), torch.tensor([0, 1, 2, 1])):
        with pytest.raises(InputError):
            sp.diagnose(Sum(), X, y, threats="linf:0.05")
