"""The input gradient of the true class, with its graph, and the lengths that terms take of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from spikeproof.base import InputError
from spikeproof.train.terms.forward import Forward

__all__ = ["NORMS", "SCORES", "differentiable", "input_gradient", "length", "score"]

NORMS = ("l1", "l2", "linf", "top-k")
SCORES = ("loss", "pairwise", "softmax")


def score(forward: Forward, logits: Tensor, of: str) -> Tensor:
    """What is differentiated, ``(N,)``: probability of the true class, or the cross-entropy."""
    ours = forward.y[:, None]
    if of == "loss":
        return F.cross_entropy(logits, forward.y, reduction="none")
    if of == "softmax":
        return logits.softmax(1).gather(1, ours).squeeze(1)
    return torch.sigmoid(logits.gather(1, ours) - logits.gather(1, forward.rival[:, None]))[:, 0]


def differentiable(value: Tensor, inputs: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """Gradients that can be differentiated again; None for an input that is not reached.

    They are computed in this thread on every device: torch runs the graph of such a gradient in the
    order of numbers that each thread counts for itself, and in that order contributions are summed.
    In a thread of the device they would hang on all that was differentiated there before.
    """
    with torch.autograd.set_multithreading_enabled(False):
        return torch.autograd.grad(value, inputs, create_graph=True, allow_unused=True)


def input_gradient(forward: Forward, of: str) -> Tensor:
    """Gradient of every item's score with respect to it, with its own graph, ``(N, n)``."""
    value = score(forward, forward.twice_differentiable_logits(), of)
    grad = None
    if value.requires_grad:
        (grad,) = differentiable(value.sum(), [forward.x])
    if grad is None or not grad.requires_grad:
        raise InputError(
            "No gradient that could be differentiated again reaches the input: the model cuts the "
            "graph, or is piecewise linear with fixed pieces. Use spikeproof.neurons.Spiking for "
            "the neurons."
        )
    return grad.flatten(1)


def length(grad: Tensor, norm: str, k: int) -> Tensor:
    """A norm of every row, ``(N,)``; 0 with gradient 0 for a row of zeros."""
    size = grad.abs()
    if norm == "l1":
        return size.sum(1)
    if norm == "linf":
        return size.amax(1)
    if norm == "top-k":
        return size.topk(min(k, size.shape[1]), dim=1).values.sum(1)
    # The root has no derivative at 0; a row of zeros gets none.
    squares = size.square().sum(1)
    some = squares > 0
    return torch.where(some, torch.where(some, squares, 1.0).sqrt(), 0.0)
