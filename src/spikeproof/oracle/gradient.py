"""Gradient rules: how an attacker's gradient crosses the spikes of a network.

A gradient rule is a setting, frozen and without state. Most are rules: they say what one spiking
layer hands back, and nothing else. Those that remember something, or ask the network several times,
are opened with the oracle and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from spikeproof.base import Seeds
from spikeproof.neurons import Rule, Surrogate
from spikeproof.oracle.view import ModelView

__all__ = [
    "GradientEstimator",
    "GradientRule",
    "Openable",
    "Question",
    "Through",
    "averages",
    "name_of",
    "opened",
    "passes",
    "passes_of_all",
    "without_rules",
]


@dataclass(frozen=True, eq=False, kw_only=True)
class Question:
    """What an attacker asks about some items.

    Args:
        view: The model.
        x: Where, ``(N, ...)``, detached.
        score: What is maximised, from logits ``(N, K)`` to one number per item ``(N,)``.
        idx: Positions of the items within the attack, int64 ``(N,)``.
        keys: One key per item, the same at every question.
        draws: Makes one key per item, another at every question about it; asked only by networks
            and rules that draw.
        first: Whether this is the first of several samples of one gradient.
    """

    view: ModelView
    x: Tensor
    score: Callable[[Tensor], Tensor]
    idx: Tensor
    keys: Seeds
    draws: Callable[[], Seeds]
    first: bool = True

    @property
    def seeds(self) -> Seeds:
        """One key per item, another at every question about it."""
        return self.draws()

    def drawn(self, seeds: Seeds, *, first: bool = True) -> Question:
        """The same question with these draws; ``first`` says whether this sample may be first."""
        return replace(self, draws=lambda: seeds, first=self.first and first)

    def logits(self) -> Tensor:
        """The network's own answer, without a gradient: one forward pass."""
        with torch.no_grad():
            return self.view.forward(self.x, self.draws)

    def logits_and_grad(
        self, rule: Surrogate | Rule | None, seen: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Logits and gradient under a rule: one forward and one backward pass.

        Args:
            rule: In force in every spiking layer.
            seen: Logits at which the score is taken, where not those of this pass.
        """
        x = self.x.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            logits = self.view.forward(x, self.draws, rule)
            at = logits if seen is None else logits + (seen - logits).detach()
            grad = self.view.backward(self.score(at).sum(), x)
        return logits.detach(), grad


class GradientEstimator(Protocol):
    """An open gradient rule, with whatever it remembers of the items of one attack."""

    def logits(self, question: Question) -> Tensor:
        """The answer of the true network, ``(N, K)``."""
        ...

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """The same answer, and the gradient of the score, ``(N, ...)``."""
        ...


@runtime_checkable
class Openable(Protocol):
    """A gradient rule that is more than a rule for one layer."""

    def open(self) -> GradientEstimator:
        """Begin an attack that remembers nothing yet."""
        ...


GradientRule: TypeAlias = Surrogate | Rule | Openable
"""How a gradient crosses the spikes. A class may say two more things of itself: ``passes``, its
forward and backward passes per item and question where they are not one and one, and in a
classmethod ``examples()`` the settings that the contracts try."""


class Through:
    """One rule in every layer: the gradient costs one forward and one backward pass.

    Args:
        rule: None takes each layer's own surrogate.
    """

    def __init__(self, rule: Surrogate | Rule | None = None) -> None:
        self.rule = rule

    def logits(self, question: Question) -> Tensor:
        """One forward pass."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """One forward and one backward pass."""
        return question.logits_and_grad(self.rule)


def opened(gradient: GradientRule | None) -> GradientEstimator:
    """Begin an attack through a gradient rule; None is the network's own surrogates."""
    return gradient.open() if isinstance(gradient, Openable) else Through(gradient)


def name_of(gradient: GradientRule | None) -> str:
    """A gradient rule in one word, for tables.

    Example:
        >>> name_of(None), name_of(Surrogate("arctan", sharpness=5.0))
        ('own', 'arctan-5')
    """
    if gradient is None:
        return "own"
    if isinstance(gradient, Surrogate):
        return f"{gradient.shape}-{gradient.sharpness:g}"
    return str(getattr(gradient, "name", type(gradient).__name__.lower()))


def without_rules(gradient: GradientRule | None) -> GradientRule | None:
    """What a gradient amounts to on a network in which no layer obeys a rule; None is its own
    gradient.

    A rule for layers amounts to nothing there. A gradient that is more than that answers by a
    method of this name; without one it stays what it is.

    Example:
        >>> from spikeproof.oracle import BPTR, Expectation, Smoothing
        >>> without_rules(BPTR()), without_rules(Expectation(samples=2, gradient=BPTR())).gradient
        (None, None)
        >>> without_rules(Smoothing(pairs=3))
        Smoothing(pairs=3, noise=0.01)
    """
    if not isinstance(gradient, Openable):
        return None
    reduce = getattr(gradient, "without_rules", None)
    if reduce is None:
        return gradient
    reduced: GradientRule | None = reduce()
    return reduced


def averages(gradient: GradientRule | None) -> bool:
    """Whether a gradient rule itself deals with a stochastic network (its ``averages``)."""
    return bool(getattr(gradient, "averages", False))


def passes(gradient: GradientRule | None) -> tuple[int, int]:
    """Forward and backward passes per item and question; a rule for a layer takes one of each.

    Example:
        >>> passes(Surrogate())
        (1, 1)
    """
    counted: tuple[int, int] = getattr(gradient, "passes", (1, 1))
    return counted


def passes_of_all(gradients: Sequence[GradientRule]) -> tuple[int, int]:
    """Forward and backward passes per item and question of rules that are asked one by one.

    Example:
        >>> passes_of_all((Surrogate(), Surrogate()))
        (2, 2)
    """
    each = [passes(gradient) for gradient in gradients]
    return sum(forward for forward, _ in each), sum(backward for _, backward in each)
