"""The plain forward pass: what the model answers when nobody attacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spikeproof.base import InputError

__all__ = ["evaluation_mode", "margins", "plain_logits"]

# Also bounds memory; evaluation asks for whole splits at once.
_BATCH = 256


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[nn.Module]:
    """Every module in evaluation mode inside; afterwards each has the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in modes:
            module.training = False
        yield model
    finally:
        for module, training in modes:
            module.training = training


def plain_logits(model: nn.Module, x: Tensor) -> Tensor:
    """Return the model's outputs in evaluation mode, with no surrogate and no gradient.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``.
        x: Inputs, ``(N, *shape)``.
    Returns:
        ``(N, K)``, detached.
    Raises:
        InputError: the model returns anything but finite ``(N, K)`` logits.
    Cost:
        One forward pass per item.
    """
    with evaluation_mode(model), torch.no_grad():
        parts = [_checked(model(part), len(part)) for part in torch.split(x.detach(), _BATCH)]
    return torch.cat(parts)


def _checked(logits: object, n: int) -> Tensor:
    """The logits of one batch, or the sentence that says what is wrong with them."""
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != n:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(
            f"The model must return logits (N, K) with N = {n}, items first; got {got}. Reduce "
            "the time axis inside the model, and keep the batch axis first."
        )
    finite = torch.isfinite(logits)
    if not finite.all():
        bad = int((~finite).any(1).nonzero()[0])
        raise InputError(
            f"The model returned logits that are not finite, first for item {bad} of a batch of "
            f"{n}; they are neither right nor wrong. Check weights and input range."
        )
    return logits.detach()


def margins(logits: Tensor, y: Tensor) -> Tensor:
    """By how much the best wrong class beats the true one, float64 ``(N,)``; a tie is a win.

    Positive exactly where the answer counts as wrong.
    """
    z = logits.double()
    true = z.gather(1, y[:, None]).squeeze(1)
    rival = z.scatter(1, y[:, None], -torch.inf).amax(1)
    margin = rival - true
    return torch.where(margin == 0, torch.finfo(torch.float64).tiny, margin)
