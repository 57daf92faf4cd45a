"""RAT's weight orthogonalisation: a step towards orthonormal rows after every optimiser step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds, check_fraction, check_positive
from spikeproof.train.hooks.registry import HOOKS
from spikeproof.train.loop.step import Step

__all__ = ["Retraction"]


@HOOKS.register("retraction")
@dataclass(frozen=True, kw_only=True)
class Retraction:
    r"""Pull the rows of every weight matrix towards orthonormal ones (SNN-RAT).

    .. math:: W \leftarrow (1 + \beta) W - \beta\, W W^\top W

    after every optimiser step. Convolutions are flattened to one row per output channel. Linear
    layers of more than ``rows`` rows are retracted on a random ``share`` of their rows, drawn anew
    at every step.

    Args:
        strength: :math:`\beta`, > 0; published .001 to .004.
        rows: Largest linear layer that is retracted whole.
        share: Share of the rows of a larger one, in (0, 1].
        layers: Names of the layers; every linear and convolutional one where empty.
    Raises:
        SettingError: a strength that is not positive, a share outside (0, 1]; in a call, a layer
            that does not exist.
    Cost: two matrix products per layer and step; no pass.
    Differs from the paper:
        Its convex constraint concerns networks with weighted shortcuts; ``wrn-16-4`` has it built
        in. RAT is this hook with adversarial inputs.
    Example:
        >>> layer = nn.Linear(2, 2, bias=False)
        >>> _ = layer.weight.data.copy_(torch.diag(torch.tensor([2.0, 1.0])))
        >>> from spikeproof.base import seeds
        >>> x, y = torch.zeros(1, 2), torch.tensor([0])
        >>> Retraction(strength=0.1)(Step(model=layer, x=x, y=y, seeds=seeds(0, n=1)))
        >>> layer.weight.tolist()  # 1.1 * 2 - .1 * 8 and 1.1 - .1
        [[1.4000000953674316, 0.0], [0.0, 1.0]]

    References:
        ding2022snnrat
    """

    when: ClassVar[str] = "after"

    strength: float = 0.001
    rows: int = 200
    share: float = 0.3
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        check_positive(self, "strength", "rows", "share")
        check_fraction(self, "share")

    @torch.no_grad()
    def __call__(self, step: Step) -> None:
        """Retract the weights of the step's model."""
        kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
        every = [name for name, layer in step.model.named_modules() if isinstance(layer, kinds)]
        for name in self.layers or every:
            weight = step.weight("Retraction", name)
            matrix = weight.flatten(1)
            part = self._rows(weight, step.seeds.child("retraction", name, step.index))
            some = matrix[part]
            matrix[part] = (1 + self.strength) * some - self.strength * (some @ some.T @ some)
            weight.copy_(matrix.view_as(weight))

    def _rows(self, weight: Tensor, seeds: Seeds) -> Tensor:
        """Which rows are retracted."""
        count = len(weight)
        if weight.ndim > 2 or count <= self.rows:
            return torch.arange(count, device=weight.device)
        lot = seeds[:1].uniform((count,), torch.float64)[0]
        return lot.argsort(stable=True)[: max(1, int(self.share * count))].to(weight.device)
