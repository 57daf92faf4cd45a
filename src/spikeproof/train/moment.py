"""What a rule sees of the step it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.base import Seeds, SettingError
from spikeproof.neurons import drawing
from spikeproof.train.crafting import Inputs

__all__ = ["BEFORE", "Moment", "Rule"]

BEFORE = "before"
"""``when`` of a rule that changes gradients before the optimiser's step; all others come after."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Moment:
    """One step of a training, as a rule sees it.

    Args:
        model: In training mode.
        x: The items of the step, augmented but not attacked, ``(N, *shape)``; where several
            processes share a batch, all of it in each.
        y: Their classes, int64 ``(N,)``.
        seeds: One key per item, of this epoch.
        inputs: What made the inputs of the step; None for clean ones.
        epoch: From 1.
        step: Within the epoch, from 0.
        last: Whether it is the last step of the epoch.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    seeds: Seeds
    inputs: Inputs | None = None
    epoch: int = 1
    step: int = 0
    last: bool = False

    def logits(self) -> Tensor:
        """The model's answers to the items, ``(N, K)``; its running statistics stay as they are.

        Draws belong to the items; those of dropout leave no trace in torch's generator.
        """
        copies = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        devices = [self.x.device] if self.x.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), drawing(self.seeds.child("rules")):
            logits: Tensor = functional_call(self.model, copies, (self.x,))
        return logits

    def weight(self, rule: str, name: str) -> nn.Parameter:
        """The weight matrix of a layer that a rule names; raise SettingError without one."""
        layers = dict(self.model.named_modules())
        layer = layers.get(name)
        weight = getattr(layer, "weight", None)
        if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d) or weight is None:
            known = [
                n for n, m in layers.items() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)
            ]
            raise SettingError(
                f"{rule}: the model has no linear or convolutional layer {name!r}; it has "
                f"{', '.join(known) or 'none'}."
            )
        assert isinstance(weight, nn.Parameter)
        return weight


class Rule(Protocol):
    """Something that happens at every step beside the optimiser's own.

    ``when`` is ``"before"`` the optimiser's step, to change gradients, or ``"after"`` it, to change
    weights. A rule remembers nothing from step to step, so that a run resumes exactly.
    """

    when: ClassVar[str]

    def __call__(self, moment: Moment) -> None:
        """Act on the model of the moment."""
        ...
