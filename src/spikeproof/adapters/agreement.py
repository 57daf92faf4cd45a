"""Whether two networks that should be one give the same answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError
from spikeproof.models import check_logits, evaluating

__all__ = ["Agreement", "agreement"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the answers of two networks are apart.

    Args:
        items: How many they were asked about.
        changed: Share of them to which they answer another class.
        largest: Largest difference of two logits.
    """

    items: int
    changed: float
    largest: float

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"On {self.items} items {100 * self.changed:.1f} % of the answers differ from the "
            f"original's, logits by {self.largest:.3g} at most."
        )


def agreement(original: nn.Module, imported: nn.Module, x: Tensor) -> Agreement:
    """Compare the logits of a network and of what another format made of it.

    Args:
        original: Maps ``(N, ...)`` to logits ``(N, K)``, adapted where it is of another library.
        imported: The other.
        x: Items; 16 are enough to see a wrong reset.
    Raises:
        InputError: one of them returns something else, or another number of classes.
    Cost:
        One forward pass each.
    Example:
        >>> net = nn.Linear(2, 3)
        >>> agreement(net, net, torch.rand(16, 2))
        Agreement(items=16, changed=0.0, largest=0.0)
    """
    with torch.no_grad(), evaluating(original), evaluating(imported):
        one, two = (check_logits(net(x), len(x)) for net in (original, imported))
    if one.shape != two.shape:
        raise InputError(
            f"The networks tell {one.shape[1]} and {two.shape[1]} classes apart; expected the same "
            "number of both. Compare a network with its own export."
        )
    differ = (one.argmax(1) != two.argmax(1)).double().mean().item()
    largest = (one - two).abs().amax().item() if len(x) else 0.0
    return Agreement(items=len(x), changed=differ, largest=largest)
