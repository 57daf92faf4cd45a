"""What a rule sees of the step it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spikeproof.base import Seeds, SettingError
from spikeproof.neurons import drawing
from spikeproof.train.inputs.base import Inputs

__all__ = ["BEFORE", "END", "Moment", "Rule", "asks_for_natural", "moves"]

BEFORE = "before"
"""``when`` of a rule that changes gradients before the optimiser's step; all others come after."""

END = "end"
"""``when`` of a rule that acts only after the last step of an epoch."""


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
        start: Parameters and buffers at the start of the epoch, by name; empty where no rule asks
            for a natural model.
        natural: Those of the natural model, trained since then on the unattacked items.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    seeds: Seeds
    inputs: Inputs | None = None
    epoch: int = 1
    step: int = 0
    last: bool = False
    start: Mapping[str, Tensor] = field(default_factory=dict)
    natural: Mapping[str, Tensor] = field(default_factory=dict)

    def due(self, rules: Iterable[Rule], *, stepped: bool) -> list[Rule]:
        """The rules that act now: before the optimiser's step, or after it (``stepped``)."""
        now = [rule for rule in rules if (rule.when != BEFORE) == stepped]
        return [rule for rule in now if rule.when != END or self.last]

    def logits(self, tensors: dict[str, Tensor] | None = None) -> Tensor:
        """The model's answers to the items, ``(N, K)``; its running statistics stay as they are.

        ``tensors`` are parameters and buffers to answer with in place of the model's own, by name;
        running statistics are written to these. Draws belong to the items; those of dropout leave
        no trace in torch's generator.
        """
        if tensors is None:
            tensors = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        devices = [self.x.device] if self.x.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), drawing(self.seeds.child("rules")):
            logits: Tensor = functional_call(self.model, tensors, (self.x,))
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

    ``when`` is ``"before"`` the optimiser's step, to change gradients, ``"after"`` it, to change
    weights, or at the ``"end"`` of an epoch, after its last step. A rule remembers nothing from
    step to step, so that a run resumes exactly. Two more class attributes are read where there are
    any: with ``natural = True`` the run trains a model on unattacked items beside its own
    (``Moment.natural``), and ``moves = False`` says that no weight is changed after the step.
    """

    when: ClassVar[str]

    def __call__(self, moment: Moment) -> None:
        """Act on the model of the moment."""
        ...


def asks_for_natural(rule: Rule) -> bool:
    """Whether a rule needs the model that is trained naturally beside."""
    return bool(getattr(rule, "natural", False))


def moves(rule: Rule) -> bool:
    """Whether a rule may change weights after the optimiser's step."""
    return rule.when != BEFORE and bool(getattr(rule, "moves", True))
