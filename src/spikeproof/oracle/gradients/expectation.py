"""Gradient rules for stochastic networks: the mean over fresh or fixed draws, or no draw at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor

from spikeproof.base import check_count
from spikeproof.neurons import averaging
from spikeproof.oracle.gradient import (
    GradientEstimator,
    GradientRule,
    Question,
    name_of,
    opened,
    passes,
    without_rules,
)
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["CommonRandomNumbers", "Expectation", "ExpectedNetwork"]


@dataclass(frozen=True, kw_only=True)
class _Sampled(ABC):
    """An average over several draws; which draws, a subclass says in ``_samples``."""

    averages: ClassVar[bool] = True
    renamed: ClassVar[Mapping[str, str]] = {"path": "gradient"}

    samples: int
    gradient: GradientRule | None = None

    def __post_init__(self) -> None:
        check_count(self, "samples")

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        forward, backward = passes(self.gradient)
        return self.samples * forward, self.samples * backward

    def without_rules(self) -> Self:
        """The same average, of the network's own gradients."""
        return replace(self, gradient=without_rules(self.gradient))

    def open(self) -> _Averaged:
        """Begin an attack."""
        return _Averaged(opened(self.gradient), self._samples)

    @abstractmethod
    def _samples(self, question: Question) -> Iterator[Question]:
        """The question with each of the draws."""


@GRADIENTS.register("expectation")
@dataclass(frozen=True, kw_only=True)
class Expectation(_Sampled):
    r"""Average gradients and logits over fresh draws of the network (EOT).

    .. math:: g = \frac1n \sum_{k=1}^{n} \nabla_x\, m(f(x; \xi_k))

    Every sample has draws of its own for every item, and so has every question. Logits are the
    mean over the same draws, also where no gradient is asked for.

    Args:
        samples: :math:`n`, at least 1.
        gradient: How each gradient crosses the spikes; None is the network's own surrogates.
    Raises:
        SettingError: less than one sample.
    Cost:
        ``samples`` times the rule's; ``samples`` forward passes where only logits are asked
        for. A deterministic network pays the same and gains nothing.
    Differs from the paper:
        Gradients of the score are averaged, not attacks: published code that runs the attack
        once per draw and keeps the last one averages nothing.
    Example:
        >>> Expectation(samples=20).name
        'expectation-20(own)'

    References:
        athalye2018eot, athalye2018
    """

    samples: int = 10

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(samples=3),
            cls(samples=2, gradient=HART()),
        )

    @property
    def name(self) -> str:
        """In one word."""
        return f"expectation-{self.samples}({name_of(self.gradient)})"

    def _samples(self, question: Question) -> Iterator[Question]:
        """The same question, with other draws each time."""
        for k in range(self.samples):
            draw_keys = question.seeds.child("sample", k)
            yield question.drawn(draw_keys, first=k == 0)


@GRADIENTS.register("common_random_numbers")
@dataclass(frozen=True, kw_only=True)
class CommonRandomNumbers(_Sampled):
    r"""Average over a few draws that stay the same at every question.

    The attacker sees one deterministic network, the mean over these draws. With the keys by which
    an evaluation judges, ``seeds(0, items=...)``, they are the very draws of its first ``samples``
    predictions (see ``prediction_seeds``).

    Args:
        samples: How many draws, at least 1.
        gradient: How each gradient crosses the spikes; None is the network's own surrogates.
    Raises:
        SettingError: less than one sample.
    Cost:
        ``samples`` times the rule's; ``samples`` forward passes where only logits are asked
        for.
    Example:
        >>> CommonRandomNumbers().name
        'replay-1(own)'

    References:
        athalye2018
    """

    samples: int = 1

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(samples=2, gradient=HART()),)

    @property
    def name(self) -> str:
        """In one word."""
        return f"replay-{self.samples}({name_of(self.gradient)})"

    def _samples(self, question: Question) -> Iterator[Question]:
        """The same question, with the draws of every other one."""
        for k in range(self.samples):
            draw_keys = question.keys.child("prediction", k)
            yield question.drawn(draw_keys, first=k == 0)


@GRADIENTS.register("expected_network")
@dataclass(frozen=True, kw_only=True)
class ExpectedNetwork:
    r"""Ascend through the deterministic network in which every draw is replaced by its expectation.

    Poisson spikes become the probabilities, noise on membranes becomes zero. Gradient and score
    are those of that network; the logits are those of the true one.

    Args:
        gradient: How the gradient crosses the spikes; None is the network's own surrogates.
    Cost:
        One forward pass more than the rule's.
    Differs from the paper:
        Only draws made through ``spikeproof.neurons`` are replaced; others are left as they are.
    Example:
        >>> ExpectedNetwork().name
        'mean(own)'

    References:
        athalye2018
    """

    averages: ClassVar[bool] = True
    renamed: ClassVar[Mapping[str, str]] = {"path": "gradient"}

    gradient: GradientRule | None = None

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (cls(gradient=HART()),)

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        forward, backward = passes(self.gradient)
        return forward + 1, backward

    @property
    def name(self) -> str:
        """In one word."""
        return f"mean({name_of(self.gradient)})"

    def without_rules(self) -> ExpectedNetwork:
        """The same average, of the network's own gradients."""
        return replace(self, gradient=without_rules(self.gradient))

    def open(self) -> _Expected:
        """Begin an attack."""
        return _Expected(opened(self.gradient))


@dataclass(frozen=True, eq=False)
class _Averaged:
    """A rule asked several times, with the draws that ``samples`` gives."""

    inner: GradientEstimator
    samples: Callable[[Question], Iterator[Question]]

    def logits(self, question: Question) -> Tensor:
        """The mean answer."""
        return _mean([self.inner.logits(each) for each in self.samples(question)])

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """The mean answer and the mean gradient."""
        pairs = [self.inner.logits_and_grad(each) for each in self.samples(question)]
        return _mean([logits for logits, _ in pairs]), _mean([grad for _, grad in pairs])


def _mean(parts: list[Tensor]) -> Tensor:
    """The mean, which of equal tensors is that tensor to the last bit."""
    total = sum(part - parts[0] for part in parts[1:])
    return parts[0] + total / len(parts)


@dataclass(frozen=True, eq=False)
class _Expected:
    """A rule through the expected network."""

    inner: GradientEstimator

    def logits(self, question: Question) -> Tensor:
        """One forward pass of the true network."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """One forward pass of the true network, and the rule's passes of the expected one."""
        logits = question.logits()
        with averaging():
            return logits, self.inner.logits_and_grad(question)[1]
