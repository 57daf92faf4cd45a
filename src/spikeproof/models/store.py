"""Networks on disk: one safetensors file, the specification in its header; never a pickle."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from spikeproof.base import FileProblem, digest_arrays, write_atomic
from spikeproof.models.build import build
from spikeproof.models.network import ModelSpec, Network

__all__ = ["load_model", "model_digest", "read_tensors", "restore", "save_model", "write_tensors"]

# One metadata key only: the library does not fix the order of several, and equal content must
# give equal bytes.
_KEY = "spikeproof"
_SCHEMA = 1


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, object]) -> None:
    """Write named tensors and a plain-data header to a safetensors file, atomically."""
    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(header, sort_keys=True, allow_nan=False)
    write_atomic(path, save(contiguous, metadata={_KEY: text}))


def read_tensors(
    path: Path, what: str = "model file"
) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Read tensors and header of a safetensors file; FileProblem where it is not whole."""
    if not path.is_file():
        raise FileProblem(f"There is no {what} at {path}.")
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        header = json.loads(metadata[_KEY])
    except (SafetensorError, OSError, ValueError) as problem:
        raise FileProblem(
            f"{path} is not a whole safetensors {what} ({problem}); restore it from a copy or "
            "make it again. Pickled checkpoints are never opened."
        ) from None
    except KeyError:
        raise FileProblem(
            f"{path} was not written by spikeproof: its header has no {_KEY!r} entry."
        ) from None
    return tensors, header


def save_model(model: Network, path: Path | str) -> None:
    """Save weights and specification as one safetensors file.

    Args:
        model: The network.
        path: File to write; written whole or not at all.
    Raises:
        FileProblem: the file cannot be written.
    """
    write_tensors(Path(path), model.state_dict(), {"schema": _SCHEMA, "model": model.spec.record()})


def load_model(path: Path | str) -> Network:
    """Load a network saved by ``save_model``, strictly.

    Args:
        path: The safetensors file.
    Returns:
        The network, in evaluation mode.
    Raises:
        FileProblem: missing, truncated or foreign file, or one of another schema; tensors
            missing, unexpected, of another shape, or not finite.
        SettingError: an architecture this version does not know.
    """
    path = Path(path)
    tensors, header = read_tensors(path)
    if header.get("schema", _SCHEMA) != _SCHEMA:
        raise FileProblem(
            f"{path} has schema {header['schema']!r}; this version of spikeproof reads "
            f"{_SCHEMA}. Load it with the version that wrote it, or train the network again."
        )
    record = header.get("model")
    if not isinstance(record, dict):
        raise FileProblem(f"{path} holds no model specification in its header.")
    model = build(ModelSpec.from_record(record))
    restore(model, tensors, str(path))
    return model.eval()


def restore(model: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Copy tensors into a model whose keys and shapes must match exactly."""
    wanted = model.state_dict()
    missing, unexpected = (
        sorted(wanted.keys() - tensors.keys()),
        sorted(tensors.keys() - wanted.keys()),
    )
    if missing or unexpected:
        raise FileProblem(
            f"{where} does not fit this architecture: missing {missing or 'nothing'}, "
            f"unexpected {unexpected or 'nothing'}."
        )
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise FileProblem(
                f"{where}: tensor {name!r} has shape {tuple(tensor.shape)}; the architecture "
                f"needs {tuple(wanted[name].shape)}."
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FileProblem(f"{where}: tensor {name!r} holds values that are not finite.")
    model.load_state_dict(tensors, strict=True)


def model_digest(model: nn.Module) -> str:
    """Return one sha256 over all parameters and buffers of a model."""
    return digest_arrays({name: t.detach().cpu().numpy() for name, t in model.state_dict().items()})
