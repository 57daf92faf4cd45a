"""How long a run will take and how much memory, extrapolated from a few steps of it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from spikeproof.data import Dataset
from spikeproof.train.keep.logs import peak_bytes
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.modes import randomness, training
from spikeproof.train.loop.parallel import Group
from spikeproof.train.loop.run import Run
from spikeproof.train.loop.validate import validate

__all__ = ["TimeEstimate", "estimate"]


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """What a run will take, roughly.

    Args:
        seconds: All epochs, validation included.
        peak_bytes: Most memory held: of the GPU by tensors, or of the computer by the process.
        step_seconds: One training step.
        steps: Training steps in all.
        validation_seconds: One look at the validation items, attacks included.
    """

    seconds: float
    peak_bytes: int
    step_seconds: float
    steps: int
    validation_seconds: float

    def __str__(self) -> str:
        minutes = self.seconds / 60
        span = f"{self.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min"
        span = f"{minutes / 60:.1f} h" if minutes >= 120 else span
        return (
            f"Estimate from two steps: about {span} for {self.steps} steps of "
            f"{1000 * self.step_seconds:.0f} ms and validation, and "
            f"{self.peak_bytes / 1e9:.1f} GB of memory."
        )


def estimate(model: nn.Module, data: Dataset, work: Job) -> TimeEstimate:
    """Take two steps and look at one validation batch on a copy of the model; extrapolate.

    The first step pays for what is compiled and allocated once, so only the second is timed. The
    attack's cost changes as a model learns, so the truth may lie half above or below.

    Args:
        model: Is left as it is.
        data: What it will be trained on.
        work: What will be done.
    Returns:
        The estimate.
    Cost: two training steps and two looks at one batch of validation items.
    """
    with torch.enable_grad():
        model = copy.deepcopy(model)
        with training(model), randomness(work.seed, "estimate", device=_device(model)):
            run = Run(model, data, work, Group())
            order = run.order(1)
            idx = order[0]
            for _ in range(2):
                step = _timed(
                    lambda: run.step(run.loader.step(1, 0, len(order), idx), idx), run.device
                )
            few = data.validation[: work.settings.batch_size]
            looks = 0.0
            for _ in range(2 if len(few) else 0):
                looks = _timed(lambda: validate(model, few, work, run.group), run.device)
    share = math.ceil(len(data.validation) / work.settings.batch_size)
    steps = work.epochs * len(order)
    return TimeEstimate(
        seconds=steps * step + work.epochs * share * looks,
        peak_bytes=peak_bytes(run.device),
        step_seconds=step,
        steps=steps,
        validation_seconds=share * looks,
    )


def _device(model: nn.Module) -> torch.device:
    """Where the model is."""
    return next(model.parameters()).device


def _timed(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that a call takes, waiting for the GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun
