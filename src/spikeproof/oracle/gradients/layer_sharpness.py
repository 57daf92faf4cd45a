"""One sharpness for every layer and item, from where its membranes are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from spikeproof.base import check_one_of, check_positive
from spikeproof.neurons import SHAPES, Firing, Slope
from spikeproof.oracle.registry import GRADIENTS

__all__ = ["LayerSharpness"]

_ARCTAN = 2 * math.tan(0.425 * math.pi) / math.pi
_USUAL = 0.8
_TINY = 1e-4


@GRADIENTS.register("layer_sharpness")
@dataclass(frozen=True, kw_only=True)
class LayerSharpness:
    r"""Make the surrogate of a layer as sharp as its mean distance from the threshold allows.

    .. math:: \alpha = \frac{a}{\overline{|u|} + 10^{-4}}

    :math:`u` is the membrane minus the threshold, and the mean runs over the neurons of a layer and
    its steps, item by item. It is measured anew at every question and remembers nothing, so it
    serves one-step attacks and searches that jump, too. The chain rule runs through time.

    Args:
        shape: A key of ``SHAPES`` other than ``"straight-through"``, which has no sharpness.
        reach: :math:`a`, above zero; None is :math:`2\tan(.425\pi)/\pi` for the arctan and .8 for
            the others, as in :class:`ASSG`.
    Raises:
        SettingError: an unknown shape, or a reach that is not positive.
    Cost:
        One forward and one backward pass, and one more walk through the membranes.
    Differs from the paper:
        The paper gives every neuron and step a sharpness of its own, from running moments.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking, gradient_rule
        >>> currents = torch.tensor([[[0.5, 1.25]]]).requires_grad_(True)
        >>> with gradient_rule(LayerSharpness(shape="triangle", reach=0.375)):
        ...     Spiking(LIF())(currents).sum().backward()
        >>> currents.grad.flatten()  # mean |u| = .375, so a triangle of sharpness 1
        tensor([0.5000, 0.7499])

    References:
        wang2025assg
    """

    shape: str = "arctan"
    reach: float | None = None

    def __post_init__(self) -> None:
        shapes = tuple(shape for shape in SHAPES if shape != "straight-through")
        check_one_of(self.shape, shapes, "LayerSharpness.shape")
        if self.reach is not None:
            check_positive(self, "reach")

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Settings that the contracts try."""
        return (
            cls(),
            cls(shape="triangle", reach=1.5),
        )

    @property
    def name(self) -> str:
        """In one word."""
        return f"layer-{self.shape}" + ("" if self.reach is None else f"-reach-{self.reach:g}")

    @property
    def bound(self) -> float:
        """The number in force: sharpness times mean distance from the threshold."""
        if self.reach is not None:
            return self.reach
        return _ARCTAN if self.shape == "arctan" else _USUAL

    def __call__(self, firing: Firing) -> Tensor:
        """Spikes of one layer, with this gradient."""
        distance = firing.membranes.abs()
        # One row per item, in double precision: a mean does not hang on the items beside it.
        mean = distance.double().transpose(0, 1).flatten(1).mean(1).to(distance.dtype)
        sharpness = (self.bound / (mean + _TINY)).view(1, -1, *[1] * (distance.ndim - 2))
        return firing.through(Slope(self.shape, sharpness.expand_as(distance)))
