"""The model as an attacker's question meets it: one checked pass at a time, and the bill."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, Seeds, check_gradients
from spikeproof.models import check_logits, input_gradients_only, is_compiled
from spikeproof.neurons import Rule, Surrogate, drawing, gradient_rule

__all__ = ["ModelView", "Passes"]


@dataclass(frozen=True)
class Passes:
    """What an attack used, in passes of single items.

    Args:
        forward: Items sent through the model.
        backward: Items whose input gradient was taken.
    """

    forward: int = 0
    backward: int = 0

    def __add__(self, other: Passes) -> Passes:
        """The sum of two bills."""
        return Passes(self.forward + other.forward, self.backward + other.backward)


class ModelView:
    """Counted and checked passes through a model; it is the oracle that opens and closes it.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.passes = Passes()
        self._weights: list[Tensor] | None = None
        self._compiled = False
        self.ignored = False  # whether a pass was made under a rule that no layer obeyed

    def forward(
        self, x: Tensor, seeds: Callable[[], Seeds], rule: Surrogate | Rule | None = None
    ) -> Tensor:
        """Logits ``(N, K)``, with the draws of these keys and the gradient of this rule."""
        frugal = self._frugal() if x.requires_grad else nullcontext()
        with gradient_rule(rule) as scope, drawing(seeds), frugal:
            logits = self.model(x)
        self.ignored |= rule is not None and not scope.served
        self.passes += Passes(forward=len(x))
        return check_logits(logits, len(x))

    def _frugal(self) -> AbstractContextManager[Any]:
        """A scope in which gradients go to the input only, where there can be gradients at all."""
        if self._weights is None:  # a walk through all modules: once, not at every question
            self._weights = list(self.model.parameters())
            self._compiled = is_compiled(self.model)
        check_gradients("An attack", self._weights)
        return input_gradients_only(self.model, compiled=self._compiled)

    def backward(self, value: Tensor, x: Tensor) -> Tensor:
        """The gradient of a sum over items with respect to ``x``, ``(N, ...)``."""
        grad = None
        if value.requires_grad:
            (grad,) = torch.autograd.grad(value, x, allow_unused=True)
        if grad is None:
            raise InputError(
                "No gradient reaches the input: something in the model detaches it. Attack "
                "through a differentiable rule, or use an attack that asks for outputs only."
            )
        self.passes += Passes(backward=len(x))
        return grad
