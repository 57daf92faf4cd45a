"""What of a gradient rule is left on a network of others, whose layers may not obey all of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import seeds
from spikeproof.models import evaluating
from spikeproof.oracle.gradient import GradientRule, Question, name_of, opened, without_rules
from spikeproof.oracle.gradients.backward import Backward
from spikeproof.oracle.view import ModelView

__all__ = ["Obedience"]


class Obedience:
    """Reduces gradient rules to what an adapted network obeys; each rule is tried once.

    Args:
        model: The network; its ``reading.resets`` says what can be chosen of its reset.
        x: Any legal inputs; the first is looked at.
    Cost:
        A forward and a backward pass of a single item for each rule that is not a surrogate.
    """

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model = model
        self.x = x[:1]
        self._known: dict[str, bool] = {}

    def reduced(self, gradient: GradientRule | None) -> GradientRule | None:
        """The rule without what changes nothing; None is the network's own gradient."""
        if gradient is None:
            return None
        if isinstance(gradient, Backward):
            return self._flow(gradient)
        if is_dataclass(gradient):
            held = {field.name for field in fields(gradient)}
            if "gradient" in held:
                wrapped: Any = gradient
                whole: GradientRule = replace(wrapped, gradient=self.reduced(wrapped.gradient))
                return whole
            if "gradients" in held:
                parts: Any = gradient
                each = [self.reduced(one) for one in parts.gradients]
                return gradient if any(each) else without_rules(gradient)
        left = without_rules(gradient)
        return gradient if left is not None or self._obeyed(gradient) else None

    def _flow(self, gradient: Backward) -> GradientRule | None:
        """What is chosen of reset and leak, where there is a choice."""
        inner = self.reduced(gradient.gradient)
        words = {1.0: "kept", 0.0: "detached"}
        reset = (
            gradient.reset if isinstance(gradient.reset, str) else words.get(gradient.reset or -1)
        )
        choice: Any = getattr(self.model, "reading", None)
        if reset is None or choice is None or len(choice.resets) < 2:
            return inner
        return Backward(gradient=inner, reset=reset)

    def _obeyed(self, gradient: GradientRule) -> bool:
        """Whether any spike takes the gradient of a rule."""
        name = f"{name_of(gradient)} {gradient!r}"
        if name not in self._known:
            view, keys = ModelView(self.model), seeds(0, n=len(self.x))
            question = Question(
                view=view,
                x=self.x,
                score=lambda logits: logits.amax(1),
                idx=torch.arange(len(self.x)),
                keys=keys,
                draws=lambda: keys,
            )
            with evaluating(self.model):
                opened(gradient).logits_and_grad(question)
            self._known[name] = not view.ignored
        return self._known[name]
