"""How an attacker sees a model: outputs, input gradients, and a count of what both cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from spikeproof.base import (
    GradientRuleUnused,
    InputError,
    Seeds,
    SettingError,
    all_finite,
    seeds,
)
from spikeproof.models import evaluating
from spikeproof.oracle.convergence import Trend
from spikeproof.oracle.gradient import GradientEstimator, GradientRule, Question, name_of, opened
from spikeproof.oracle.known import Known
from spikeproof.oracle.view import ModelView, Passes

__all__ = ["Oracle"]


class Oracle:
    """Answer an attacker's questions about a model, and leave the model as it was.

    Inside the ``with`` block every module is in evaluation mode, so batch statistics stay put; on
    the way out, also after an error, each module gets back the mode it had. The rule is passed
    along with each question and never written into the model; what it remembers of the items is
    forgotten when the oracle is opened again.

    Stochastic networks (Poisson coding, noisy neurons) draw anew at every question. A draw belongs
    to the item and to how often it was asked about, so neither the batch nor its order matters.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``; any torch module.
        gradient: How the attacker's gradient crosses a spike: a surrogate, or any of ``GRADIENTS``;
            None uses the model's own surrogates.
        seeds: One key per item of the attack, for whatever the model or the rule draws; the keys
            of ``seeds(0)`` where absent.
        known: A batch whose outputs are asked for once at most, of a model that does not draw.
    Warns:
        GradientRuleUnused: once, where no layer of the model obeys the gradient rule.
    Raises:
        SettingError: used outside a ``with`` block.
        InputError: the model returns something other than finite ``(N, K)`` logits, or no finite
            gradient reaches the input.
    Cost:
        ``logits``: one forward pass per item; ``logits_and_grad``: one forward and one backward.
        Paths that say so cost more.
    Example:
        >>> model = torch.nn.Linear(2, 3)
        >>> with Oracle(model) as oracle:
        ...     logits, grad = oracle.logits_and_grad(torch.zeros(4, 2), lambda z: z[:, 0])
        >>> bool(torch.equal(grad[0], model.weight[0])), oracle.passes
        (True, Passes(forward=4, backward=4))
    """

    def __init__(
        self,
        model: nn.Module,
        gradient: GradientRule | None = None,
        seeds: Seeds | None = None,
        *,
        known: Known | None = None,
    ) -> None:
        self.model = model
        self.gradient = gradient
        self.seeds = seeds
        self._view = ModelView(model)
        self._scopes = ExitStack()
        self._known = known
        self._estimator: GradientEstimator | None = None
        self._trend = Trend()
        self._asked = _Asked()
        self._idx: Tensor | None = None

    @property
    def passes(self) -> Passes:
        """What was spent so far."""
        return self._view.passes

    def __enter__(self) -> Self:
        self._estimator = opened(self.gradient)
        self._trend = Trend()
        self._asked = _Asked()
        self._scopes.enter_context(evaluating(self.model))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._scopes.close()
        self._estimator = None

    def logits(self, x: Tensor, idx: Tensor | None = None) -> Tensor:
        """The model's outputs, ``(N, K)``, without a gradient.

        Args:
            x: Inputs, ``(N, ...)``.
            idx: Which items of the attack these are, as in ``logits_and_grad``.
        """
        ascent, question = self._question(x, _nothing, idx)
        if self._known is None or not self._known.about(x):
            return ascent.logits(question)
        if self._known.logits is None:
            self._known.logits = ascent.logits(question)
        return self._known.logits.clone()

    def logits_and_grad(
        self, x: Tensor, score: Callable[[Tensor], Tensor], idx: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs ``(N, K)`` and the gradient of each item's score with respect to that item.

        Args:
            x: Inputs, ``(N, ...)``.
            score: Maps logits ``(N, K)`` to one number per item ``(N,)``, to be increased.
            idx: Which items of the attack these are, int64 ``(N,)``; all, in order, where absent.
                Draws, and rules that remember something of each item, find it by this number.
        """
        seen: list[Tensor] = []

        def noted(logits: Tensor) -> Tensor:
            seen.append(score(logits))
            return seen[-1]

        # In the common case, one rule in every layer or each layer's own surrogate, what follows is
        #     x.requires_grad_(True)
        #     with gradient_rule(rule), drawing(keys):
        #         logits = model(x)
        #     (grad,) = torch.autograd.grad(score(logits).sum(), x)
        # checked and counted (View). Items do not mix in evaluation mode, so the gradient of the
        # sum is each item's own. Other gradients ask this several times, or remember: gradients/.
        ascent, question = self._question(x, noted, idx)
        warned = self._view.ignored
        logits, grad = ascent.logits_and_grad(question)
        if self._view.ignored and not warned:
            warnings.warn(self._unused(), GradientRuleUnused, stacklevel=2)
        if not all_finite(grad):
            bad = int((~torch.isfinite(grad)).flatten(1).any(1).nonzero()[0])
            raise InputError(
                f"The input gradient of item {bad} is not finite under {self.gradient!r}; an "
                "attack would fail without a sign of it. Use another rule."
            )
        # A rule that takes several samples has taken the score of each.
        self._trend.note(question.idx, torch.stack(seen).detach().mean(0))
        return logits, grad

    def subset(self, idx: Tensor) -> Oracle:
        """The same open oracle for an attack on some of the items only, numbered anew from 0.

        Draws, and what rules remember, stay those of the items.

        Args:
            idx: Which items, int64 ``(M,)``.
        """
        part = copy(self)
        part._idx = self._positions(len(idx), idx)
        return part

    def reset_memory(self) -> Oracle:
        """The same open oracle for another run on the same items.

        What its rule remembers of them is forgotten; draws go on, so the run meets others.
        """
        part = copy(self)
        part._estimator = None if self._estimator is None else opened(self.gradient)
        return part

    def not_converged(self, n: int) -> Tensor:
        """Which of the items 0 to n - 1 were still gaining when last asked about, bool ``(n,)``.

        See ``Trend`` for the criterion.
        """
        return self._trend.not_converged(n)

    def _unused(self) -> str:
        """The sentence about a rule that nothing obeys."""
        return (
            f"No layer of {type(self.model).__name__} obeys the gradient rule "
            f"{name_of(self.gradient)!r}, so the attack takes its own gradient: neurons of "
            "spikeproof.neurons obey every rule, those of an adapted network the ones that its "
            "reading says. Leave the rule out, or attack spikeproof.adapt(model)."
        )

    def _question(
        self, x: Tensor, score: Callable[[Tensor], Tensor], idx: Tensor | None
    ) -> tuple[GradientEstimator, Question]:
        """The open gradient rule, and what it is asked."""
        if self._estimator is None:
            raise SettingError("Open the oracle first: `with Oracle(model) as oracle: ...`.")
        idx = self._positions(len(x), idx)
        last = int(idx.max()) + 1 if len(idx) else 0
        if len(idx) != len(x) or (self.seeds is not None and last > len(self.seeds)):
            known = "" if self.seeds is None else f" and {len(self.seeds)} seeds"
            raise InputError(
                f"Got {len(x)} items, {len(idx)} positions, the largest {last - 1}{known}; each "
                "item needs a position, and each position a seed."
            )
        keys = seeds(0, items=idx) if self.seeds is None else self.seeds[idx]
        number = self._asked.next(idx)
        question = Question(
            view=self._view,
            x=x.detach(),
            score=score,
            idx=idx,
            keys=keys,
            draws=lambda: keys.at(number),
        )
        return self._estimator, question

    def _positions(self, n: int, idx: Tensor | None) -> Tensor:
        """Positions of ``n`` items within the whole attack, int64 ``(n,)``."""
        if idx is None:
            return torch.arange(n) if self._idx is None else self._idx
        idx = idx.detach().cpu()
        return idx if self._idx is None else self._idx[idx]


class _Asked:
    """How often each item was asked about."""

    def __init__(self) -> None:
        self._times = torch.zeros(0, dtype=torch.int64)

    def next(self, idx: Tensor) -> Tensor:
        """How often these items were asked about so far, int64 ``(N,)``; counts one more."""
        more = (int(idx.max()) + 1 if len(idx) else 0) - len(self._times)
        if more > 0:
            self._times = torch.cat([self._times, torch.zeros(more, dtype=torch.int64)])
        number = self._times[idx]
        self._times[idx] = number + 1
        return number


def _nothing(logits: Tensor) -> Tensor:
    """The score of a question that asks for outputs only."""
    return logits.new_zeros(len(logits))
