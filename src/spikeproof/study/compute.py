"""Compute one cell; runs in whatever process an executor chooses."""

from __future__ import annotations

import os
import platform
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spikeproof.attacks import Budget, Spending
from spikeproof.base import (
    DiskFull,
    FileProblem,
    InputError,
    SpikeproofError,
    UnreadableFile,
    computing,
    device_of,
    working_below,
)
from spikeproof.data import Dataset, Split
from spikeproof.evaluate import evaluate_ladder, flags_before, open_split, probe, right_draws
from spikeproof.models import Network, build, load_model, model_digest, on_device, save_model
from spikeproof.study.assemble import training_items
from spikeproof.study.beat import Beat
from spikeproof.study.cells import Cell
from spikeproof.study.datasets import dataset_as_planned
from spikeproof.study.fingerprint import code_sha256, files_sha256, versions
from spikeproof.study.grids import budget_grid
from spikeproof.study.interrupt import after_epoch, finishing_epochs
from spikeproof.study.objects import attack_of, threats_of, training_of
from spikeproof.study.own import own_network, take_network
from spikeproof.study.resources import Resources
from spikeproof.study.store import Arrays, CellFolder
from spikeproof.study.verdicts import masking_verdicts
from spikeproof.train import LOG, WALL, fit

__all__ = ["Done", "attempt", "single_thread"]

_CHECKPOINT = "training.safetensors"
Computed = tuple[dict[str, Any], dict[str, Arrays], str]


@dataclass(frozen=True)
class Done:
    """How a cell ended.

    Args:
        id: Of the cell.
        seconds: What it took.
        error: None, or the sentence that says why it failed.
        interrupted: Whether it was stopped by a signal: neither complete nor failed.
        full: Whether there was no room for its files, so that no other cell should be tried.
    """

    id: str
    seconds: float
    error: str | None = None
    interrupted: bool = False
    full: bool = False


def single_thread() -> None:
    """Compute on the threads of any cell, which is one."""
    torch.set_num_threads(Resources().threads)


def attempt(cells: Path, cell: Cell) -> Done:
    """Return how a cell ended that was computed into its folder; a failure is written down there.

    Args:
        cells: The folder that holds one folder per cell.
        cell: What to compute. Its parent, if any, must be complete.
    Raises:
        Interrupted: the process was asked to stop; the last epoch's checkpoint is kept.
    """
    folder = CellFolder(cells / cell.id)
    begun, busy = time.perf_counter(), time.process_time()
    before = torch.get_num_threads()
    torch.set_num_threads(cell.resources.threads)
    try:
        folder.begin()
        with working_below(cells):  # whoever handed the cell over holds the run
            _compute(folder, cell, begun, busy)
    except Exception as problem:
        ours = isinstance(problem, SpikeproofError)
        sentence = str(problem) if ours else f"{type(problem).__name__}: {problem}"
        try:
            folder.note_failure(sentence, traceback.format_exc())
        except FileProblem as full:
            sentence = f"{sentence} ({full})"
        full_disk = isinstance(problem, DiskFull)
        return Done(cell.id, time.perf_counter() - begun, sentence, full=full_disk)
    finally:
        torch.set_num_threads(before)
    return Done(cell.id, time.perf_counter() - begun)


def _compute(folder: CellFolder, cell: Cell, begun: float, busy: float) -> None:
    """Compute and write, record last."""
    data = dataset_as_planned(str(cell.cell["data"]), cell.data_source, cell.data_sha256)
    identity = (cell.cell, data.domain, _network_record(folder, cell))
    if code_sha256(*identity) != cell.code_sha256:
        raise SpikeproofError(
            "The code was changed while the study ran, so this cell would not be what its id says; "
            "run again."
        )
    if files_sha256(*identity) != cell.files:
        raise InputError(f"{', '.join(cell.files)} changed while the study ran; run again.")
    resumed = (folder.path / _CHECKPOINT).exists()
    with computing(_device(cell)):
        result, arrays, model_sha256 = _KINDS[cell.kind](folder, cell, data)
    record = {
        "id": cell.id,
        "cell": dict(cell.cell),
        "inputs": {
            "code_sha256": cell.code_sha256,
            "data_sha256": cell.data_sha256,
            "model_sha256": model_sha256,
            "parent": cell.parent,
            **({"files": dict(cell.files)} if cell.files else {}),
        },
        "versions": versions(),
        "resources": cell.resources.record(),
        "result": result,
    }
    folder.write(record, arrays, {**_wall(begun, busy), "resumed": resumed})
    for name in (_CHECKPOINT, LOG, WALL):  # the record holds the history
        (folder.path / name).unlink(missing_ok=True)


