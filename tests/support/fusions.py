"""What the tests of the fusion of epochs share: inputs, networks, settings, known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spikeproof.base import Seeds
from spikeproof.data import Dataset, Split
from spikeproof.train import (
    INPUTS,
    CrossEntropy,
    Inputs,
    Objective,
    TrainingSettings,
)

ERROR = {"error": (1.0, CrossEntropy())}
Make = Callable[..., Any]


@INPUTS.register("scaled")
@dataclass(frozen=True)
class Scaled(Inputs):
    """Items times a number: inputs whose gradient on a linear model is known."""

    kind: ClassVar[str] = "scaled"
    factor: float = 1.0

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor, *, seeds: Seeds) -> Tensor:
        return self.factor * x


def objective(*rules: Any, inputs: Any = None) -> Objective:
    """Cross-entropy with some rules."""
    return Objective(ERROR, inputs, rules)


def plain(**settings: Any) -> TrainingSettings:
    """Gradient descent without momentum."""
    given = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "select": "last"}
    return TrainingSettings(**{"learning_rate": 0.5, **given, **settings})


def linear(seed: int = 1, width: int = 2, **settings: Any) -> nn.Linear:
    """A linear model in double precision; the same weights for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(4, width, **settings).double()


def doubled(data: Dataset, dataset: Make) -> Dataset:
    """The data in double precision."""
    parts = (Split(s.x.double(), s.y, s.items) for s in (data.train, data.validation))
    made: Dataset = dataset(*parts)
    return made


def state(model: nn.Module) -> dict[str, Tensor]:
    """A copy of what a model holds."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
