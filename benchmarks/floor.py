"""What bounds a network's steps: its convolutions and linear layers alone, with ready inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

__all__ = ["Floor"]

Product = tuple[nn.Conv2d | nn.Linear, Tensor, Tensor]


@dataclass(frozen=True)
class Floor:
    """The products of a network but its first and last, which hardly count.

    Args:
        products: Each layer, its input in the network, and a gradient for its output.
    """

    products: list[Product]

    @classmethod
    def of(cls, model: nn.Module, x: Tensor) -> Floor:
        """What one forward pass in evaluation mode multiplies."""
        found: list[Product] = []

        def keep(module: nn.Module, args: tuple[Tensor], out: Tensor) -> None:
            assert isinstance(module, nn.Conv2d | nn.Linear)
            found.append((module, args[0].clone(), torch.randn_like(out)))

        layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)][1:-1]
        handles = [layer.register_forward_hook(keep) for layer in layers]
        mode = model.training
        with torch.no_grad():
            model.eval()(x)
        model.train(mode)
        for handle in handles:
            handle.remove()
        return cls(found)

    @property
    def work(self) -> dict[str, Callable[[], None]]:
        """The three units that steps are made of."""
        return {
            "forward": self.forward,
            "to inputs": partial(self.backward, inputs=True),
            "to weights": partial(self.backward, inputs=False),
        }

    def forward(self) -> None:
        """All layers forward."""
        with torch.no_grad():
            for layer, x, _ in self.products:
                layer(x)

    def backward(self, *, inputs: bool) -> None:
        """All layers backward, to the inputs or to the weights."""
        for layer, x, grad in self.products:
            weight = layer.weight.detach()
            if isinstance(layer, nn.Conv2d):
                place = [list(layer.stride), list(layer.padding), [1, 1], False, [0, 0], 1]
                sides = [inputs, not inputs, False]
                torch.ops.aten.convolution_backward(grad, x, weight, None, *place, sides)
            else:
                _ = grad @ weight if inputs else grad.T @ x

    @property
    def operations(self) -> float:
        """Floating-point operations of one unit; about the same for all three."""
        # Each weight meets each output once per item, step and place.
        each = [layer.weight.numel() * g.numel() / g.shape[1] for layer, _, g in self.products]
        return 2.0 * sum(each)

    def seconds(
        self, taken: dict[str, list[float]], forward: int, inputs: int, weights: int
    ) -> list[float]:
        """Seconds per round of a step that needs so many units of each kind."""
        pieces = zip(taken["forward"], taken["to inputs"], taken["to weights"], strict=True)
        return [forward * a + inputs * b + weights * c for a, b, c in pieces]
