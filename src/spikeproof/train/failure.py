"""A step that left the finite numbers, kept so that it can be looked at: tensors and plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from spikeproof.base import FileProblem, Seeds, write_json
from spikeproof.models import read_tensors, write_tensors

__all__ = ["Failure", "load_failure"]

_NAME = "diverged"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Everything that one failed step needs to fail again.

    Args:
        model: The model's ``state_dict`` before the step's update.
        x: Inputs as the objective got them, augmented but not yet attacked, ``(N, *shape)``.
        y: Class numbers, ``(N,)``.
        items: Numbers of the items, ``(N,)``.
        seeds: Keys that the objective drew from, one per item.
        about: Epoch, step, layer, loss and its parts, objective, settings and model, as plain
            data; also in ``diverged.json``.
    """

    model: Mapping[str, Tensor] = field(repr=False)
    x: Tensor = field(repr=False)
    y: Tensor = field(repr=False)
    items: Tensor = field(repr=False)
    seeds: Seeds = field(repr=False)
    about: Mapping[str, Any]

    def save(self, directory: Path) -> Path:
        """Write ``diverged.safetensors`` and ``diverged.json``; return the first."""
        tensors = {f"model.{name}": t.detach().cpu().clone() for name, t in self.model.items()}
        batch = {"x": self.x, "y": self.y, "items": self.items, "seeds": self.seeds.values}
        tensors |= {name: t.detach().cpu().contiguous() for name, t in batch.items()}
        path = directory / f"{_NAME}.safetensors"
        write_tensors(path, tensors, {"schema": 1, "about": dict(self.about)})
        write_json(directory / f"{_NAME}.json", dict(self.about))
        return path


def load_failure(path: Path | str) -> Failure:
    """Read the file of a failed step.

    Args:
        path: A ``diverged.safetensors``.
    Returns:
        The failed step; put ``failure.model`` into a model of the same architecture, and call the
        objective with ``failure.x``, ``failure.y`` and ``seeds=failure.seeds``.
    Raises:
        FileProblem: missing, truncated, or not the file of a failed step.
    """
    tensors, header = read_tensors(Path(path), "file of a failed step")
    about = header.get("about")
    if not isinstance(about, dict) or not {"x", "y", "items", "seeds"} <= tensors.keys():
        raise FileProblem(f"{path} is not the file of a failed step.")
    weights = {name[6:]: t for name, t in tensors.items() if name.startswith("model.")}
    return Failure(
        model=weights,
        x=tensors["x"],
        y=tensors["y"],
        items=tensors["items"],
        seeds=Seeds(tensors["seeds"]),
        about=cast(dict[str, Any], about),
    )
