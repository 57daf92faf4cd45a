"""The data sets of a study: by name, or of the user's own, read once per process."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from spikeproof.base import FileProblem, InputError, SpikeproofError
from spikeproof.data import Dataset, DataSpec, describe, load, open_data, stamp_of
from spikeproof.study.data_plan import DataPlan

__all__ = [
    "dataset",
    "dataset_as_planned",
    "dataset_of",
    "description_of",
    "items_scale",
    "radii_of",
]

_KEPT = 8  # data sets that a process holds


def dataset(name: str, source: str | None = None) -> Dataset:
    """Return a data set, made or read once per process and again when its files were written to.

    Args:
        name: What records call it.
        source: Where one of the user's own is; None for a set of the package.
    Raises:
        FileProblem: it is not where it was, or cannot be read.
        InputError, SettingError: it is no data set.
    """
    if source is None:
        return _load(name)
    return _opened(name, source, stamp_of(source))


@lru_cache(maxsize=_KEPT)
def _load(name: str) -> Dataset:
    """A data set of the package."""
    return load(name)


@lru_cache(maxsize=_KEPT)
def _opened(name: str, source: str, stamp: tuple[Any, ...]) -> Dataset:
    """Data of the user's own; the stamp says when to read them again."""
    return open_data(source, name=name)


def dataset_of(part: DataPlan) -> Dataset:
    """Return the data set of a ``[[data]]`` table.

    Raises:
        FileProblem: data of the user's own that are not there, or not those that the plan means.
        InputError, SettingError: they are no data set.
    """
    place = f"[[data]] {part.name!r}"
    try:
        data = dataset(part.name, part.source)
    except SpikeproofError as problem:
        raise type(problem)(f"{place}: {problem}") from None
    found = data.spec.sha256
    if part.sha256 not in (None, found):
        raise FileProblem(
            f"{place}: the data in {part.source} are not those that the plan means (sha256 "
            f"{found[:16]}..., the plan says {str(part.sha256)[:16]}...). Restore them, or give "
            "the changed data a plan and a folder of their own."
        )
    return data


def description_of(part: DataPlan) -> DataSpec:
    """Return what is known of the data set of a ``[[data]]`` table; only own data are read."""
    return describe(part.name) if part.source is None else dataset_of(part).spec


def radii_of(part: DataPlan, names: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Return the radii of a data set; own data are read only for threats that no plan says."""
    if set(names) <= set(part.radii):
        return dict(part.radii)
    return {**description_of(part).radii, **part.radii}


def dataset_as_planned(name: str, source: str | None, sha256: str) -> Dataset:
    """Return the data set that a cell was planned for.

    Raises:
        InputError: it is another one now.
    """
    data = dataset(name, source)
    if data.spec.sha256 != sha256:
        where = "" if source is None else f" in {source}"
        raise InputError(
            f"Data set {name}{where} is not the one this cell was planned for; restore it and run "
            "again."
        )
    return data


def items_scale(data: Dataset) -> float:
    """What the effort of a pass is multiplied by for items of this size.

    Small inputs cost more per feature: measured on the demo, effort grows like size to the 0.4.
    """
    return float((data.domain.size / 1000) ** 0.4)
