"""How fast a network is on this machine, from a few passes."""

from __future__ import annotations

import time

from torch import Tensor, nn

from spikeproof.base import seeds
from spikeproof.oracle import Oracle

__all__ = ["seconds_per_pass"]

_TRIES = 3
_MOST, _FEATURES = 64, 200_000  # items, and their features together
# Of the items of an attack those that stand pass together, over its whole length about a third.
_STANDING = 3


def seconds_per_pass(model: nn.Module, x: Tensor, *, attacked: int | None = None) -> float:
    """Return about how long one pass of one item takes, forward and backward in equal parts.

    Args:
        model: The network.
        x: Legal inputs, ``(N, *shape)``; of large ones only the first few are used, whose
            activations fit anywhere.
        attacked: Items that will be attacked together. A pass of few costs more per item, and
            they get fewer as they fall; absent, passes are as large as x.
    Returns:
        The least of a few tries; the first, in which kernels may be compiled, does not count.
    Cost:
        Eight passes per item, of at most 64.
    """
    if not len(x):  # a set that can only be audited has no others to look at
        x = x.new_zeros(1, *x.shape[1:])
    most = _MOST if attacked is None else attacked // _STANDING
    x = x[: max(1, min(_MOST, most, _FEATURES // max(1, x[0].numel())))]
    keys, least = seeds(0, len(x)), float("inf")
    for number in range(_TRIES + 1):
        with Oracle(model, seeds=keys) as oracle:
            begun = time.perf_counter()
            _, grad = oracle.logits_and_grad(x, lambda logits: logits.logsumexp(1))
            float(grad.abs().max())  # a GPU is waited for
            if number:
                least = min(least, time.perf_counter() - begun)
    return least / (2 * len(x))
