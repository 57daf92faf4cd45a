"""One step of a training run, as the loop and the hooks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.base import Seeds, SettingError
from spikeproof.data import Split
from spikeproof.neurons import drawing
from spikeproof.train.inputs.base import Inputs

__all__ = ["Step"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One step of a run: which one it is, and the items it meets.

    Args:
        model: In training mode.
        x: The items, augmented but not attacked, ``(N, *shape)``; of several processes each has
            its own, but hooks are shown the whole batch.
        y: Their classes, int64 ``(N,)``.
        seeds: One key per item, of this epoch.
        items: Their numbers in the data set, int64 ``(N,)``; empty outside of a run.
        inputs: What makes the inputs of the step; None for clean ones.
        epoch: From 1.
        index: Within the epoch, from 0; -1 for a look at validation items.
        steps: Of the epoch; 0 outside of an epoch.
        progress: Share of the training that is done, in [0, 1].
        start: Parameters and buffers at the start of the epoch, by name; empty where no hook asks
            for a clean model.
        clean_model: Those of the clean model, trained since then on the unattacked items.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    seeds: Seeds
    items: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    inputs: Inputs | None = None
    epoch: int = 1
    index: int = 0
    steps: int = 0
    progress: float = 0.0
    start: Mapping[str, Tensor] = field(default_factory=dict)
    clean_model: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def on(cls, batch: Split, **settings: Any) -> Step:
        """A step on the items of a batch; ``settings`` are the other fields."""
        return cls(x=batch.x, y=batch.y, items=batch.items, **settings)

    @property
    def last(self) -> bool:
        """Whether it is the last step of its epoch."""
        return self.index == self.steps - 1 >= 0

    @property
    def taken(self) -> int:
        """Steps of the run before this one."""
        return (self.epoch - 1) * self.steps + self.index

    def logits(self, tensors: dict[str, Tensor] | None = None) -> Tensor:
        """The model's answers to the items, ``(N, K)``; its running statistics stay as they are.

        ``tensors`` are parameters and buffers to answer with in place of the model's own, by name;
        running statistics are written to these. Draws belong to the items; those of dropout leave
        no trace in torch's generator.
        """
        if tensors is None:
            tensors = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        devices = [self.x.device] if self.x.device.type == "cuda" else []
        keys = self.seeds.child("rules")  # the label decides the draws, so it stays
        with torch.random.fork_rng(devices=devices), drawing(keys):
            logits: Tensor = functional_call(self.model, tensors, (self.x,))
        return logits

    def weight(self, hook: str, name: str) -> nn.Parameter:
        """The weight matrix of a layer that a hook names; raise SettingError without one."""
        layers = dict(self.model.named_modules())
        layer = layers.get(name)
        weight = getattr(layer, "weight", None)
        if not isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d) or weight is None:
            known = [
                n for n, m in layers.items() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)
            ]
            raise SettingError(
                f"{hook}: the model has no linear or convolutional layer {name!r}; it has "
                f"{', '.join(known) or 'none'}."
            )
        assert isinstance(weight, nn.Parameter)
        return weight
