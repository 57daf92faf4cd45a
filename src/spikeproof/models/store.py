"""Networks on disk: one safetensors file, the specification in its header; never a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.base import (
    FileProblem,
    InputError,
    SettingError,
    digest_arrays,
    is_there,
    read_json,
    sweep,
)
from spikeproof.data import Dataset
from spikeproof.models.build import build
from spikeproof.models.network import ModelSpec, Network
from spikeproof.models.tensors import read_stored, write_tensors

__all__ = ["check_fit", "load_model", "model_digest", "restore", "save_model"]

_SCHEMA = 1
_LONGEST = 1 << 16  # steps of a network that is read
_OLD = 3600.0  # seconds after which a temporary file beside a model has no writer any more

Shapes = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def save_model(model: Network, path: Path | str, *, make: bool = True) -> None:
    """Save weights and specification as one safetensors file, with a hash over both.

    Args:
        model: The network.
        path: File to write; written whole or not at all.
        make: Whether its folder is made if need be.
    Raises:
        FileProblem: the file cannot be written.
    """
    header = {"schema": _SCHEMA, "model": model.spec.record()}
    write_tensors(Path(path), model.state_dict(), header, make=make)
    sweep(Path(path).parent, older=_OLD)


def load_model(path: Path | str) -> Network:
    """Load a network saved by ``save_model``, strictly.

    Names, types and shapes of the tensors are compared with the specification before any memory is
    taken for the network, then the hash of weights and specification, and that of the card beside
    the file where there is one.

    Args:
        path: The safetensors file.
    Returns:
        The network, in evaluation mode.
    Raises:
        FileProblem: missing, truncated, changed or foreign file, or one of another schema; tensors
            missing, unexpected, of another type or shape, or not finite.
        SettingError: an architecture this version does not know.
    """
    path = Path(path)
    stored = read_stored(path)
    header = stored.header
    if header.get("schema", _SCHEMA) != _SCHEMA:
        raise FileProblem(
            f"{path} has schema {header['schema']!r}; this version of spikeproof reads "
            f"{_SCHEMA}. Load it with the version that wrote it, or train the network again."
        )
    record = header.get("model")
    if not isinstance(record, dict):
        raise FileProblem(f"{path} holds no model specification in its header.")
    spec = ModelSpec.from_record(record)
    _fits(stored.shapes, _wanted(spec, len(stored.shapes), path), str(path))
    tensors = stored.tensors()
    model = build(spec)
    restore(model, tensors, str(path))
    _check_card(path, model)
    return model.eval()


def check_fit(spec: ModelSpec, path: Path, data: Dataset, *, how: str = "") -> None:
    """Raise InputError unless a stored network reads the items of a data set.

    Args:
        spec: Of the network.
        path: Its file, for the sentence.
        data: The data set.
        how: How to name another data set, such as ``" with --data"``.
    """
    if tuple(spec.domain.shape) != tuple(data.domain.shape):
        raise InputError(
            f"The model in {path} reads items of shape {tuple(spec.domain.shape)}; "
            f"{data.spec.name} has {tuple(data.domain.shape)}. Name the data set it was trained "
            f"on{how}."
        )


def restore(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Copy tensors into a model whose names, types and shapes must match."""
    _fits(_shapes_of(tensors), _shapes_of(model.state_dict()), where)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FileProblem(f"{where}: tensor {name!r} holds values that are not finite.")
    model.load_state_dict(tensors, strict=True)


def model_digest(model: nn.Module) -> str:
    """Return one sha256 over all parameters and buffers of a model."""
    return digest_arrays({name: _plain(tensor) for name, tensor in model.state_dict().items()})


def _plain(tensor: Tensor) -> np.ndarray[Any, Any]:
    """A tensor as an array; numpy knows no bfloat16, whose bits are taken instead."""
    tensor = tensor.detach().cpu()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _wanted(spec: ModelSpec, tensors: int, path: Path) -> Shapes:
    """What a network of this specification holds, found without memory for it."""
    # Norms of their own for every step are the one thing whose number grows with a setting.
    if spec.timesteps > (tensors if spec.norm == "per-step" else _LONGEST):
        raise FileProblem(f"{path}: a network of {spec.timesteps:,} steps does not fit this file.")
    try:
        with torch.device("meta"):
            return _shapes_of(build(spec).state_dict())
    except SettingError:
        raise
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as problem:
        raise FileProblem(
            f"{path}: no network of this specification can be built ({str(problem)[:200]})."
        ) from None


def _shapes_of(tensors: Mapping[str, Tensor]) -> Shapes:
    """Type and shape by name."""
    return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}


def _fits(found: Shapes, wanted: Shapes, where: str) -> None:
    """Raise FileProblem unless names, types and shapes are those that an architecture needs."""
    missing, unexpected = sorted(wanted.keys() - found), sorted(found.keys() - wanted)
    if missing or unexpected:
        raise FileProblem(
            f"{where} does not fit this architecture: missing {_few(missing)}, "
            f"unexpected {_few(unexpected)}."
        )
    for name, (kind, shape) in found.items():
        needed, extent = wanted[name]
        if shape != extent:
            raise FileProblem(
                f"{where}: tensor {name!r} has shape {shape}; the architecture needs {extent}."
            )
        if kind != needed and not (kind.is_floating_point and needed.is_floating_point):
            raise FileProblem(
                f"{where}: tensor {name!r} is {kind}; the architecture needs {needed}."
            )


def _few(names: list[str]) -> str:
    """Names in a sentence, the first of many."""
    if len(names) <= 6:
        return str(names or "nothing")
    return f"{names[:6]} and {len(names) - 6} more"


def _check_card(path: Path, model: Network) -> None:
    """Raise FileProblem where a card beside the file is that of other weights."""
    card = path.with_suffix(".card.json")
    if not is_there(card):
        return
    content = read_json(card, "model card", follow=True)
    try:
        known = content["model"]["sha256"]
    except (KeyError, TypeError):
        known = None
    if known != model_digest(model):
        raise FileProblem(
            f"{path} does not hold the weights that {card} is about; one of the two was changed "
            "or belongs to another network. Restore them, or move the card away."
        )
