"""The plain forward pass: what the model answers when nobody attacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_at_least
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

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


def plain_logits(
    model: nn.Module, x: Tensor, *, items: Tensor | None = None, samples: int = 1
) -> Tensor:
    """Return the model's outputs in evaluation mode, with no surrogate and no gradient.

    A network that draws (Poisson coding, noisy neurons) predicts with the mean logits of
    ``samples`` draws. Which draws these are follows from the item's number alone
    (``spikeproof.oracle.prediction_seeds``), so an item meets the same ones whatever is done to
    it, in whatever batch. A network that draws nothing gains nothing from more than one.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``.
        x: Inputs, ``(N, *shape)``.
        items: Numbers of the items, int64 ``(N,)``; 0..N-1 where absent.
        samples: Draws that make one prediction, at least 1.
    Returns:
        ``(N, K)``, detached.
    Raises:
        InputError: the model returns anything but finite ``(N, K)`` logits, or ``items`` are not
            as many as there are inputs.
        SettingError: no sample.
    Cost:
        ``samples`` forward passes per item.
    """
    check_at_least(1, samples, "plain_logits: samples")
    numbers = torch.arange(len(x)) if items is None else items
    if len(numbers) != len(x):
        raise InputError(f"Got {len(x)} inputs and {len(numbers)} item numbers; give one each.")
    batches = zip(torch.split(x.detach(), _BATCH), torch.split(numbers, _BATCH), strict=True)
    with evaluation_mode(model), torch.no_grad():
        return torch.cat([_predicted(model, part, who, samples) for part, who in batches])


def _predicted(model: nn.Module, x: Tensor, items: Tensor, samples: int) -> Tensor:
    """The prediction of one batch."""
    answers = []
    for sample in range(samples):
        with drawing(prediction_seeds(items, sample)):
            answers.append(_checked(model(x), len(x)))
    first, *rest = answers
    # So written the mean of equal answers is that answer, to the last bit.
    return first + sum(answer - first for answer in rest) / samples


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
