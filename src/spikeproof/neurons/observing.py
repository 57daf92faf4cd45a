"""Looking at membranes: the scope in which spiking layers keep what they computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["Trace", "observing", "traces_of_scope"]


@dataclass(frozen=True, eq=False)
class Trace:
    """What one spiking layer did in one forward pass, with its graph.

    Args:
        layer: The layer.
        membranes: Membranes as they are compared with the threshold, before any reset,
            ``(T, N, ...)``.
        spikes: What it sent, 0 or 1, ``(T, N, ...)``.
        threshold: Where it fires.
    """

    layer: nn.Module
    membranes: Tensor
    spikes: Tensor
    threshold: float


_traces: ContextVar[list[Trace] | None] = ContextVar("spikeproof_traces", default=None)


@contextmanager
def observing() -> Iterator[list[Trace]]:
    """Let every spiking layer called inside keep its membranes, in the order of the calls.

    Layers run the reference kernel inside, whatever they were built with: it has membranes to
    show, and second derivatives. Outside any scope nothing is kept. Under a rule of
    ``gradient_rule`` the membranes are those that the rule saw: counted from the threshold,
    without a graph.

    Yields:
        A list that grows by one :class:`Trace` per call of a spiking layer.
    Cost:
        The reference kernel's time, and its memory until the list is dropped.
    Example:
        >>> import torch
        >>> from spikeproof.neurons import LIF, Spiking
        >>> with observing() as traces:
        ...     _ = Spiking(LIF(leak=0.5))(torch.full((3, 1, 1), 0.75))
        >>> traces[0].membranes.flatten().tolist(), traces[0].spikes.flatten().tolist()
        ([0.75, 1.125, 0.75], [0.0, 1.0, 0.0])
    """
    kept: list[Trace] = []
    token = _traces.set(kept)
    try:
        yield kept
    finally:
        _traces.reset(token)


def traces_of_scope() -> list[Trace] | None:
    """The list of the innermost open scope; None outside."""
    return _traces.get()
