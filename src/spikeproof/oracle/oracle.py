"""How an attacker sees a model: outputs, input gradients, and a count of what both cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, SettingError
from spikeproof.neurons import Surrogate, using

__all__ = ["Oracle", "Passes"]


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


class Oracle:
    """Answer an attacker's questions about a model, and leave the model as it was.

    Inside the ``with`` block every module is in evaluation mode, so batch statistics stay put; on
    the way out, also after an error, each module gets back the mode it had. The surrogate is
    passed along with each question and never written into the model.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``; any torch module.
        path: Surrogate the attacker uses; None uses the model's own.
    Raises:
        SettingError: used outside a ``with`` block.
        InputError: the model returns something other than finite ``(N, K)`` logits, or no finite
            gradient reaches the input.
    Cost:
        ``logits``: one forward pass per item; ``ascend``: one forward and one backward.
    Example:
        >>> model = torch.nn.Linear(2, 3)
        >>> with Oracle(model) as oracle:
        ...     logits, grad = oracle.ascend(torch.zeros(4, 2), lambda z: z[:, 0])
        >>> bool(torch.equal(grad[0], model.weight[0])), oracle.passes
        (True, Passes(forward=4, backward=4))
    """

    def __init__(self, model: nn.Module, path: Surrogate | None = None) -> None:
        self.model = model
        self.path = path
        self.passes = Passes()
        self._modes: list[tuple[nn.Module, bool]] | None = None

    def __enter__(self) -> Self:
        self._modes = [(module, module.training) for module in self.model.modules()]
        # Written directly: train() may be overridden, and must not be trusted to be undone.
        for module, _ in self._modes:
            module.training = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for module, training in self._modes or ():
            module.training = training
        self._modes = None

    def logits(self, x: Tensor) -> Tensor:
        """The model's outputs, ``(N, K)``, without a gradient."""
        with torch.no_grad():
            return self._ask(x.detach())

    def ascend(
        self, x: Tensor, score: Callable[[Tensor], Tensor], rows: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs ``(N, K)`` and the gradient of each item's score with respect to that item.

        Args:
            x: Inputs, ``(N, ...)``.
            score: Maps logits ``(N, K)`` to one number per item ``(N,)``, to be increased.
            rows: Which items of the attack these are, int64 ``(N,)``; all, in order, where absent.
                Paths that remember something of each item find it by this number.
        """
        x = x.detach().clone().requires_grad_(True)
        with torch.enable_grad(), using(self.path):
            logits = self._ask(x)
            value = score(logits).sum()
            grad = None
            if value.requires_grad:
                (grad,) = torch.autograd.grad(value, x, allow_unused=True)
            if grad is None:
                raise InputError(
                    "No gradient reaches the input: something in the model detaches it. Attack "
                    "through a differentiable path, or use an attack that asks for outputs only."
                )
        self.passes += Passes(backward=len(x))
        if not torch.isfinite(grad).all():
            bad = int((~torch.isfinite(grad)).flatten(1).any(1).nonzero()[0])
            raise InputError(
                f"The input gradient of item {bad} is not finite under path {self.path!r}; an "
                "attack would fail without a sign of it. Use another surrogate."
            )
        return logits.detach(), grad

    def _ask(self, x: Tensor) -> Tensor:
        """One counted, checked forward pass."""
        if self._modes is None:
            raise SettingError("Open the oracle first: `with Oracle(model) as oracle: ...`.")
        logits = self.model(x)
        self.passes += Passes(forward=len(x))
        if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(x):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise InputError(
                f"The model must return logits (N, K) for N = {len(x)} items; got {got}. "
                "Reduce the time axis inside the model."
            )
        if not torch.isfinite(logits).all():
            raise InputError(
                "The model returned logits that are not finite; a NaN would be scored as a broken "
                "item. Check the weights and the input range."
            )
        return logits
