"""The binarisation test: does the attack find an adversarial input that is known to be there?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import Member
from spikeproof.base import Seeds, computing
from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.models import evaluating, home_of
from spikeproof.neurons import drawing
from spikeproof.oracle import Passes, prediction_seeds
from spikeproof.threats import Threat

__all__ = ["PLANTED", "Headed", "features", "planted_check", "separating"]

PLANTED = Inquiry(
    name="binarisation",
    weight="hint",
    symptom=True,
    below=True,
    why="Behind the same features stands a head of two classes for which an adversarial input is "
    "known to lie in the ball; an attack that misses it proves nothing by what it misses.",
    settles="The same test with a stronger attack, until it finds what was planted.",
    mend="Use an attack that passes this test before stating robust accuracy.",
)
_ITEMS, _INNER, _SHRINK = 24, 48, 0.5
_FEWEST = 8


class Headed(nn.Module):
    """A network with its last linear layer exchanged for one head of two classes per item.

    Args:
        model: The network.
        last: Its last linear layer.
        weight: One direction per item, ``(N, F)``.
        bias: ``(N,)``.
    """

    def __init__(self, model: nn.Module, last: nn.Linear, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.model = model
        self.last = last
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, 2)``: 0 for inside, 1 for the planted point."""
        z = (features(self.model, self.last, x) * self.weight[: len(x)]).sum(1)
        z = z + self.bias[: len(x)]
        return torch.stack([-z, z], 1)


def planted_check(
    subject: Subject, threat: Threat, member: Member, thresholds: Thresholds
) -> Check:
    """Return whether the attack finds points that were planted in the ball.

    For every item a head is put behind the features of the network that tells points well inside
    the ball (half the radius) from one random point of full length. That one is adversarial by
    construction, and the attack has to find one.

    Args:
        subject: Network and right items; the first 24 are looked at.
        threat: Its ball.
        member: The attack.
        thresholds: Where the check begins to count.
    Cost:
        49 forward passes per item, and the attack.
    References:
        zimmermann2022confidence
    """
    few = torch.arange(min(_ITEMS, len(subject)))
    part = replace(subject, x=subject.x[few], y=subject.y[few], items=subject.items[few])
    last = _last_linear(part)
    if last is None:
        return PLANTED.not_made("The network does not end in a linear layer to be exchanged.")
    with evaluating(part.model), torch.no_grad(), computing(home_of(part.model)):
        weight, bias, apart = _heads(part, threat, last)
    subject.spend(Passes(forward=part.passes.forward - subject.passes.forward))
    which = apart.nonzero().flatten()
    if len(which) < _FEWEST:
        return PLANTED.not_made(
            f"Features of the network tell the planted point apart on {len(which)} of {len(few)} "
            f"items; {_FEWEST} are needed."
        )
    headed = Headed(part.model, last, weight[which], bias[which])
    chosen = Subject(
        model=headed, x=part.x[which], y=torch.zeros(len(which), dtype=torch.int64),
        items=part.items[which], seed=part.seed, size=part.size,
        random=part.random, rules=part.rules,
    )  # fmt: skip
    found = _together(chosen, _unstopped(member), threat)
    subject.spend(chosen.passes)
    if found is None:
        return PLANTED.not_made("The attack does not keep its items together in one batch.")
    return PLANTED.found(
        found,
        f"The attack finds the planted adversarial input of {100 * found:.0f} % of {len(which)} "
        "items.",
        thresholds,
    )


