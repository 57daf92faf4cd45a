"""A standard model, trained on unattacked items beside the one of a run."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikeproof.train.loop.settings import TrainingSettings
from spikeproof.train.loop.step import Step

__all__ = ["CleanModel", "held"]


class CleanModel:
    """Parameters and buffers that leave the model at the start of every epoch, and train apart.

    They are trained on the cross-entropy of the unattacked items of each step, by an optimiser
    that is made like the run's and goes on from epoch to epoch. Architecture, modes and frozen
    layers are the model's. Of several processes each trains its own, on the whole batch.

    Args:
        model: In training mode.
        settings: Of the run.
    """

    def __init__(self, model: nn.Module, settings: TrainingSettings) -> None:
        self.start = {name: tensor.detach().clone() for name, tensor in held(model).items()}
        self.tensors = {name: tensor.clone() for name, tensor in self.start.items()}
        self.trained = [
            self.tensors[name].requires_grad_()
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        ]
        self.optimizer = settings.make_optimizer(self.trained)
        self.settings = settings

    @torch.no_grad()
    def begin(self, model: nn.Module) -> None:
        """Start an epoch from where the model is."""
        for name, tensor in held(model).items():
            self.start[name].copy_(tensor)
            self.tensors[name].copy_(tensor)

    def update(self, step: Step, rate: float) -> Tensor:
        """One step at a learning rate, unless its gradient is not finite; the gradient's norm."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        error = F.cross_entropy(step.logits(self.tensors), step.y)
        torch.autograd.backward(error, inputs=self.trained)
        norm = self.settings.clip(self.trained)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad()
        return norm


def held(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer of a model, once, by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}
