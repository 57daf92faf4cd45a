"""VGG-11 of the work on sparse gradients in plain torch, for ``vgg_step.py`` to measure against.

Written from the formulas, in the way published code goes about them: the image is repeated before
the first convolution, every spiking layer loops over time in Python, the readout runs at every
step, and a Python loop over items looks for the runner-up class.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PublishedVGG11", "sparse_gradient_loss"]


class Triangle(torch.autograd.Function):
    """A step with the derivative max(0, 1 - |u|)."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (1 - u.abs()).clamp(min=0)


class Neurons(nn.Module):
    """Integrate-and-fire neurons with threshold 1 and a hard reset, one step after the other."""

    def __init__(self, timesteps: int) -> None:
        super().__init__()
        self.timesteps = timesteps

    def forward(self, x: Tensor) -> Tensor:
        currents = x.view(self.timesteps, -1, *x.shape[1:])
        membrane, spikes = torch.zeros_like(currents[0]), []
        for t in range(self.timesteps):
            membrane = membrane + currents[t]
            spike = Triangle.apply(membrane - 1.0)  # type: ignore[no-untyped-call]
            membrane = (1 - spike) * membrane
            spikes.append(spike)
        return torch.stack(spikes).flatten(0, 1)


class PublishedVGG11(nn.Module):
    """``64 A 128 256 A 512 512 512 A 512 512 | 4096 4096`` on 32 x 32 images.

    Its parameters and buffers come in the order of ours, so that one can be copied to the other.
    """

    def __init__(self, timesteps: int, classes: int) -> None:
        super().__init__()
        self.timesteps = timesteps
        layers: list[nn.Module] = []
        before = 3
        for size in (64, "A", 128, 256, "A", 512, 512, 512, "A", 512, 512):
            if isinstance(size, str):
                layers.append(nn.AvgPool2d(2))
                continue
            layers += [nn.Conv2d(before, size, 3, padding=1), nn.BatchNorm2d(size)]
            layers.append(Neurons(timesteps))
            before = size
        layers.append(nn.Flatten())
        for inputs in (8192, 4096):
            layers += [nn.Linear(inputs, 4096), Neurons(timesteps)]
        self.layers = nn.Sequential(*layers, nn.Linear(4096, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K)``."""
        frames = x.unsqueeze(0).repeat(self.timesteps, 1, 1, 1, 1).flatten(0, 1)
        logits: Tensor = self.layers(frames).view(self.timesteps, len(x), -1).mean(0)
        return logits


def sparse_gradient_loss(model: nn.Module, x: Tensor, y: Tensor, *, weight: float) -> Tensor:
    """Cross-entropy plus ``weight`` times the sparse-gradient penalty of the published code."""
    h = 0.01
    x = x.detach().requires_grad_(True)
    logits = model(x)
    rivals = []
    for item, label in zip(logits.detach(), y.tolist(), strict=True):
        rival = -1
        for candidate in range(len(item)):
            if candidate != label and (rival < 0 or item[candidate] > item[rival]):
                rival = candidate
        rivals.append(rival)

    def confidence(logits: Tensor) -> Tensor:
        each = []
        for item, label, rival in zip(logits, y.tolist(), rivals, strict=True):
            ours, theirs = item[label].exp(), item[rival].exp()
            each.append(ours / (ours + theirs))
        return torch.stack(each)

    before = confidence(logits)
    (grad,) = torch.autograd.grad(before.sum(), x, retain_graph=True)
    after = confidence(model(x.detach() + h * grad.sign().detach()))
    return F.cross_entropy(logits, y) + weight * ((after - before) / h).square().mean()
