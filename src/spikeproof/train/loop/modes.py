"""Scopes that leave a model's modes, and torch's random state, as they were found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from spikeproof.base import seeds
from spikeproof.models import restoring_modes

__all__ = ["randomness", "training"]


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """Training mode inside; a model already in it keeps the layers that its owner froze."""
    with restoring_modes(model):
        if not model.training:
            model.train()
        yield


@contextmanager
def randomness(seed: int, *labels: int | str, device: torch.device) -> Iterator[None]:
    """Torch's global generator starts from (seed, labels) inside and is put back afterwards.

    Only modules that draw from it themselves, such as dropout, notice.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(seeds(seed, n=1).child(*labels).bits((1,))) & (2**63 - 1))
        yield
