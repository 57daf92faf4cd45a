"""Whether files are what their own records say: of a run, an audit, a training, an extract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spikeproof.analysis.extract import extracted
from spikeproof.base import FileProblem, SettingError, UnreadableFile
from spikeproof.evaluate import Audit
from spikeproof.models import load_model, read_tensors
from spikeproof.runs import inspect_run

__all__ = ["Verification", "verify"]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of comparing files with the hashes that their own records hold.

    Args:
        path: What was looked at.
        kind: ``"run"``, ``"audit"``, ``"training"``, ``"model"`` or ``"extract"``.
        files: How many files were compared.
        changed: One sentence per file that is not what the records say.
        cells: Of a run, complete cells.
        missing: Of a run, cells that are not complete.
        ended: Of a run, whether it has a manifest; one that is at work or was killed has none.
    """

    path: Path
    kind: str
    files: int
    changed: tuple[str, ...] = ()
    cells: int = 0
    missing: int = 0
    ended: bool = True

    @property
    def sound(self) -> bool:
        """Whether nothing was changed."""
        return not self.changed

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        name = f"{self.path}, a{'n' if self.kind[0] in 'ae' else ''} {self.kind}"
        if self.changed:
            return f"{name}: NOT what its records say, {len(self.changed)} changed."
        parts = [f"{self.files} files compared"]
        if self.kind == "run":
            parts.append(f"{self.cells} of {self.cells + self.missing} cells complete")
            parts += [] if self.ended else [self._unended()]
        return f"{name}: what its records say ({', '.join(parts)})."

    def _unended(self) -> str:
        """Why there may be no manifest."""
        if self.missing:
            return "no manifest, as it has not ended"
        return "no manifest, though every cell is complete: run it again to have one"


def verify(path: Path | str) -> Verification:
    """Compare a run folder, an audit, a training folder, a model or an extract with its hashes.

    Hashes tell a change, by accident or by an editor; they are no signatures. Whoever writes all
    of them anew can write anything.

    Args:
        path: A folder with ``plan.json``, ``audit.json`` or ``model.safetensors``, a
            ``.safetensors`` file, or an extract.
    Returns:
        What was compared, and every file that was changed.
    Raises:
        FileProblem: there is nothing of that kind.
        UnreadableFile: a file is there, and the system does not let us read it.
    Cost:
        Reads every file once.
    Example:
        >>> verify("no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is nothing to verify at no-such-run.
    """
    path = Path(path)
    if not path.exists():
        raise FileProblem(f"There is nothing to verify at {path}.")
    if not path.is_dir():
        return (_model if path.suffix == ".safetensors" else _extract)(path)
    for name, look in _FOLDERS.items():
        if (path / name).exists():
            return look(path)
    raise FileProblem(
        f"There is nothing to verify in {path}: it holds no {', '.join(_FOLDERS)}; name a run, an "
        "audit, the folder of a training, a model or an extract."
    )


def _run(path: Path) -> Verification:
    """A run folder, and the audit that was saved into it."""
    try:
        found = inspect_run(path, strangers=True)
    except UnreadableFile:
        raise
    except FileProblem as problem:
        return Verification(path=path, kind="run", files=1, changed=(str(problem),))
    saved = _changed(Audit.load, path) if (path / "audit.json").exists() else ()
    return Verification(
        path=path,
        kind="run",
        files=1 + sum(1 + len(record["files"]) for record in found.records.values()),
        changed=(*found.problems, *saved),
        cells=len(found.records),
        missing=len(found.missing),
        ended=found.ended,
    )


def _audit(path: Path) -> Verification:
    """A folder that ``Audit.save`` wrote."""
    return Verification(path=path, kind="audit", files=2, changed=tuple(_changed(Audit.load, path)))


def _training(path: Path) -> Verification:
    """A folder that ``spikeproof train`` wrote: model, card, and the checkpoint if it is there."""
    looks: list[tuple[Callable[[Path], object], Path]] = [(load_model, path / "model.safetensors")]
    looks += [(read_tensors, one) for one in [path / "training.safetensors"] if one.exists()]
    changed = [sentence for look, one in looks for sentence in _changed(look, one)]
    return Verification(path=path, kind="training", files=len(looks), changed=tuple(changed))


def _model(path: Path) -> Verification:
    """A model, the weights of a user's network, or another of our files of tensors."""

    def look(path: Path) -> object:
        _, header = read_tensors(path)
        return load_model(path) if "model" in path.name and "source" not in header else None

    return Verification(path=path, kind="model", files=1, changed=tuple(_changed(look, path)))


def _extract(path: Path) -> Verification:
    """An extract."""
    return Verification(
        path=path, kind="extract", files=1, changed=tuple(_changed(extracted, path))
    )


# File in a folder → what looks at the folder; the first that is there decides.
_FOLDERS: dict[str, Callable[[Path], Verification]] = {
    "plan.json": _run,
    "audit.json": _audit,
    "model.safetensors": _training,
}


def _changed(look: Callable[[Path], object], path: Path) -> Iterator[str]:
    """The sentence of what is wrong, where something is."""
    try:
        look(path)
    except UnreadableFile:
        raise
    except (FileProblem, SettingError) as problem:
        yield str(problem)
