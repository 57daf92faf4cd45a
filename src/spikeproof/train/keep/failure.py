"""A step that became NaN or infinite, kept so that it can be looked at: tensors and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from spikeproof.base import FileProblem, Seeds, write_json
from spikeproof.models import read_tensors, write_tensors
from spikeproof.train.inputs.base import Memory
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.step import Step

__all__ = ["TrainingFailure", "failed", "load_failure"]

_NAME = "diverged"


@dataclass(frozen=True, kw_only=True)
class TrainingFailure:
    """Everything that one failed step needs to fail again.

    Args:
        model: The model's ``state_dict`` before the step's update.
        x: Inputs as the objective got them, augmented but not yet attacked, ``(N, *shape)``.
        y: Class numbers, ``(N,)``.
        items: Numbers of the items, ``(N,)``.
        seeds: Keys that the objective drew from, one per item.
        memory: What the inputs remembered of earlier steps.
        clean: Parameters and buffers of the model that a hook has trained on unattacked items
            beside the other, by name.
        about: Epoch, step, share of the training done, layer, loss and its parts, objective,
            settings and model, as plain data; also in ``diverged.json``.
    """

    model: Mapping[str, Tensor] = field(repr=False)
    x: Tensor = field(repr=False)
    y: Tensor = field(repr=False)
    items: Tensor = field(repr=False)
    seeds: Seeds = field(repr=False)
    memory: Mapping[str, Tensor] = field(repr=False)
    clean: Mapping[str, Tensor] = field(repr=False)
    about: Mapping[str, Any]

    def save(self, directory: Path) -> Path:
        """Write ``diverged.safetensors`` and ``diverged.json``; return the first."""
        tensors = {f"model.{name}": t.detach().cpu().clone() for name, t in self.model.items()}
        tensors |= {f"memory.{name}": t.clone() for name, t in self.memory.items()}
        # "natural": its name in every file there is.
        tensors |= {f"natural.{n}": t.detach().cpu().clone() for n, t in self.clean.items()}
        batch = {"x": self.x, "y": self.y, "items": self.items, "seeds": self.seeds.values}
        tensors |= {name: t.detach().cpu().contiguous() for name, t in batch.items()}
        path = directory / f"{_NAME}.safetensors"
        write_tensors(path, tensors, {"schema": 1, "about": dict(self.about)})
        write_json(directory / f"{_NAME}.json", dict(self.about))
        return path


def failed(
    model: nn.Module,
    work: Job,
    step: Step,
    memory: Memory,
    *,
    clean: Mapping[str, Tensor],
    what: str,
    layer: str | None,
) -> TrainingFailure:
    """The step in which ``layer`` was the first to become NaN or infinite."""
    spec = getattr(model, "spec", None)
    about = {
        "epoch": step.epoch,
        "step": step.index + 1,
        "progress": step.progress,
        "layer": layer,
        "what": what,
        "items": step.items.tolist(),
        "seed": work.seed,
        "objective": repr(work.objective),
        "settings": repr(work.settings),
        "model": spec.record() if spec is not None else type(model).__qualname__,
        "torch": str(torch.__version__),
    }
    return TrainingFailure(
        model=model.state_dict(),
        x=step.x,
        y=step.y,
        items=step.items,
        seeds=step.seeds,
        memory=memory,
        clean=clean,
        about=about,
    )


def load_failure(path: Path | str) -> TrainingFailure:
    """Read the file of a failed step.

    Args:
        path: A ``diverged.safetensors``.
    Returns:
        The failed step; put ``failure.model`` into a model of the same architecture, and call the
        objective with ``failure.x``, ``failure.y``, ``seeds=failure.seeds``,
        ``memory=dict(failure.memory)`` and ``progress=failure.about["progress"]``. Where
        ``failure.about["layer"]`` names the clean model, it is the cross-entropy of
        ``torch.func.functional_call(model, dict(failure.clean), (failure.x,))`` that fails.
    Raises:
        FileProblem: missing, truncated, or not the file of a failed step.
    """
    tensors, header = read_tensors(Path(path), "file of a failed step")
    about = header.get("about")
    if not isinstance(about, dict) or not {"x", "y", "items", "seeds"} <= tensors.keys():
        raise FileProblem(f"{path} is not the file of a failed step.")
    weights, memory, clean = (
        {name[len(kind) :]: t for name, t in tensors.items() if name.startswith(kind)}
        for kind in ("model.", "memory.", "natural.")
    )
    return TrainingFailure(
        model=weights,
        x=tensors["x"],
        y=tensors["y"],
        items=tensors["items"],
        seeds=Seeds(tensors["seeds"]),
        memory=memory,
        clean=clean,
        about=cast(dict[str, Any], about),
    )
