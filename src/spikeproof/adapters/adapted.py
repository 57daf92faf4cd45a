"""A network of a user that answers logits, with what was found out about it."""

from __future__ import annotations

from torch import Tensor, nn

from spikeproof.adapters.protocol import Reading

__all__ = ["Adapted"]


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
