"""How fast a network is on this machine, from a few passes."""

from __future__ import annotations

import time

from torch import Tensor

from spikeproof.base import seeds
from spikeproof.models import Network
from spikeproof.oracle import Oracle

__all__ = ["seconds_per_pass"]

_TRIES = 3


def seconds_per_pass(model: Network, x: Tensor) -> float:
    """Return about how long one pass of one item takes, forward and backward in equal parts.

    Args:
        model: The network.
        x: A few legal inputs, ``(N, *shape)``.
    Returns:
        The least of a few tries; the first, in which kernels may be compiled, does not count.
    Cost:
        Eight passes per item.
    """
    keys, least = seeds(0, len(x)), float("inf")
    for number in range(_TRIES + 1):
        with Oracle(model, seeds=keys) as oracle:
            begun = time.perf_counter()
            oracle.logits_and_grad(x, lambda logits: logits.logsumexp(1))
            if number:
                least = min(least, time.perf_counter() - begun)
    return least / (2 * len(x))
