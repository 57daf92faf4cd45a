"""What defences put before a network and behind it, with and without its true gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Around", "by_content", "denoised", "fixed_noise", "own_poisson", "rounded", "shattered"]

Map = Callable[[Tensor], Tensor]


def itself(x: Tensor) -> Tensor:
    """Nothing is done."""
    return x


class Around(nn.Module):
    """A network with something before it and something behind it."""

    def __init__(self, net: nn.Module, before: Map = itself, after: Map = itself) -> None:
        super().__init__()
        self.net, self.before, self.after = net, before, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.net(self.before(x)))


def straight(code: Tensor, x: Tensor) -> Tensor:
    """The code, with derivative 1."""
    return code.detach() + (x - x.detach())


def rounded(levels: int, low: float = 0.0, *, honest: bool = False) -> Map:
    """Round to so many steps per unit above ``low``."""

    def before(x: Tensor) -> Tensor:
        code = ((x - low) * levels).round() / levels + low
        return straight(code, x) if honest else code

    return before


def shattered(size: float, *, honest: bool = False) -> Map:
    """Add a fast wave: values hardly change, the sign of the derivative is anybody's guess."""

    def before(x: Tensor) -> Tensor:
        code = x + size * torch.sin(8 * x / size)
        return straight(code, x) if honest else code

    return before


def denoised(*, honest: bool = False) -> Map:
    """Keep an event only where another one is near in time or space, as event filters do."""

    def before(x: Tensor) -> Tensor:
        frames = x.flatten(0, 1)
        near = F.avg_pool2d(frames.sum(1, keepdim=True), 3, 1, 1) * 9
        alone = (near - frames).detach() < 1
        kept = torch.where(alone, torch.zeros_like(frames), frames).view_as(x)
        return straight(kept, x) if honest else kept.detach() + 0 * x

    return before


def fixed_noise(size: float) -> Map:
    """Noise from a generator that begins anew at every call: an item's noise is its place's."""

    def before(x: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return x + size * noise

    return before


def by_content(size: float) -> Map:
    """Noise whose seed is the item itself: the same item, the same noise; a close one, another."""

    def before(x: Tensor) -> Tensor:
        weights = torch.arange(1, x[0].numel() + 1, dtype=torch.float64)
        sums = (x.detach().flatten(1).double() * weights).sum(1)
        seeds = (sums * 1e9).long().remainder(2**62).tolist()
        noise = [
            torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
            for seed in seeds
        ]
        return x + size * torch.stack(noise) if noise else x

    return before


class OwnPoisson(nn.Module):
    """Rate coding with torch's own generator, straight through, as one writes it by hand."""

    def __init__(self, net: nn.Module, steps: int) -> None:
        super().__init__()
        self.net, self.steps = net, steps

    def forward(self, x: Tensor) -> Tensor:
        drawn = (torch.rand(self.steps, *x.shape) < x).to(x.dtype) + (x - x.detach())
        answer: Tensor = torch.stack([self.net(step) for step in drawn]).mean(0)
        return answer


def own_poisson(net: nn.Module, steps: int) -> nn.Module:
    """A network of which every step sees other spikes."""
    return OwnPoisson(net, steps)


class Mean(nn.Module):
    """The mean answer of many draws from torch's generator, always the same ones."""

    def __init__(self, net: nn.Module, draws: int = 8) -> None:
        super().__init__()
        self.net, self.draws = net, draws

    def forward(self, x: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            answers = [self.net(x) for _ in range(self.draws)]
        return torch.stack(answers).mean(0)
