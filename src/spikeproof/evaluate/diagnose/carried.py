"""A network that carries state, asked about batches of any size, and left as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.adapters import ModuleState, begin_anew
from spikeproof.base import out_of_memory
from spikeproof.evaluate.diagnose.flag import Flag
from spikeproof.evaluate.diagnose.snapshot import Snapshot

__all__ = ["Refitted", "network_kept"]

_MOVING = ("state", "buffers")


class Refitted(nn.Module):
    """A network whose state begins anew where it does not fit the batch that comes.

    State of the last call is carried on as the network does it, without its graph, as long as the
    network answers. Where it does not, it is asked again from where it began, and if that was
    another batch, from none.

    Args:
        network: Any network.
    Example:
        >>> class Sum(nn.Module):
        ...     def forward(self, x):
        ...         self.v = x + getattr(self, "v", 0.0)
        ...         return self.v
        >>> model = Refitted(Sum())
        >>> [model(torch.ones(n, 1)).tolist() for n in (2, 2, 3)]
        [[[1.0], [1.0]], [[2.0], [2.0]], [[1.0], [1.0], [1.0]]]
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.begun: tuple[str, ...] = ()  # of an earlier batch, "mem (33, 32)"
        self._memory = ModuleState(network)

    def forward(self, x: Tensor) -> Any:
        """What the network answers."""
        # No attack goes back through an earlier question.
        self._memory.change(lambda state: state.detach())
        try:
            answer = self.network(x)
        except Exception as problem:  # whatever a network makes of state that does not fit
            if out_of_memory(problem) or (again := self._again(x)) is None:
                raise
            return again
        if not isinstance(answer, Tensor) or not answer.ndim or len(answer) == len(x):
            return answer
        # One item was stretched to the rows of the state.
        again = self._again(x)
        return answer if again is None else again

    def _again(self, x: Tensor) -> Tensor | None:
        """An answer from where the network began, or from none of its state; None without one."""
        for anew in (False, True):
            if anew:
                self._begin(x)
            self._memory.restore(len(x))
            try:
                answer = self.network(x)
            except Exception:
                continue
            if isinstance(answer, Tensor) and answer.ndim and len(answer) == len(x):
                return answer
        return None

    def _begin(self, x: Tensor) -> None:
        """Take away what an earlier batch left."""

        def ask(rows: int) -> None:
            with torch.no_grad():
                self.network(x[torch.arange(rows, device=x.device) % len(x)])

        self.begun += begin_anew(self._memory, ask, max(2, len(x)))


@contextmanager
def network_kept(model: nn.Module, flags: Sequence[Flag]) -> Iterator[None]:
    """Give a network back what its calls move, on the way out and also after an error.

    Args:
        model: The network.
        flags: What ``flags_before`` said of it; nothing is kept of one that moves neither
            buffers nor state.
    """
    before = Snapshot(model) if any(flag.name in _MOVING for flag in flags) else None
    try:
        yield
    finally:
        if before is not None:
            before.put_back()
