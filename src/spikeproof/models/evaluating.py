"""What evaluation needs of any model: its modes, a check of its answer, its spiking layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, all_finite
from spikeproof.neurons import Spiking

__all__ = ["check_logits", "evaluating", "restoring_modes", "spiking_layers"]


@contextmanager
def restoring_modes(model: nn.Module) -> Iterator[None]:
    """Give every module back, on the way out and also after an error, the mode it had.

    Example:
        >>> model = nn.Sequential(nn.Dropout(), nn.Linear(1, 1)).train()
        >>> with restoring_modes(model):
        ...     _ = model.eval()
        >>> model[0].training
        True
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        # Written directly: train() may be overridden, and must not be trusted to undo itself.
        for module, mode in modes:
            module.training = mode


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode inside, so that running statistics stay put.

    Surrogates of ``spikeproof.neurons`` work in both modes, so gradients stay what they are.

    Example:
        >>> model = nn.Dropout(0.5).train()
        >>> with evaluating(model):
        ...     model(torch.ones(4)).tolist()
        [1.0, 1.0, 1.0, 1.0]
        >>> model.training
        True
    """
    with restoring_modes(model):
        for module in model.modules():
            module.training = False
        yield


def check_logits(logits: object, n: int, *, classes: int = 1, finite: bool = True) -> Tensor:
    """Return what a model answered if it is logits of ``n`` items.

    Args:
        logits: The answer.
        n: How many items the model was asked about.
        classes: Fewest classes.
        finite: Whether NaN and infinity are refused; an attack would score a NaN as a success,
            and it is neither right nor wrong.
    Returns:
        ``(N, K)``, the very tensor.
    Raises:
        InputError: anything else.
    Example:
        >>> check_logits(torch.zeros(2, 3), 2).shape
        torch.Size([2, 3])
    """
    if (
        not isinstance(logits, Tensor)
        or logits.ndim != 2
        or len(logits) != n
        or logits.shape[1] < classes
    ):
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        least = f" and K >= {classes}" if classes > 1 else ""
        raise InputError(
            f"The model must return logits (N, K) with N = {n}{least}, items first; got {got}. "
            "Average over time inside the model, and keep the batch axis first."
        )
    if finite and not all_finite(logits):
        first = int((~torch.isfinite(logits)).any(1).nonzero()[0])
        raise InputError(
            f"The model returned logits that are not finite, first for item {first} of a batch "
            f"of {n}; they are neither right nor wrong. Check weights and input range."
        )
    return logits


def spiking_layers(model: nn.Module) -> dict[str, Spiking]:
    """Return every layer of spiking neurons, by its name in ``named_modules``.

    Whatever looks at spikes or says something about them asks here, so that they all mean the
    same layers.

    Example:
        >>> from spikeproof.neurons import LIF
        >>> list(spiking_layers(nn.Sequential(nn.Linear(2, 3), Spiking(LIF()))))
        ['1']
    """
    return {name: layer for name, layer in model.named_modules() if isinstance(layer, Spiking)}
