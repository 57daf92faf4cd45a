"""Open a data set by name, say what is known of it, check that it is what was pinned."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError, digest_arrays
from spikeproof.data.cache import cached
from spikeproof.data.dataset import Dataset, DataSpec, Split
from spikeproof.data.facts import Maker, Reader
from spikeproof.data.files import Listed, Published, chosen_folder
from spikeproof.data.on_disk import ItemsOnDisk
from spikeproof.data.pinned import Intact, differs_from, part_named, same_items
from spikeproof.data.sets import DATASETS
from spikeproof.data.splits import assign, hold_out
from spikeproof.data.views import modality_of

__all__ = [
    "DataDiffers",
    "datasets",
    "describe",
    "embedded",
    "fingerprint",
    "load",
    "verify",
]

_NOT_PINNED = "not pinned"
_HELD = 1 << 30  # bytes of inputs that a split keeps in memory; beyond, they are read when asked


class DataDiffers(UserWarning):
    """The arrays made on this machine are not, bit for bit, the pinned ones."""


def datasets() -> list[str]:
    """Return the names that ``load`` knows.

    Example:
        >>> [name for name in datasets() if name.startswith("digits")]
        ['digits', 'digits-audio', 'digits-av', 'digits-events']
    """
    return list(DATASETS)


def embedded() -> list[str]:
    """Return the names of the data sets that need no files.

    Example:
        >>> embedded()
        ['digits', 'digits-audio', 'digits-av', 'digits-events']
    """
    return [name for name in datasets() if isinstance(_standard(name), Maker)]


def describe(name: str) -> DataSpec:
    """Return what is known of a data set, without making it.

    Args:
        name: One of ``datasets()``.
    Returns:
        Its specification with the pinned hash.
    Raises:
        SettingError: there is no such data set; the nearest name is suggested.
    Example:
        >>> describe("digits").modality
        'image'
    """
    source = _standard(name)
    facts = source.facts
    return DataSpec(
        name=name,
        version=facts.version,
        classes=facts.classes,
        modality=modality_of(source.domain),
        licence=facts.licence,
        source=facts.source,
        sha256=facts.pinned.get("all", _NOT_PINNED),
        radii=facts.radii,
        joint=facts.joint,
    )


def load(name: str, *, seed: int | None = None, folder: Path | str | None = None) -> Dataset:
    """Make or read a data set, or hand out the one made before in this process.

    Nothing is downloaded. Recordings, sounds and sets that are converted are decoded once, into
    the folder of caches (``SPIKEPROOF_CACHE``, else ``spikeproof`` in the user's folder of
    caches), and read from there. Every call returns tensors of its own; a split of more than 1 GiB
    is read row by row when rows are asked for (``ItemsOnDisk``).

    Args:
        name: One of ``datasets()``.
        seed: None or 0 for the pinned set. Another number draws the splits and everything that is
            random in the set anew (to see whether a finding hangs on this one draw); its version
            then reads ``"1+seed3"`` and its hash is the one of what was made. A set that comes
            as files keeps its official test items.
        folder: Where the files of a set that comes as files are; the environment variable
            ``SPIKEPROOF_DATA`` where None. The embedded sets need none.
    Returns:
        Train and validation items, the legal domain, and the sealed test items.
    Raises:
        SettingError: there is no such data set, or ``seed`` is not a whole number.
        FileProblem: files are absent, truncated or changed; says where to get them. Or what was
            decoded before is not whole any more.
    Warns:
        DataDiffers: arithmetic on this machine gave other arrays than the pinned ones. The set is
            usable, its ``spec.sha256`` is the hash of what was made, and results on it are not
            comparable bit for bit.
    Cost:
        The first call 1 s for importing scikit-learn, then 3 s for events and 0.4 s for audio on
        one core; later calls some milliseconds. Reading files takes one to ten seconds.
    Example:
        >>> data = load("digits")
        >>> len(data.train), len(data.validation), data.domain.shape
        (1078, 269, (1, 8, 8))
    """
    spec = describe(name)
    number = _seed(seed)
    place = _place(name, folder)
    arrays, hashes = _arrays_of(name, number, place)
    spec = replace(spec, notes=_notes.get((name, place), ()))
    if number:
        spec = replace(spec, version=f"{spec.version}+seed{number}", sha256=hashes["sha256"])
    elif hashes["sha256"] != spec.sha256:
        facts = _standard(name).facts
        # A part of a set is another one; items of the pinned ones must have their very inputs.
        part = spec.sha256 == _NOT_PINNED or bool(spec.notes)
        pinned = part_named(facts, hashes["sha256"]) is not None
        if not pinned and (not part or same_items(facts, hashes) is not None):
            warnings.warn(differs_from(name, facts, hashes), DataDiffers, stacklevel=2)
        spec = replace(spec, sha256=hashes["sha256"])
    source = _standard(name)
    return Dataset(
        spec=spec,
        domain=source.domain,
        train=_part(source, arrays, "train"),
        validation=_part(source, arrays, "validation"),
        sealed=_part(source, arrays, "test"),
    )


def verify(name: str, *, folder: Path | str | None = None) -> Intact:
    """Make or read a data set afresh and compare its hash with those that are pinned.

    Args:
        name: One of ``datasets()``.
        folder: As for ``load``.
    Returns:
        What is intact, the whole set or a part of it, and its hash.
    Raises:
        SettingError: there is no such data set.
        InputError: the arrays differ; says which, with both hashes. Or nothing is pinned, or
            another part than what is there.
        FileProblem: a file of the data set is missing or not whole.
    Cost:
        That of a first ``load``.
    Example:
        >>> verify("digits").part
        'the whole set'
    """
    facts = _standard(name).facts
    if not facts.pinned and not facts.pinned_parts:
        raise InputError(
            f"{name} has no pinned hash to compare with; pin what "
            f"`python -m spikeproof.data.pin {name}` prints in its facts."
        )
    hashes = fingerprint(_make(name, 0, _place(name, folder)))
    found = part_named(facts, hashes["sha256"])
    if found is None:
        raise InputError(differs_from(name, facts, hashes))
    return Intact(found, hashes["sha256"])


def fingerprint(arrays: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return one sha256 over all arrays and one over each of them.

    Args:
        arrays: ``x``, ``y`` and the item numbers of each split.
    Returns:
        ``{"sha256": ..., "arrays": {name: sha256}}``.
    """
    plain = {name: tensor.numpy() for name, tensor in arrays.items()}
    single = {name: digest_arrays({name: array}) for name, array in plain.items()}
    return {"sha256": digest_arrays(plain), "arrays": single}


