"""What an adapted network is: logits with the items first, and what was found out about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import InputError, record_of

__all__ = ["Adapted", "Reading", "adapt"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was found out about a network, for users and records.

    Args:
        library: What it is made with.
        version: Of that.
        spiking: Spiking layers found.
        rules: Whether gradient rules of the package reach its layers.
        resets: What an attacker may choose in it, ``"kept"`` and ``"detached"``.
        time: Where the time axis of its input is.
        reduce: How its answer became logits.
        stateful: Whether it carried state between calls.
        notes: One sentence each.
    """

    library: str
    version: str
    spiking: int = 0
    rules: bool = False
    resets: tuple[str, ...] = ()
    time: str = "none"
    reduce: str = "logits"
    stateful: bool = False
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain data."""
        return record_of(self)


class Adapted(nn.Module):
    """A network of a user, answering logits ``(N, K)``.

    Args:
        network: The network.
        reading: What was found out about it.
    """

    def __init__(self, network: nn.Module, reading: Reading) -> None:
        super().__init__()
        self.network = network
        self.reading = reading

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the items ``(N, *shape)``."""
        return self.network(x)  # type: ignore[no-any-return]


def adapt(
    model: Any,
    *,
    library: str | None = None,
    time: str | None = None,
    reduce: str | None = None,
    steps: int | None = None,
    mean: Any = None,
    std: Any = None,
    example: Tensor | None = None,
) -> Adapted:
    """Return a plain torch network as the package asks it.

    Args:
        model: The network.
        library: What it is made with.
        time: Where its time axis is.
        reduce: How its answer becomes logits.
        steps: How often the input is shown.
        mean: Of the inputs that it was trained on.
        std: The same.
        example: A few inputs.
    Raises:
        InputError: it is no torch module.
    """
    if isinstance(model, Adapted):
        return model
    if not isinstance(model, nn.Module):
        raise InputError(f"A network must be a torch.nn.Module; got {type(model).__name__}.")
    return Adapted(model, Reading(library="torch", version=str(torch.__version__)))
