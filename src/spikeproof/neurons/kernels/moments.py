"""Running moments of how far membranes are from the threshold, and the sharpness they allow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from spikeproof.neurons.kernels.fused import TYPES, available, sharpened

__all__ = ["Moments"]


@dataclass(frozen=True, kw_only=True)
class Moments:
    r"""How moments move, and what sharpness they allow.

    .. math::
        M \leftarrow b M + (1 - b)|u|, \quad D \leftarrow b D + (1 - b)\big||u| - M\big|, \quad
        \alpha = \frac{a}{M + \gamma D + \epsilon}

    Args:
        bound: :math:`a`.
        memory: :math:`b`, in [0, 1].
        relax: :math:`\gamma`.
        tiny: :math:`\epsilon`.
    """

    bound: float
    memory: float
    relax: float
    tiny: float

    def sharpness(
        self, above: Tensor, kept: tuple[Tensor, Tensor], rows: Tensor, moves: Tensor
    ) -> Tensor:
        """Move the moments of some items, in place, and return the sharpness of their neurons.

        Args:
            above: Membranes minus the threshold, ``(T, N, ...)``.
            kept: M and D, contiguous ``(T, P, ...)``, of the type of ``above``.
            rows: Where in ``kept`` each item is, int64 ``(N,)``, none twice.
            moves: How often the moments of each item move, int64 ``(N,)``, 0 or more.
        Returns:
            The sharpness, ``(T, N, ...)``.
        Cost:
            One compiled pass on the CPU; several passes of torch elsewhere.
        Example:
            >>> kept = torch.ones(1, 1, 1), torch.zeros(1, 1, 1)
            >>> rule = Moments(bound=1.0, memory=0.5, relax=0.0, tiny=0.0)
            >>> one = torch.tensor([1])
            >>> rule.sharpness(torch.tensor([[[-0.5]]]), kept, one - 1, one).item()  # 1 / .75
            1.3333333730697632
        """
        compiled = above.device.type == "cpu" and above.dtype in TYPES and available()
        if compiled and not torch.compiler.is_compiling():
            numbers = (self.memory, self.relax, self.tiny, self.bound)
            return sharpened(above, kept, rows, moves, numbers)
        return self._plain(above, kept, rows, moves)

    def _plain(
        self, above: Tensor, kept: tuple[Tensor, Tensor], rows: Tensor, moves: Tensor
    ) -> Tensor:
        """The same in plain torch."""
        distance, rows = above.abs(), rows.to(above.device)
        mean, deviation = (x[:, rows] for x in kept)
        moves = moves.to(above.device).view(1, -1, *[1] * (above.ndim - 2))
        for done in range(int(moves.max()) if moves.numel() else 0):
            later = torch.lerp(distance, mean, self.memory)
            spread = torch.lerp((distance - later).abs(), deviation, self.memory)
            mean = torch.where(moves > done, later, mean)
            deviation = torch.where(moves > done, spread, deviation)
        kept[0][:, rows], kept[1][:, rows] = mean, deviation
        return self.bound / (mean + self.relax * deviation + self.tiny)