def _make(name: str, seed: int, folder: Path | None) -> dict[str, Tensor]:
    """Every array of a data set: x, y and the item numbers of each split."""
    source = _standard(name)
    if isinstance(source, Maker):
        y = source.labels()
        return {"x": source(torch.arange(len(y)), seed=seed), "y": y, **assign(y, seed=seed)}
    assert folder is not None
    read = _read(name, source, folder)
    _notes[name, folder] = read.notes
    splits = hold_out(read.y, official=read.official, seed=seed, published=read.validation)
    return {"x": read.x, "y": read.y, **splits}


_notes: dict[tuple[str, Path | None], tuple[str, ...]] = {}  # of the files that were read


def _read(name: str, source: Reader, folder: Path) -> Published:
    """The items as stored, in memory or in the cache."""
    found = source(folder)
    if not isinstance(found, Listed):
        return found
    settings: dict[str, Any] = {}
    if is_dataclass(source) and not isinstance(source, type):
        settings = asdict(source)
    settings.pop("published", None)  # where files are looked for decides nothing about them
    facts = {"version": source.facts.version, "reader": type(source).__qualname__}
    return cached(name, {**facts, **{key: repr(value) for key, value in settings.items()}}, found)


def _standard(name: str) -> Maker | Reader:
    """What makes or reads a set, with its standard settings."""
    return DATASETS[name]()


@lru_cache(maxsize=8)
def _arrays_of(
    name: str, seed: int, folder: Path | None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Arrays and hashes, made once per process; never handed out, only indexed, which copies."""
    arrays = _make(name, seed, folder)
    return arrays, fingerprint(arrays)


def _part(source: Maker | Reader, arrays: Mapping[str, Tensor], split: str) -> Split:
    """The items of one split."""
    items, stored = arrays[split], arrays["x"]
    y = arrays["y"][items]
    if not isinstance(source, Reader):
        return Split(stored[items], y, items)
    shape = source.domain.shape
    if 4 * len(items) * math.prod(shape) > _HELD:
        return Split(ItemsOnDisk(stored, items, shape, source.values), y, items)
    # Files are kept as stored until here: bytes take a quarter of the memory of floats.
    return Split(source.values(stored[items]), y, items)


def _place(name: str, folder: Path | str | None) -> Path | None:
    """The folder of a data set that comes as files; None for one that is made here."""
    source = _standard(name)
    return chosen_folder(name, folder, source.published.url) if isinstance(source, Reader) else None


def _seed(seed: int | None) -> int:
    """The number behind the ``seed`` argument."""
    if seed is None:
        return 0
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SettingError(f"load() needs a whole number or None as seed; got {seed!r}.")
    return seed
