"""What of a gradient flows through the reset and the leak, under any other gradient rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.base import SettingError
from spikeproof.neurons import Surrogate, gradient_flow
from spikeproof.oracle.gradient import (
    GradientEstimator,
    GradientRule,
    Question,
    averages,
    name_of,
    opened,
    passes,
    without_rules,
)
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["Backward"]

_RESETS: Mapping[str, float] = {"kept": 1.0, "detached": 0.0}
_LEAKS: Mapping[str, float] = {"kept": 1.0, "cut": 0.0}


@GRADIENTS.register("backward")
@dataclass(frozen=True, kw_only=True)
class Backward:
    r"""Choose what of a rule's gradient flows through the reset and through the leak.

    .. math::
        \frac{\partial u[t+1]}{\partial u[t]} := \ell\,\lambda\,\big(1 - s[t] - r\,u[t]\,h\big)
        \ \text{(hard)} \quad\text{or}\quad \ell\,\lambda\,(1 - r\,\theta\,h) \ \text{(soft)}

    :math:`h` is the surrogate derivative of the rule at :math:`u[t]`, r the share through the
    reset, :math:`\ell` that through the leak. Spikes and logits stay those of the network. Every
    neuron with a reset obeys; rules that do not run through time (BPTR, RGA, HART, conversion)
    and neurons without a reset have nothing to change. In a mixture each part may say its own, and
    of wrappers within one another the inner one decides.

    Args:
        gradient: How the gradient crosses the spikes; None is the network's own surrogates.
        reset: r: ``"kept"`` (1), ``"detached"`` (0), or a share in [0, 1]; None as each neuron
            says (its ``detach_reset``).
        leak: :math:`\ell`: ``"kept"`` (1), ``"cut"`` (0: nothing runs from one membrane to the
            next, temporal pruning), or a share in [0, 1]; None keeps it. Gradients through a
            synapse or the feedback of a recurrent layer stay.
    Raises:
        SettingError: another word, or a share outside [0, 1].
    Cost:
        The rule's.
    Example:
        >>> Backward(gradient=Surrogate("arctan", sharpness=5.0), reset="detached").name
        'arctan-5/detached'

    References:
        wang2025assg, hao2024hart
    """

    gradient: GradientRule | None = None
    reset: str | float | None = None
    leak: str | float | None = None

    def __post_init__(self) -> None:
        _share(self.reset, "reset", _RESETS)
        _share(self.leak, "leak", _LEAKS)

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(gradient=Surrogate("arctan", sharpness=5.0), reset="detached"),
            cls(gradient=HART(), reset=0.5, leak="cut"),
        )

    @property
    def averages(self) -> bool:
        """Whether the rule deals with a stochastic network itself."""
        return averages(self.gradient)

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        return passes(self.gradient)

    @property
    def name(self) -> str:
        """In one word."""
        parts = [name_of(self.gradient)]
        if (reset := _share(self.reset, "reset", _RESETS)) is not None:
            parts.append({1.0: "kept", 0.0: "detached"}.get(reset, f"reset-{reset:g}"))
        if (leak := _share(self.leak, "leak", _LEAKS)) is not None:
            parts.append({1.0: "leak-kept", 0.0: "leak-cut"}.get(leak, f"leak-{leak:g}"))
        return "/".join(parts)

    def without_rules(self) -> GradientRule | None:
        """What the rule amounts to where no layer obeys."""
        return without_rules(self.gradient)

    def open(self) -> _Flowing:
        """Begin an attack."""
        return _Flowing(
            opened(self.gradient),
            _share(self.reset, "reset", _RESETS),
            _share(self.leak, "leak", _LEAKS),
        )


def _share(value: str | float | None, name: str, words: Mapping[str, float]) -> float | None:
    """The share that a setting means."""
    if value is None:
        return None
    if isinstance(value, str):
        share = words.get(value)
    else:
        share = float(value) if 0 <= value <= 1 and not isinstance(value, bool) else None
    if share is None:
        said = " or ".join(repr(word) for word in words)
        raise SettingError(f"Backward.{name} must be {said}, or lie in [0, 1]; got {value!r}.")
    return share


@dataclass(frozen=True, eq=False)
class _Flowing:
    """A rule during an attack, within the scope of its shares."""

    inner: GradientEstimator
    reset: float | None
    leak: float | None

    def logits(self, question: Question) -> Tensor:
        """What the rule costs; no share changes an answer."""
        return self.inner.logits(question)

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """What the rule costs."""
        with gradient_flow(reset=self.reset, leak=self.leak) as scope:
            logits, grad = self.inner.logits_and_grad(question)
        question.view.ignored |= not scope.served
        return logits, grad
