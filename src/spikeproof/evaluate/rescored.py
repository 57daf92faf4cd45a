"""The adversarial inputs that a run kept, scored again by code that shares nothing with attacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikeproof.base import FileProblem
from spikeproof.data import Split, load, open_data
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.run_files import StoredCell, StoredRun
from spikeproof.evaluate.sealed import open_split
from spikeproof.models import Network, load_model
from spikeproof.rescore import KeptLadder, Rescored, StoredNetwork, rescore, unknown_threat

__all__ = ["RescoredCell", "rescore_ladder", "rescore_run"]

_KEPT = "adversarials.npz"


@dataclass(frozen=True)
class RescoredCell:
    """A ladder of a run, scored again.

    Args:
        title: Data set, network, seed, threat.
        rescored: What came of it; None where it cannot be scored again.
        why: Why not: the threat is of another package, whose lengths cannot be measured without
            it, or the network is made by code of a user, which is not run for a second look.
    """

    title: str
    rescored: Rescored | None
    why: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing disagrees with the record."""
        return self.rescored is None or self.rescored.holds

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        one = self.rescored
        if one is None:
            return f"{self.title}: not scored again, as {self.why}."
        how = "a forward pass of its own" if one.own else "the network's plain forward pass"
        shares = ", ".join(f"{100 * share:.1f}" for share in one.found)
        text = f"{self.title}: {one.inputs} inputs scored again by {how}, robust {shares} %"
        if not one.holds:
            return f"{text}; NOT what the record says, {len(one.disagreements)} items differ."
        turned = f"; rounding decides {one.rounding} of them" if one.rounding else ""
        return f"{text}, as recorded{turned}."


def rescore_run(folder: Path | str) -> list[RescoredCell]:
    """Score the inputs that a run kept again, every complete ladder that kept some.

    Distance, box and grid are measured from the records. A network of a kind that
    ``StoredNetwork`` knows is computed in float64 from the definitions of its layers, another one
    by its plain forward pass. Nothing is asked of attacks, threats or oracle.

    Args:
        folder: The run. It need not be complete.
    Returns:
        One entry per ladder, in the order of the plan; empty where nothing was kept.
    Raises:
        FileProblem: no run there, or a file of it was changed.
        InputError: the data set is not the one that was attacked.
    Cost:
        One forward pass per clean item and kept input.
    Example:
        >>> rescore_run("no-such-run")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no run folder at no-such-run.
    """
    run, found = StoredRun.read(Path(folder)), []
    for entry in run.cells:
        asked = entry["cell"]["kind"] == "attack" and entry["cell"].get("keep_adversarials")
        if not asked or not (run.folder / "cells" / str(entry["id"]) / "record.json").exists():
            continue
        cell = run.cell(entry)
        holder = run.cell({"id": entry["parent"], "title": "its network"})
        why = _unscored(cell, holder)
        scored = None if why else _rescored(cell, holder, entry.get("data_source"))
        found.append(RescoredCell(str(entry["title"]), scored, why))
    return found


def _unscored(cell: StoredCell, holder: StoredCell) -> str:
    """Why a ladder cannot be scored again; empty where it can."""
    if unknown_threat(cell.cell["threat"]):
        return "its threat is of another package"
    model = holder.cell["model"]
    if "source" in model:
        return f"its network is made by {model['name']}, code of yours that is not run for this"
    return ""


def _rescored(cell: StoredCell, holder: StoredCell, source: str | None) -> Rescored:
    """One ladder."""
    content, split = cell.cell, _split(cell, source)
    if _KEPT not in cell.files:
        raise FileProblem(f"{cell.folder} was to keep {_KEPT}, and its record names no such file.")
    arrays, kept = cell.arrays(), cell.arrays(_KEPT)
    if not np.array_equal(arrays["items"], split.items.numpy()):
        raise FileProblem(f"{cell.folder / 'items.npz'} is about other items than its record.")
    path = holder.folder / "model.safetensors"
    ladder = KeptLadder(
        threat=content["threat"],
        domain=holder.cell["model"]["domain"],
        items=arrays["items"],
        correct=arrays["correct"],
        broken=arrays["broken"],
        kept_items=kept["items"],
        kept_level=kept["level"],
        kept_x_adv=kept["x_adv"],
    )
    return rescore_ladder(ladder, split, path)


def rescore_ladder(ladder: KeptLadder, split: Split, model: Path) -> Rescored:
    """Score the kept inputs of one ladder again, as ``rescore_run`` does.

    Args:
        ladder: What is said of the items, and the inputs.
        split: The items.
        model: File of the network, which was compared with its hash.
    Raises:
        FileProblem: the file is no whole network of the package.
    Cost:
        One forward pass per clean item and kept input.
    """
    plain = partial(_plain, load_model(model), split)
    return rescore(ladder, split.x.numpy(), split.y.numpy(), StoredNetwork.read(model), plain)


def _plain(network: Network, split: Split, x: np.ndarray[Any, Any], at: Any) -> Any:
    """Margins under the plain forward pass, with the draws of the items."""
    where = torch.from_numpy(np.asarray(at))
    inputs = torch.from_numpy(np.asarray(x, dtype=np.float32))
    return margins(plain_logits(network, inputs, items=split.items[where]), split.y[where]).numpy()


def _split(cell: StoredCell, source: str | None) -> Split:
    """The items that a cell looked at; the source is that of data of the user's own."""
    content: Mapping[str, Any] = cell.cell
    name = str(content["data"])
    data = load(name) if source is None else open_data(source, name=name)
    if data.spec.sha256 != cell.inputs["data_sha256"]:
        raise FileProblem(f"Data set {data.spec.name} is not the one that {cell.folder} attacked.")
    return open_split(data, content["split"], content["items"], skip=content["skip"])
