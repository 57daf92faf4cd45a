"""The plain forward pass: what the model answers when nobody attacks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, check_at_least
from spikeproof.models import check_logits, evaluating
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["margins", "plain_logits"]

# Also bounds memory; evaluation asks for whole splits at once.
_BATCH = 256


def plain_logits(
    model: nn.Module, x: Tensor, *, items: Tensor | None = None, samples: int = 1
) -> Tensor:
    """Return the model's outputs in evaluation mode, with no surrogate and no gradient.

    A stochastic network (Poisson coding, noisy neurons) predicts with the mean logits of
    ``samples`` draws. Which draws these are follows from the item's number alone
    (``spikeproof.oracle.prediction_seeds``), so an item meets the same ones whatever is done to
    it, in whatever batch. A deterministic network gains nothing from more than one.

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
    items = torch.arange(len(x)) if items is None else items
    if len(items) != len(x):
        raise InputError(f"Got {len(x)} inputs and {len(items)} item numbers; give one each.")
    batches = zip(torch.split(x.detach(), _BATCH), torch.split(items, _BATCH), strict=True)
    with evaluating(model), torch.no_grad():
        return torch.cat([_predicted(model, part, who, samples) for part, who in batches])


def _predicted(model: nn.Module, x: Tensor, items: Tensor, samples: int) -> Tensor:
    """The prediction of one batch."""
    answers = []
    for sample in range(samples):
        with drawing(prediction_seeds(items, sample)):
            answers.append(check_logits(model(x), len(x)).detach())
    first, *rest = answers
    # So written the mean of equal answers is that answer, to the last bit.
    return first + sum(answer - first for answer in rest) / samples


def margins(logits: Tensor, y: Tensor) -> Tensor:
    """By how much the best wrong class beats the true one, float64 ``(N,)``; a tie is a win.

    Positive exactly where the answer counts as wrong.
    """
    z = logits.double()
    true = z.gather(1, y[:, None]).squeeze(1)
    rival = z.scatter(1, y[:, None], -torch.inf).amax(1)
    margin = rival - true
    return torch.where(margin == 0, torch.finfo(torch.float64).tiny, margin)
