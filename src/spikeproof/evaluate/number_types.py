"""Items and a network of different number types brought together, before anything is attacked."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.data import Split

__all__ = ["Halved", "input_type", "together"]

_WIDE = (torch.float32, torch.float64)


class Halved(nn.Module):
    """A network of 16-bit numbers as attacks see it: float32 in, float32 logits out.

    Distances and projections in 16 bits would be off by more than any radius allows, so an attack
    moves float32 inputs and the network rounds them, as it would round those of anybody.

    Args:
        model: The network itself; nothing is copied.
        dtype: The type of its weights.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Float32 logits of float32 inputs; whatever is no tensor is handed on as it came."""
        logits = self.model(x.to(self.dtype))
        return logits.float() if isinstance(logits, Tensor) else logits


def input_type(model: nn.Module) -> torch.dtype | None:
    """Return the type of a network's weights, or else of its buffers; None where it has none.

    Example:
        >>> input_type(nn.Linear(1, 1).double()), input_type(nn.ReLU())
        (torch.float64, None)
    """
    if isinstance(model, Halved):
        return torch.float32
    tensors = chain(model.parameters(), model.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), None)


def together(model: nn.Module, split: Split) -> tuple[nn.Module, Split]:
    """Return a network and items that can meet: items take the type of the network's weights.

    Values stay what they are, so whole numbers of bytes become the same numbers as floats. A
    network of 16-bit floats is wrapped (see :class:`Halved`); nothing of the caller's is changed.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``.
        split: The items.
    Raises:
        InputError: complex inputs.
    Example:
        >>> split = Split(torch.tensor([[255]], dtype=torch.uint8), torch.tensor([0]),
        ...               torch.tensor([0]))
        >>> together(nn.Linear(1, 2), split)[1].x
        tensor([[255.]])
    """
    x, own = split.x, input_type(model)
    if x.is_complex():
        raise InputError(f"Inputs must be real numbers; got {x.dtype}. Pass magnitudes, or parts.")
    wanted = own if own in _WIDE else x.dtype if own is None and x.dtype in _WIDE else torch.float32
    if own is not None and own not in _WIDE:
        model = Halved(model, own)
    return model, split if x.dtype == wanted else replace(split, x=x.to(wanted))
