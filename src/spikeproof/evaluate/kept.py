"""Finished ladders of an audit under way, so that a killed one goes on."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from spikeproof.attacks import Budget
from spikeproof.base import (
    FileProblem,
    Lease,
    UnreadableFile,
    digest,
    digest_file,
    is_sealed,
    is_there,
    read_arrays,
    read_json,
    sealed,
    write_arrays,
    write_json,
)
from spikeproof.evaluate.audit_files import AuditSource, ladder_record
from spikeproof.evaluate.outcome import Outcome
from spikeproof.threats import Threat

__all__ = ["KeptLadders"]

_FOLDER = "ladders"


@dataclass(frozen=True)
class KeptLadders:
    """The ladders that an audit has finished, each under the hash of what it depends on.

    Args:
        folder: Of the audit; None keeps nothing.
        identity: What every ladder of the audit depends on.
    """

    folder: Path | None
    identity: dict[str, Any]

    @classmethod
    def at(
        cls,
        folder: Path | str | None,
        source: AuditSource,
        *,
        ladders: Sequence[Sequence[Threat]],
        seed: int,
        items: Tensor,
        budget: Budget | None,
    ) -> KeptLadders:
        """The ladders in a folder, after seeing that it can be written.

        Raises:
            FileProblem: it cannot, or holds a run.
        """
        identity = {
            "source": source.record(),
            "ladders": [ladder_record(ladder) for ladder in ladders],
            "seed": seed,
            "items": digest(items.tolist()),
            "budget": None if budget is None else budget.record(),
        }
        if folder is None:
            return cls(None, identity)
        place = Path(folder)
        if place.exists() and not place.is_dir():
            raise FileProblem(f"{place} is a file; an audit needs a folder of its own.")
        if (place / "plan.json").exists():
            raise FileProblem(f"{place} holds a run; choose another folder for the audit.")
        path = place / _FOLDER / "identity.json"
        other = path.exists() and read_json(path, "identity of an audit") != identity
        if other or ((place / "audit.json").exists() and not path.exists()):
            raise FileProblem(
                f"{place} holds another audit; choose another folder, or move that one away."
            )
        write_json(path, identity)
        return cls(place, identity)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for one audit.

        Raises:
            FileProblem: another process holds it.
        """
        if self.folder is None:
            yield
            return
        with Lease(self.folder, "auditing"):
            yield

    def find(self, ladder: Sequence[Threat]) -> Outcome | None:
        """The outcome of a ladder that was finished; None where it was not, or is damaged.

        Raises:
            UnreadableFile: it is there, and the system does not let us read it.
        """
        path = self._path(ladder)
        if path is None or not is_there(path):
            return None
        try:
            record = read_json(path, "finished ladder")
            if not is_sealed(record):
                raise FileProblem(f"{path} was changed after it was written.")
            arrays = path.with_suffix(".npz")
            found = read_arrays(arrays, "array file of a ladder", sha256=record["arrays"])
            gallery = {k.partition(".")[2]: a for k, a in found.items() if k.startswith("gallery.")}
            return Outcome.rebuilt(tuple(ladder), record["summary"], found, gallery or None)
        except UnreadableFile:
            raise  # it may well be whole
        except (AttributeError, FileProblem, KeyError, TypeError, ValueError) as problem:
            warnings.warn(f"{ladder[0].name} is computed again: {problem}", stacklevel=3)
            return None

    def keep(self, outcome: Outcome) -> None:
        """Write a finished ladder, the file that names the other one last."""
        path = self._path(outcome.ladder)
        if path is None:
            return
        arrays = outcome.arrays()
        if outcome.gallery is not None:
            arrays |= {f"gallery.{key}": array for key, array in outcome.gallery.arrays().items()}
        write_arrays(path.with_suffix(".npz"), arrays)
        summary = {key: value for key, value in outcome.summary().items() if "accuracy" not in key}
        record = {"arrays": digest_file(path.with_suffix(".npz")), "summary": summary}
        write_json(path, sealed(json.loads(json.dumps(record))))

    def _path(self, ladder: Sequence[Threat]) -> Path | None:
        """Where the record of a ladder stands."""
        if self.folder is None:
            return None
        name = digest({**self.identity, "ladder": ladder_record(ladder)})[:16]
        return self.folder / _FOLDER / f"{name}.json"
