"""The average over time in front of a readout, and the scope in which it is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

__all__ = ["stepwise", "time_mean"]

_stepwise: ContextVar[bool] = ContextVar("spikeproof_stepwise", default=False)


@contextmanager
def stepwise() -> Iterator[None]:
    """Let networks called inside answer once per time step.

    :func:`time_mean` then merges time into the batch instead of averaging over it, so a network of
    ``N`` items returns ``(T * N, K)`` logits, steps first. Their mean over steps is the network's
    ordinary answer, because readouts are affine.

    Cost:
        The readout runs on T times as many rows.
    Example:
        >>> import torch
        >>> spikes = torch.tensor([[[0.0]], [[1.0]]])  # two steps of one item
        >>> with stepwise():
        ...     each = time_mean(spikes)
        >>> each.flatten().tolist(), time_mean(spikes).item()
        ([0.0, 1.0], 0.5)
    """
    token = _stepwise.set(True)
    try:
        yield
    finally:
        _stepwise.reset(token)


def time_mean(x: Tensor) -> Tensor:
    """The mean over time, ``(T, N, ...)`` to ``(N, ...)``; ``(T * N, ...)`` under ``stepwise``."""
    if _stepwise.get():
        return x.flatten(0, 1)
    if x.ndim != 5 or x.is_contiguous() or torch.compiler.is_compiling():
        return x.mean(0)
    # Channels last: added in the order of memory, six times as fast. Whole numbers, such as spikes,
    # have the same sums in any order.
    return x.permute(0, 1, 3, 4, 2).mean(0).permute(0, 3, 1, 2).contiguous()
