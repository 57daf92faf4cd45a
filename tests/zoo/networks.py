"""Small networks, trained once per process, and the data that they are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import spikeproof as sp
from spikeproof.data import Dataset
from spikeproof.models import Network, load_model
from spikeproof.study import DataPlan, job_of, load_plan, network_of
from spikeproof.train import CrossEntropy, Objective, TrainingSettings
from tests.zoo import closed_forms

__all__ = [
    "CodedNet",
    "Recipe",
    "SpikeNet",
    "coded_net",
    "data_of",
    "made",
    "spike_net",
    "trained",
    "with_neuron",
]

FOLDER: list[Path] = []
"""Where trained networks are kept beyond the process, if anywhere; the last one counts."""

_DEMO = {part.name: part for part in load_plan("demo").data}
_TRAININGS = {t.name: t for plan in ("recipes", "demo") for t in load_plan(plan).training}


@dataclass(frozen=True)
class Recipe:
    """What one small network is trained by.

    Args:
        data: Data set.
        training: Name of a training in the plans ``demo`` and ``recipes``.
        seed: Of first weights and training.
        model: Architecture; the demo's where absent.
        width: Of its first layer.
        timesteps: Of images.
        epochs: Passes over the training items.
        neuron: Record of the neuron, as pairs, so that recipes can be told apart.
        encoder: Record of the encoder, as pairs.
    """

    data: str
    training: str = "plain"
    seed: int = 0
    model: str | None = None
    width: int = 8
    timesteps: int = 4
    epochs: int = 6
    neuron: tuple[tuple[str, Any], ...] = ()
    encoder: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """A name for its file."""
        parts = (self.data, self.training, self.model, self.width, self.timesteps, self.epochs)
        settings = [str(value) for _, value in (*self.neuron, *self.encoder)]
        return "-".join(map(str, (*parts, *settings, self.seed))).replace("+", "")


@cache
def data_of(name: str) -> Dataset:
    """A data set by its name, read once."""
    own = {"made": made, **closed_forms.MADE}
    return own[name]() if name in own else sp.load(name)


@cache
def made() -> Dataset:
    """Two classes of 4x4 images: which half is brighter, by how much is known of every item.

    The margin of an item is the mean of the upper half minus that of the lower one, from 0.02 to
    0.5; only linear functions of it are asked of networks, so that distances are closed forms.
    """
    generator = torch.Generator().manual_seed(18)

    def part(n: int) -> tuple[Tensor, Tensor]:
        y = torch.arange(n) % 2
        gap = torch.rand(n, generator=generator) * 0.48 + 0.02
        x = 0.5 + 0.1 * (torch.rand(n, 1, 4, 4, generator=generator) - 0.5)
        for half in (x[:, :, :2], x[:, :, 2:]):
            half -= half.mean((1, 2, 3), keepdim=True) - 0.5
        sign = (2 * y - 1).float() * gap / 2
        x[:, :, :2] += sign[:, None, None, None]
        x[:, :, 2:] -= sign[:, None, None, None]
        return x.clamp(0, 1), y

    return Dataset.from_splits(
        train=part(64), validation=part(96), test=part(96), kind="image", low=0.0, high=1.0,
        name="made-halves",
    )  # fmt: skip


@cache
def trained(recipe: Recipe) -> Network:
    """The network of a recipe, from its file or trained now; do not change it."""
    path = FOLDER[-1] / f"{recipe.name}.safetensors" if FOLDER else None
    if path is not None and path.exists():
        return load_model(path).eval()
    data, demo = data_of(recipe.data), _DEMO[recipe.data]
    part = DataPlan(
        name=recipe.data, model=recipe.model or demo.model, width=recipe.width,
        timesteps=recipe.timesteps, epochs=recipe.epochs, batch_size=64, learning_rate=0.005,
        weights=demo.weights,
    )  # fmt: skip
    known = _TRAININGS[recipe.training]
    network: dict[str, Any] = {**known.network}
    if recipe.neuron:
        network["neuron"] = dict(recipe.neuron)
    if recipe.encoder:
        network["encoder"] = dict(recipe.encoder)
    training = replace(known, network=network)
    job = job_of(part, training, data, seed=recipe.seed)
    model = network_of(part, training, data, seed=recipe.seed)
    sp.fit(
        model, data, job.objective, epochs=job.epochs, seed=job.seed, settings=job.settings,
        augment=job.augment, progress=False,
    )  # fmt: skip
    if path is not None:
        sp.save_model(model, path)
    return model.eval()


def with_neuron(model: Network, neuron: Any) -> Network:
    """The same weights in a network of other neurons or another encoder."""
    other = sp.build(replace(model.spec, neuron=neuron))
    other.load_state_dict(model.state_dict())
    return other.eval()


class _Step(torch.autograd.Function):
    """A spike, whose derivative is a triangle of some width around some centre."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, centre: float, width: float) -> Tensor:
        ctx.save_for_backward(u)
        ctx.centre, ctx.width = centre, width
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (u,) = ctx.saved_tensors
        slope = (1 - (u - ctx.centre).abs() / ctx.width).clamp_min(0) / ctx.width
        return grads[0] * slope, None, None


