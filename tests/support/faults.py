"""Networks with one fault each, as users bring them, and the sound one beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.data import Dataset, DataSpec, Domain, Split

DOMAIN = Domain(kind="image", shape=(1, 2, 2))
# Four items, each 0.1 from the boundary of Sum.
X, Y = torch.full((4, 1, 2, 2), 0.6), torch.ones(4, dtype=torch.long)


def data_of(x: Tensor = X, y: Tensor = Y, domain: Domain = DOMAIN, classes: int = 2) -> Dataset:
    """A data set of these items alone."""
    split = Split(x, y, torch.arange(len(x)))
    spec = DataSpec(
        name="mine",
        version="1",
        classes=classes,
        modality="image",
        licence="-",
        source="-",
        sha256="0" * 64,
    )
    return Dataset(spec=spec, domain=domain, train=split, validation=split, sealed=split)


class Sum(nn.Module):
    """Two logits (-z, z), z = k * (sum of pixels - 2): a pixel may move by |z| / (4k) until the
    answer turns."""

    def __init__(
        self,
        k: float = 1.0,
        after: Callable[[Tensor], Any] = lambda z: z,
        before: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k))
        self.after, self.before = after, before

    def forward(self, x: Tensor) -> Any:
        z = self.k * (self.before(x).flatten(1).sum(1) - 2)
        return self.after(torch.stack([-z, z], 1))


class Carry(nn.Module):
    """A membrane that is carried from one call to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.v = Sum(), None

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.net(x)
        if self.v is None or self.v.shape != z.shape:
            self.v = torch.zeros_like(z)
        self.v = self.v.detach() + z
        return self.v


class Moves(nn.Module):
    """A functional batch norm that stays in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.net = nn.BatchNorm2d(1), Sum()

    def forward(self, x: Tensor) -> Tensor:
        held = self.bn.running_mean, self.bn.running_var
        answer: Tensor = self.net(nn.functional.batch_norm(x, *held, None, None, True))
        return answer


class Spike(torch.autograd.Function):
    """A step with a surrogate derivative, as one writes it by hand."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, width: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.width = width
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        return grads[0] * (u.abs() < ctx.width).to(u.dtype), None


class Foreign(nn.Module):
    """A spiking network of other neurons than ours."""

    def __init__(self, width: float = 1.0, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.a, self.b, self.width = nn.Linear(4, 8), nn.Linear(8, 2), width
        with torch.no_grad():
            for weights in self.parameters():
                weights.copy_(torch.randn(weights.shape, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        spikes = Spike.apply(self.a(x.flatten(1)), self.width)  # type: ignore[no-untyped-call]
        answer: Tensor = self.b(spikes)
        return answer


class StepNeuron(nn.Module):
    """A plain step, but a sigmoid while it is trained."""

    def forward(self, u: Tensor) -> Tensor:
        return torch.sigmoid(u) if self.training else (u >= 0).to(u.dtype)


def only_in_training() -> nn.Module:
    """A network through which a gradient passes only in training mode."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 8), StepNeuron(), nn.Linear(8, 2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(torch.randn(weights.shape, generator=generator))
    return model
