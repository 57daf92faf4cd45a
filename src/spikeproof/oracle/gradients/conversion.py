"""The gradient of the network with activations in the place of its neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.base import check_count, check_one_of
from spikeproof.neurons import Firing
from spikeproof.oracle.gradient import Question
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["Conversion"]


@GRADIENTS.register("conversion")
@dataclass(frozen=True, kw_only=True)
class Conversion:
    r"""Ascend through the converted network: the same weights, and an activation for every neuron.

    .. math::
        a[t] = \max(0, x[t]) \ \text{(relu)} \quad\text{or}\quad
        a[t] = \tfrac1L \big\lfloor L \min(\max(x[t], 0), 1) + \tfrac12 \big\rfloor \ \text{(qcfs)},
        \qquad x[t] = I[t] / \theta

    The floor passes the gradient straight through inside [0, 1]. Logits are those of the spiking
    network, and the score is taken at them; its gradient then runs through the converted one.

    Args:
        activation: ``"relu"`` or ``"qcfs"`` (quantised, clipped).
        levels: :math:`L`, at least 1; matters for ``"qcfs"`` only.
    Raises:
        SettingError: an unknown activation, less than one level.
    Cost:
        Two forward passes and one backward.
    Differs from the paper:
        The paper attacks the converted network and transfers what it finds; here every step looks
        at the spiking network's own logits. Steps of an input that changes over time are converted
        one by one. Currents are counted in thresholds, behind gain and synapse.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking
        >>> from spikeproof.oracle import Oracle
        >>> class Net(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.spikes = Spiking(LIF())
        ...     def forward(self, x):
        ...         return self.spikes(x.expand(4, *x.shape)).mean(0)
        >>> with Oracle(Net(), gradient=Conversion()) as oracle:
        ...     logits, grad = oracle.logits_and_grad(torch.tensor([[0.75, -0.5]]),
        ...     lambda z: z.sum(1))
        >>> logits.tolist(), grad.tolist()
        ([[0.5, 0.0]], [[1.0, 0.0]])

    References:
        ozdenizci2024, bu2022qcfs
    """

    activation: str = "relu"
    levels: int = 8

    def __post_init__(self) -> None:
        check_one_of(self.activation, ("relu", "qcfs"), "Conversion.activation")
        check_count(self, "levels")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(activation="qcfs", levels=4),
        )

    @property
    def passes(self) -> tuple[int, int]:
        """Forward and backward passes per item and question."""
        return 2, 1

    @property
    def name(self) -> str:
        """In one word."""
        return f"conversion-{self.activation}"

    def without_rules(self) -> None:
        """Nothing is left of it where no layer obeys."""
        return

    def open(self) -> _Converted:
        """Begin an attack."""
        return _Converted(self)

    def __call__(self, firing: Firing) -> Tensor:
        """Activations of one layer in the place of its spikes."""
        if self.activation == "relu":
            return firing.drive.clamp_min(0)
        clipped = firing.drive.clamp(0, 1)
        level = (self.levels * clipped.detach() + 0.5).floor() / self.levels
        return level + (clipped - clipped.detach())


@dataclass(frozen=True, eq=False)
class _Converted:
    """Conversion during an attack; it remembers nothing."""

    rule: Conversion

    def logits(self, question: Question) -> Tensor:
        """One forward pass of the spiking network."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """One pass of the spiking network; one forward and one backward of the converted one."""
        logits = question.logits()
        return logits, question.logits_and_grad(self.rule, seen=logits)[1]