class SpikeNet(nn.Module):
    """A spiking network in plain torch, as one writes it by hand.

    Args:
        inputs: Features of an item.
        classes: Classes.
        width: Hidden neurons.
        centre: Where the derivative of the spike is centred, relative to the threshold.
        window: Half the width of the derivative.
        carry: Whether membranes are carried from one call to the next.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        width: int = 64,
        *,
        centre: float = 0.0,
        window: float = 1.0,
        carry: bool = False,
    ) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(inputs, width), nn.Linear(width, classes)
        self.centre, self.window, self.carry = centre, window, carry
        self.v: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        current = self.first(x.flatten(1))
        fits = self.carry and self.v is not None and self.v.shape == current.shape
        v = self.v if fits and self.v is not None else torch.zeros_like(current)
        total = torch.zeros_like(current)
        for _ in range(4):
            v = 0.5 * v + current
            spikes: Tensor = _Step.apply(v - 1, self.centre, self.window)  # type: ignore[no-untyped-call]
            v, total = v * (1 - spikes.detach()), total + spikes
        if self.carry:
            self.v = v.detach()
        answer: Tensor = self.last(total / 4)
        return answer


def spike_net(seed: int = 0, **settings: Any) -> SpikeNet:
    """A trained ``SpikeNet`` for digits; its settings change the gradient or the state only."""
    model = SpikeNet(64, 10, **settings)
    model.load_state_dict(_spike_weights(seed))
    return model.eval()


@cache
def _spike_weights(seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SpikeNet(64, 10)
    fit_plain(model, seed)
    return model.state_dict()


class CodedNet(nn.Module):
    """A spiking network in plain torch that sees images through encoders, side by side.

    Args:
        encoders: Each maps images and steps to ``(T, N, C, H, W)``.
        pixels: Of an image.
        classes: Classes.
        steps: Time steps.
        masked: Whether the gradient of a code is the code itself, as published, or its encoder's.
    """

    def __init__(
        self, encoders: Sequence[Any], pixels: int, classes: int, steps: int = 8, *, masked: bool
    ) -> None:
        super().__init__()
        self.encoders, self.steps, self.masked = tuple(encoders), steps, masked
        self.first, self.last = nn.Linear(len(encoders) * pixels, 64), nn.Linear(64, classes)

    def _coded(self, encoder: Any, x: Tensor) -> Tensor:
        code: Tensor = encoder(x.clamp(0, 1), self.steps)  # differences look outside the box
        if self.masked:  # something passes where a spike is, and nothing elsewhere
            code = code.detach() + code.detach() * (x - x.detach())
        return code.flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        currents = self.first(torch.cat([self._coded(one, x) for one in self.encoders], 2))
        v = total = torch.zeros_like(currents[0])
        for current in currents:
            v = 0.5 * v + current
            spikes: Tensor = _Step.apply(v - 1, 0.0, 1.0)  # type: ignore[no-untyped-call]
            v, total = v * (1 - spikes.detach()), total + spikes
        answer: Tensor = self.last(total / self.steps)
        return answer


def coded_net(encoders: Sequence[Any], seed: int, *, masked: bool = False) -> CodedNet:
    """A trained ``CodedNet`` for digits; ``masked`` changes its gradient only."""
    model = CodedNet(encoders, 64, 10, masked=masked)
    model.load_state_dict(_coded_weights(tuple(encoders), seed))
    return model.eval()


def _coded_weights(encoders: tuple[Any, ...], seed: int) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CodedNet(encoders, 64, 10, masked=False)
    fit_plain(model, seed)
    return model.state_dict()


def fit_plain(model: nn.Module, seed: int, epochs: int = 8) -> None:
    """Train any module on digits by cross-entropy."""
    objective = Objective({"error": (1.0, CrossEntropy())})
    settings = TrainingSettings(batch_size=64, learning_rate=0.005)
    sp.fit(
        model, data_of("digits"), objective, epochs=epochs, seed=seed, settings=settings,
        progress=False,
    )  # fmt: skip
    model.eval()
