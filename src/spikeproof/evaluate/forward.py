"""The plain forward pass: what the model answers when nobody attacks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spikeproof.base import MOST_ROWS, BatchSize, InputError, check_at_least
from spikeproof.models import check_logits, evaluating, home_of
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds

__all__ = ["margins", "plain_logits"]


def plain_logits(
    model: nn.Module,
    x: Tensor,
    *,
    items: Tensor | None = None,
    samples: int = 1,
    batch_size: int | BatchSize = MOST_ROWS,
) -> Tensor:
    """Return the model's outputs in evaluation mode, with no surrogate and no gradient.

    A stochastic network (Poisson coding, noisy neurons) predicts with the mean logits of
    ``samples`` draws. Which draws these are follows from the item's number alone
    (``spikeproof.oracle.prediction_seeds``), so an item meets the same ones whatever is done to
    it, in whatever batch. A deterministic network gains nothing from more than one.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``.
        x: Inputs, ``(N, *shape)``, on any device; a batch at a time goes to that of the model.
        items: Numbers of the items, int64 ``(N,)``; 0..N-1 where absent.
        samples: Draws that make one prediction, at least 1.
        batch_size: Inputs at a time; fewer where memory runs out.
    Returns:
        ``(N, K)``, detached, where ``x`` is.
    Raises:
        InputError: the model returns anything but finite ``(N, K)`` logits, or ``items`` are not
            as many as there are inputs.
        SettingError: no sample.
        OutOfMemory: not even one input fits.
    Cost:
        ``samples`` forward passes per item.
    """
    check_at_least(1, samples, "plain_logits: samples")
    items = torch.arange(len(x)) if items is None else items
    if len(items) != len(x):
        raise InputError(f"Got {len(x)} inputs and {len(items)} item numbers; give one each.")
    size = batch_size if isinstance(batch_size, BatchSize) else BatchSize(batch_size)
    home = home_of(model)

    def answers(part: Tensor) -> Tensor:
        # A view where it can be: whole splits come here, and are not to be copied.
        few = x[part[0] : part[-1] + 1].detach().to(home)
        return _predicted(model, few, items[part[0] : part[-1] + 1], samples).to(x.device)

    with evaluating(model), torch.no_grad():
        if not len(x):  # a network may still say how many classes it knows
            return _predicted(model, x.detach().to(home), items, samples).to(x.device)
        return torch.cat([found for _, found in size.each(torch.arange(len(x)), answers)])


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
