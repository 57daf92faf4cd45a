"""From attacked frames back to a recording that gives exactly these frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikeproof.base import InputError, check_one_of
from spikeproof.data.streams.binning import Binning
from spikeproof.data.streams.recording import Recording

__all__ = ["WrittenBack", "write_back"]

Array = np.ndarray[Any, Any]
_RULES = ("newest", "oldest")


@dataclass(frozen=True, eq=False)
class WrittenBack:
    """A recording made from attacked frames, and what differs from the original.

    Args:
        recording: The legal recording; binned again it gives the frames.
        deleted: Which events of the original are gone, bool ``(E,)``.
        inserted: Which events of the new recording are not of the original, bool ``(E',)``.
    """

    recording: Recording
    deleted: Array
    inserted: Array


def write_back(
    recording: Recording,
    frames: Tensor | Array,
    binning: Binning,
    *,
    delete: str = "newest",
    nearest: Callable[[Array], Array] | None = None,
) -> WrittenBack:
    """Return the recording that frames stand for, as close to the original as they allow.

    Let n be the events of the original in a cell (a bin and pixel), c what its frame shows (n, or
    ``binning.most`` where n is above), and f what the given frame asks for. Where f = c nothing is
    touched. Where f < c, events are deleted until f are left. Where f > c, then f - n events are
    inserted. Survivors keep their exact times, and events that the binning drops stay.

    Args:
        recording: The original.
        frames: Whole counts ``(timesteps, *sensor)``, from 0 to ``binning.most``.
        binning: What made the frames of the original.
        delete: Which events of a cell go first: the ``"newest"`` or the ``"oldest"``.
        nearest: The times nearest to given ones that a file can hold, of the format that the
            recording will be written in; None where it holds every microsecond.
    Returns:
        The recording and what changed. New events lie at the centre of their bin, behind those of
        the same time; ``binning(result.recording)`` equals ``frames`` in every entry.
    Raises:
        InputError: frames of another shape, or that are no such counts; events outside a window
            that refuses them; or a bin in which the format can hold no time.
        SettingError: an unknown rule.
    Cost:
        Two binnings and one sort of what was inserted; no pass of any network.
    Example:
        >>> r = Recording([0, 3, 15], [0, 0, 1], [0, 0, 0], [0, 0, 0], sensor=(1, 1, 2))
        >>> binning = Binning(timesteps=2, duration=20)
        >>> result = write_back(r, [[[[1, 1]]], [[[0, 1]]]], binning)
        >>> result.recording.t.tolist(), result.recording.x.tolist()
        ([0, 4, 15], [0, 1, 1])
        >>> result.deleted.tolist(), result.inserted.tolist()
        ([False, True, False], [False, True, False])
    """
    check_one_of(delete, _RULES, "rule for deleting")
    wanted = _counts(frames, (binning.timesteps, *recording.sensor), binning.most).ravel()
    cells = binning.cells(recording)
    held = np.bincount(cells[cells >= 0], minlength=wanted.size)
    shown = held if binning.most is None else np.minimum(held, binning.most)
    deleted = _deleted(cells, held, np.where(wanted < shown, held - wanted, 0), delete)
    added = np.repeat(np.arange(wanted.size), np.where(wanted > shown, wanted - held, 0))
    result = _merged(recording, ~deleted, _at_centres(added, recording.sensor, binning, nearest))
    found = binning.counts(result.recording).ravel()
    if binning.most is not None:
        found = np.minimum(found, binning.most)
    assert np.array_equal(found, wanted), "a recording that was written back differs"
    return WrittenBack(result.recording, deleted, result.inserted)


def _counts(frames: Tensor | Array, shape: tuple[int, ...], most: int | None) -> Array:
    """Frames as whole counts of the right shape, int64."""
    given = frames.detach().cpu().numpy() if isinstance(frames, torch.Tensor) else frames
    given = np.asarray(given)
    if given.shape != shape:
        raise InputError(
            f"Frames of this recording and binning have shape {shape}; got {given.shape}, so give "
            "one item, and the binning that made its frames."
        )
    highest = np.inf if most is None else most
    with np.errstate(invalid="ignore"):
        bad = ~((given >= 0) & (given <= highest) & (given == np.floor(given)))
    if bad.any():
        cell = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"Frames must be whole counts from 0 to {highest:g}; entry {cell} is "
            f"{given[cell]:g}, so project them onto the threat's grid first."
        )
    if given.size and given.max() > 1 << 24:
        raise InputError(
            f"Frames must be counts up to {1 << 24:,} to be written as events; got "
            f"{given.max():,.0f}, so bound them with the threat or Binning.most."
        )
    return given.astype(np.int64)


def _deleted(cells: Array, held: Array, surplus: Array, rule: str) -> Array:
    """Which events go: of each cell its surplus, from one end of its events."""
    chosen = np.flatnonzero((cells >= 0) & (surplus[cells] > 0))
    chosen = chosen[np.argsort(cells[chosen], kind="stable")]  # by cell, then by time
    sizes = held[cells[chosen]]
    begins = np.flatnonzero(np.diff(cells[chosen], prepend=-1))
    ranks = np.arange(len(chosen)) - np.repeat(begins, np.diff(begins, append=len(chosen)))
    if rule == "newest":
        ranks = sizes - 1 - ranks
    deleted = np.zeros(len(cells), dtype=bool)
    deleted[chosen[ranks < surplus[cells[chosen]]]] = True
    return deleted


def _at_centres(
    cells: Array,
    sensor: tuple[int, int, int],
    binning: Binning,
    nearest: Callable[[Array], Array] | None,
) -> dict[str, Array]:
    """New events for these cells, at the centre of their bin as a file can hold it."""
    k, p, y, x = np.unravel_index(cells, (binning.timesteps, *sensor))
    begins, ends = binning.edges[:-1], binning.edges[1:]
    centres = (begins + ends - 1) // 2
    if nearest is not None:
        centres = np.asarray(nearest(centres), dtype=np.int64)
    lost = np.flatnonzero((centres[k] < begins[k]) | (centres[k] >= ends[k]))
    if len(lost):
        bin_ = int(k[lost[0]])
        raise InputError(
            f"The format holds no time near the centre of bin {bin_} ({begins[bin_]}.."
            f"{ends[bin_] - 1} us), so no event can be inserted there; use longer bins or a finer "
            "format."
        )
    return {"t": centres[k], "x": x, "y": y, "p": p}


def _merged(recording: Recording, keep: Array, added: dict[str, Array]) -> WrittenBack:
    """What is kept of a recording and what is added to it, in the order of time."""
    columns = {name: np.concatenate([getattr(recording, name)[keep], added[name]])
               for name in added}  # fmt: skip
    order = np.argsort(columns["t"], kind="stable")
    merged = Recording(**{name: column[order] for name, column in columns.items()},
                       sensor=recording.sensor)  # fmt: skip
    return WrittenBack(merged, ~keep, order >= int(keep.sum()))