def _train(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Train a network, going on where a killed run stopped."""
    content = cell.cell
    spec, objective, settings, augment = training_of(content, data.domain)
    few = training_items(data, content["train_items"], content["validation_items"])
    checkpoint, device = folder.path / _CHECKPOINT, _device(cell)

    def trained() -> tuple[Network, dict[str, Any]]:
        model = build(spec, seed=content["seed"])
        with finishing_epochs():
            history = fit(
                model, few, objective, epochs=content["epochs"], seed=content["seed"],
                settings=settings, augment=augment, directory=folder.path, progress=after_epoch,
                device=device,
            )  # fmt: skip
        return model, history.record()

    try:
        model, result = trained()
    except (DiskFull, UnreadableFile):
        raise  # the checkpoint may well be whole
    except FileProblem as problem:
        if not checkpoint.exists():
            raise
        warnings.warn(f"Training {cell.title} anew: {problem}", stacklevel=2)
        checkpoint.unlink()
        model, result = trained()
    save_model(model, folder.path / "model.safetensors", make=False)
    return result, {}, model_digest(model)


def _network(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Take a network into the run: from its file, which is needed no more, or by a user's code."""
    result = take_network(folder.path, cell.cell, (str(cell.source), cell.weights), data)
    return result, {}, cell.cell["model_sha256"]


def _items(content: Mapping[str, Any], data: Dataset) -> Split:
    """The items that a cell looks at."""
    return open_split(data, content["split"], content["items"], skip=content["skip"])


def _attack(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Evaluate one ladder."""
    content, model = cell.cell, _parent(folder, cell, data)
    ladder, attacks = attack_of(content, data.domain)
    split = _items(content, data)
    seed, draws = content["seed"], content["draws"]
    spending = Spending(Budget(**content["budget"])) if "budget" in content else None
    keep = content.get("keep_adversarials", False)
    beat = Beat(folder.path, cell.title)
    try:
        outcome = evaluate_ladder(
            model, split, ladder, attacks, seed=seed, draws=draws, spending=spending, keep=keep,
            device=_device(cell), batch_size=cell.resources.batch_size, progress=beat,
        )  # fmt: skip
    finally:
        beat.end()
    arrays: dict[str, Arrays] = {"items.npz": outcome.arrays()}
    if outcome.gallery is not None:
        arrays["gallery.npz"] = outcome.gallery.arrays()
    if outcome.adversarials is not None:
        arrays["adversarials.npz"] = outcome.adversarials.arrays()
    return outcome.summary(), arrays, model_digest(model)


def _probe(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Probe vulnerability, gradients and activity."""
    content, model = cell.cell, _parent(folder, cell, data)
    threats = threats_of(content, data.domain)
    split = _items(content, data)
    probed = probe(
        model, split, threats, seed=content["seed"], draws=content["draws"],
        device=_device(cell), batch_size=cell.resources.batch_size,
    )  # fmt: skip
    return probed.summary(), {"items.npz": probed.arrays}, model_digest(model)


def _timing(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Count, per item and level, the draws of random timing noise that are answered right."""
    content, model = cell.cell, _parent(folder, cell, data)
    split = _items(content, data)
    there = on_device(model, _device(cell))

    def rights(kind: str, levels: Sequence[float], draws: int) -> Tensor:
        noise, seed, hidden = (kind, levels), content["seed"], content["hidden"]
        return right_draws(there, data, split, noise, hidden=hidden, draws=draws, seed=seed)

    clean, draws = rights("jitter", [0.0], 1)[0] > 0, content["draws"]
    by_kind = {kind: rights(kind, levels, draws) for kind, levels in content["levels"].items()}
    summary = {
        "n": len(split),
        "clean_accuracy": float(clean.double().mean()),
        "accuracy": {k: (v.double().mean(1) / draws).tolist() for k, v in by_kind.items()},
    }
    arrays = {"items": split.items, "y": split.y, "correct": clean, **by_kind}
    named = {name: tensor.numpy() for name, tensor in arrays.items()}
    return summary, {"items.npz": named}, model_digest(model)


def _diagnosis(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Look at a network before it is attacked."""
    model, split = _parent(folder, cell, data), _items(cell.cell, data)
    there = on_device(model, _device(cell))
    flags = flags_before(there, split.x, split.y, data.domain, seed=cell.cell["seed"])
    result = {"n": len(split), "flags": [flag.record() for flag in flags]}
    return result, {}, model_digest(model)


def _doctor(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Judge whether robust accuracy of a network is to be believed."""
    model, split = _parent(folder, cell, data), _items(cell.cell, data)
    found = masking_verdicts(on_device(model, _device(cell)), split, cell, data)
    return found, {}, model_digest(model)


def _grid(folder: CellFolder, cell: Cell, data: Dataset) -> Computed:
    """Attack a network of two views with every pair of budgets."""
    return budget_grid(_parent(folder, cell, data), data, cell, folder.path)


_KINDS: dict[str, Callable[[CellFolder, Cell, Dataset], Computed]] = {
    "attack": _attack, "diagnosis": _diagnosis, "doctor": _doctor, "grid": _grid,
    "network": _network, "probe": _probe, "timing": _timing, "train": _train,
}  # fmt: skip


def _device(cell: Cell) -> torch.device:
    """Where the cell is to be computed, if this machine has it."""
    return device_of(cell.resources.device, "[compute] device")


def _parent(folder: CellFolder, cell: Cell, data: Dataset) -> nn.Module:
    """The network that this cell looks at; made by a user's code where the cell says whose."""
    place = folder.path.parent / str(cell.parent)
    if cell.source is not None:
        return own_network(place, cell.source, data)
    return load_model(place / "model.safetensors")


def _network_record(folder: CellFolder, cell: Cell) -> dict[str, Any]:
    """The record of the network that a cell holds or looks at."""
    if cell.parent is None:
        return dict(cell.cell["model"])
    return CellFolder(folder.path.parent / cell.parent).network()


def _wall(begun: float, busy: float) -> dict[str, Any]:
    """What may differ between two runs of one cell; of a resumed training since then only."""
    return {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "host": {
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "processor_seconds": round(time.process_time() - busy, 3),
        "seconds": round(time.perf_counter() - begun, 3),
        "threads": torch.get_num_threads(),
    }