def separating(inner: Tensor, planted: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Return a head that tells one point from many, and whether it does.

    The direction of least ridge-regularised squares, with the bias halfway between the planted
    point and the nearest other one.

    Args:
        inner: Features of the many, ``(M, F)``.
        planted: Features of the one, ``(F,)``.
    Example:
        >>> inner = torch.tensor([[0.0, 0.0], [0.0, 1.0]])
        >>> weight, bias, apart = separating(inner, torch.tensor([1.0, 0.5]))
        >>> apart, bool((inner @ weight + bias < 0).all()), float(weight[0]) > 0
        (True, True, True)
    """
    middle = inner.mean(0)
    spread = (inner - middle).T @ (inner - middle) / len(inner)
    ridge = (
        1e-3
        * spread.diagonal().mean().clamp(min=1e-12)
        * torch.eye(len(middle), dtype=inner.dtype, device=inner.device)
    )
    weight = torch.linalg.solve(spread + ridge, planted - middle)
    weight = weight / weight.norm().clamp(min=1e-12)
    nearest, there = float((inner @ weight).max()), float(planted @ weight)
    bias = torch.as_tensor(-(nearest + there) / 2, dtype=inner.dtype, device=inner.device)
    return weight, bias, there - nearest > 1e-6 * max(1.0, abs(there))


def features(model: nn.Module, last: nn.Linear, x: Tensor) -> Tensor:
    """What reaches the last linear layer, the mean over time steps and calls, ``(N, F)``."""
    with _heard(last) as heard:
        model(x)
    return torch.stack([_per_item(each, len(x)) for each in heard]).mean(0)


@contextmanager
def _heard(last: nn.Linear) -> Iterator[list[Tensor]]:
    """Everything that a layer is given inside."""
    heard: list[Tensor] = []
    handle = last.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    try:
        yield heard
    finally:
        handle.remove()


def _per_item(given: Tensor, n: int) -> Tensor:
    """Features of N items, from ``(N, F)``, ``(T, N, F)``, ``(N, T, F)`` or ``(T * N, F)``."""
    if given.ndim == 2:
        return given.view(-1, n, given.shape[1]).mean(0)
    return given.mean(0 if given.shape[1] == n else 1)


def _last_linear(subject: Subject) -> nn.Linear | None:
    """The linear layer that is called last, if its width is the number of classes."""
    order: list[nn.Linear] = []
    handles = [
        module.register_forward_pre_hook(lambda m, _: order.append(m))
        for module in subject.model.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        classes = subject.logits(subject.x).shape[1]
    finally:
        for handle in handles:
            handle.remove()
    return order[-1] if order and order[-1].out_features == classes else None


def _heads(subject: Subject, threat: Threat, last: nn.Linear) -> tuple[Tensor, Tensor, Tensor]:
    """One head per item, and which of them tell the planted point apart."""
    x, keys = subject.x, subject.keys("planted")
    home, half = home_of(subject.model), threat.at(_inner_radius(threat))
    points = [half.sample(x, keys.child("inner", number)) for number in range(_INNER)]
    points.append(threat.project(x + _outer(threat, x, keys), x))
    seen = []
    for point in points:
        with drawing(prediction_seeds(subject.items)):
            seen.append(features(subject.model, last, point.to(home)).double())
        subject.spend(Passes(forward=len(x)))
    stack = torch.stack(seen, 1)
    heads = [separating(each[:-1], each[-1]) for each in stack]
    weight = torch.stack([head[0] for head in heads]).to(x.dtype)
    bias = torch.stack([head[1] for head in heads]).to(x.dtype)
    return weight, bias, torch.tensor([head[2] for head in heads])


def _inner_radius(threat: Threat) -> float:
    """Half the radius, or the largest smaller count."""
    half = _SHRINK * threat.radius
    return max(1.0, float(int(half))) if threat.counted else half


def _outer(threat: Threat, x: Tensor, keys: Seeds) -> Tensor:
    """A random change of full length: the steepest step along a random direction."""
    direction = keys.child("outer").normal(x.shape[1:], x.dtype)
    return threat.step(direction, x, x)


def _unstopped(member: Member) -> Member:
    """The same attack, going on with items that are won: heads belong to rows."""
    attack = member.attack
    if is_dataclass(attack) and "stop" in {field.name for field in fields(attack)}:
        return replace(member, attack=replace(attack, stop=False))
    return member


def _together(subject: Subject, member: Member, threat: Threat) -> float | None:
    """The share of planted points that the attack finds; None if it splits its batch."""
    n = len(subject)
    if subject.size.rows < n:
        return None
    whole = _Whole(subject.model, n)
    try:
        ran = replace(subject, model=whole).attacked(member, threat)
    except _Split:
        return None
    return float(ran.won.double().mean())


class _Split(RuntimeError):
    """A part of the items was asked about alone."""


class _Whole(nn.Module):
    """A network that answers all its items or none."""

    def __init__(self, model: nn.Module, n: int) -> None:
        super().__init__()
        self.model, self.n = model, n

    def forward(self, x: Tensor) -> Tensor:
        """Its answer."""
        if len(x) != self.n:
            raise _Split
        answer: Tensor = self.model(x)
        return answer
