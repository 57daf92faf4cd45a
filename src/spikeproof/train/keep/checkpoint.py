"""The one file from which a training run goes on exactly where it was."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.base import (
    FileProblem,
    SettingError,
    UnreadableFile,
    digest_arrays,
    is_there,
    settings_from,
    write_atomic,
)
from spikeproof.data import Dataset, Domain, Views
from spikeproof.models import (
    Network,
    model_digest,
    read_tensors,
    tensors_sha256,
    write_tensors,
)
from spikeproof.train.loop.job import Job
from spikeproof.train.loop.robust_validation import RobustValidation
from spikeproof.train.objective import Objective

__all__ = ["Checkpoint", "identity"]

_NAME = "training.safetensors"


def identity(model: nn.Module, data: Dataset, work: Job) -> dict[str, Any]:
    """Everything that decides the outcome of a run, as plain data."""
    splits = {"train": data.train, "validation": data.validation}
    arrays = {
        f"{name}.{field}": getattr(split, field).cpu().numpy()
        for name, split in splits.items()
        for field in ("x", "y", "items")
    }
    return {
        **work.record(),
        "data": digest_arrays(arrays),
        "architecture": {
            "class": type(model).__qualname__,
            "spec": model.spec.record() if isinstance(model, Network) else None,
            "tensors": {
                name: f"{tensor.dtype} {tuple(tensor.shape)}"
                for name, tensor in model.state_dict().items()
            },
        },
        "first weights": model_digest(model),
    }


class Checkpoint:
    """A run's file in a folder: whole or absent, checked on reading.

    Args:
        directory: Folder of the run; made if need be.
        identity: What the run is; a file of another run is refused.
        needed: Bytes that one file takes, roughly; 0 where this process will not write.
        domain: Of the data, on which threats of a stored identity are built.
    Raises:
        FileProblem: the folder cannot be written, or has too little room.
    """

    def __init__(
        self,
        directory: Path | str,
        identity: dict[str, Any],
        needed: int,
        domain: Domain | Views | None = None,
    ) -> None:
        self.path = Path(directory) / _NAME
        self.domain = domain
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        if not needed:
            return
        probe = self.path.with_name(f"{_NAME}.probe")
        write_atomic(probe, bytes(4096))
        probe.unlink(missing_ok=True)
        free = shutil.disk_usage(self.path.parent).free
        if free < needed:
            raise FileProblem(
                f"Cannot train into {self.path.parent}: a checkpoint takes about "
                f"{needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free. Free some space or "
                "choose another folder."
            )

    def save(self, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        """Write the state after an epoch, atomically."""
        # Clones, because tied weights share memory and the format has no word for that.
        copies = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        header = {
            "schema": 1,
            "identity": self.identity,
            "progress": progress,
            "versions": _versions(),
        }
        # The folder was made at the start; a missing one was moved away or removed.
        write_tensors(self.path, copies, header, make=False)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and progress of an earlier call, or None where there was none.

        Raises:
            FileProblem: the file is truncated, changed, or not ours.
            SettingError: it belongs to a run with other settings.
        """
        if not is_there(self.path):
            return None
        mend = f"Delete {self.path} to train from the start, or restore it from a copy."
        try:
            tensors, header = read_tensors(self.path, "training checkpoint")
        except UnreadableFile:
            raise
        except FileProblem as problem:
            raise FileProblem(f"{problem} {mend}") from None
        there, progress = header.get("identity"), header.get("progress")
        if (
            header.get("schema") != 1
            or not isinstance(there, dict)
            or not isinstance(progress, dict)
        ):
            raise FileProblem(f"{self.path} is not a training checkpoint. {mend}")
        # Checkpoints of earlier versions had a hash of their own, over the tensors alone.
        if header.get("tensors_sha256", known := tensors_sha256(tensors)) != known:
            raise FileProblem(f"{self.path} was changed after it was written. {mend}")
        self._compare(there)
        if header.get("versions") != _versions():
            warnings.warn(
                f"{self.path} was written under {header.get('versions')} and the run goes on "
                f"under {_versions()}: the last bits may differ from an unbroken run.",
                stacklevel=4,
            )
        return tensors, progress

    def _compare(self, there: Mapping[str, Any]) -> None:
        """Raise unless the file belongs to this very run."""
        differences = list(_differences(there, self.identity))
        if differences:  # a release may have renamed what the file holds
            differences = list(_differences(_rewritten(there, self.domain), self.identity))
        if differences:
            raise SettingError(
                f"{self.path} belongs to another training run: {'; '.join(differences[:4])}. "
                "Call fit as it was called before (a model built anew, the same data and "
                "settings) to go on, or choose another directory."
            )


def _rewritten(there: Mapping[str, Any], domain: Domain | Views | None) -> dict[str, Any]:
    """A stored identity with its objective and validation as they are written today."""
    today = dict(there)
    try:
        today["objective"] = Objective.from_record(there["objective"], domain=domain).record()
        if there["exam"] is not None:
            place = "robust validation"
            today["exam"] = settings_from(RobustValidation, there["exam"], place, given=domain)
            today["exam"] = today["exam"].record()
    except (KeyError, SettingError):  # the comparison says what is wrong
        return dict(there)
    rewritten: dict[str, Any] = json.loads(json.dumps(today))
    return rewritten


def _differences(stored: Any, current: Any, where: str = "") -> Iterator[str]:
    """One phrase per place where two records differ."""
    if isinstance(stored, dict) and isinstance(current, dict):
        for name in sorted(stored.keys() | current.keys()):
            place = f"{where}.{name}" if where else name
            yield from _differences(stored.get(name), current.get(name), place)
    elif stored != current:
        yield f"{where} was {_short(stored)}, is {_short(current)}"


def _short(value: Any) -> str:
    """A value in a sentence: hashes cut short."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:20]}..."


def _versions() -> dict[str, str]:
    """The versions that decide the last bits."""
    return {"torch": str(torch.__version__)}
