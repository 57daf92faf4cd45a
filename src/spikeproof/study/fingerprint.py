"""Which code, files and versions computed a number."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

from spikeproof.adapters import user_network
from spikeproof.attacks import Transfer
from spikeproof.base import digest_file, versions
from spikeproof.data import Domain, Views
from spikeproof.models import ModelSpec, architecture, load_model
from spikeproof.study.closure import closure_sha256
from spikeproof.study.objects import held, objects_of
from spikeproof.study.syntax import Symbol

__all__ = ["code_sha256", "files_sha256", "versions"]

_COMPUTE = "spikeproof.study.compute"
_INTERRUPT = "spikeproof.study.interrupt"
# What the id says otherwise: data by their hash; kind, architecture and classes by what the record
# names; versions as such. Nor does it count how an id is made, or how a training is interrupted.
_SAID_OTHERWISE: tuple[Symbol, ...] = (
    ("spikeproof.data", "load"),
    ("spikeproof.data.own", "from_arrays"),
    ("spikeproof.data.own", "from_splits"),
    ("spikeproof.data.own", "Declared"),
    ("spikeproof.study.datasets", "dataset_as_planned"),
    ("spikeproof.models.build", "_ARCHITECTURES"),
    (_COMPUTE, "_KINDS"),
    (_INTERRUPT, "after_epoch"),
    (_INTERRUPT, "finishing_epochs"),
    ("spikeproof.study.own", "own_network"),
    ("spikeproof.study.own", "take_network"),
    (__name__, "code_sha256"),
    (__name__, "files_sha256"),
    ("spikeproof.base.versions", "versions"),
)
# How files are read, checked, written and held: hashes say what is in them.
_KEEPING: tuple[Symbol, ...] = tuple(
    (module, name)
    for module, names in {
        "spikeproof.base": (
            "Lease append_line digest_file is_there parse_json read_arrays read_bytes read_json "
            "say_once sweep working_below write_arrays write_atomic write_json"
        ),
        "spikeproof.models": "load_model read_tensors save_model write_tensors",
        "spikeproof.study.cell_folder": "CellFolder",
    }.items()
    for name in names.split()
)
# Their code is said by their versions, that of the language among them.
_VERSIONED = {"builtins", "numpy", "torch", *sys.stdlib_module_names} - {"__main__"}


def code_sha256(cell: Mapping[str, Any], domain: Domain | Views, network: Mapping[str, Any]) -> str:
    """Return one hash over what the code does that computes a cell.

    It covers what every cell runs, what its kind runs, and the classes of everything its record
    names, each with all that it can reach by name: in this package, and for a class from elsewhere
    in its own top-level package too. Syntax trees without docstrings are hashed, so that a
    comment, a docstring or a new layout leaves every record valid, and a change of a single
    constant does not.

    Args:
        cell: The record of what is to be done.
        domain: Of its data set.
        network: The record of the network that the cell trains or looks at.
    Raises:
        FileProblem: a class that was not defined in a file, or the file of a model that is not
            there.
    """
    things = list(objects_of(cell, domain, network))
    things += [
        part
        for one in _sources(things)
        for part in held(_model(one, digest_file(one, "model file", follow=True)))
    ]
    roots = {_symbol(type(one)) for one in things if not isinstance(one, type | FunctionType)}
    roots |= {_symbol(one) for one in things if isinstance(one, type | FunctionType)}
    roots |= {_symbol(architecture(one.name)) for one in things if isinstance(one, ModelSpec)}
    roots |= set(_reached_by(network.get("source")))
    return _hash(str(cell["kind"]), frozenset(root for root in roots if root is not None))


def files_sha256(
    cell: Mapping[str, Any], domain: Domain | Views, network: Mapping[str, Any]
) -> dict[str, str]:
    """Return path → hash of every file that what the record names will read."""
    paths = _sources(objects_of(cell, domain, network))
    return {str(path): digest_file(path, "model file", follow=True) for path in sorted(paths)}


@cache
def _hash(kind: str, roots: frozenset[Symbol]) -> str:
    """The hash for cells of a kind that name these classes; code does not change in a process."""
    runs: tuple[Symbol, ...] = ((_COMPUTE, "attempt"), (_COMPUTE, f"_{kind}"))
    return closure_sha256([*runs, *roots], without=(*_SAID_OTHERWISE, *_KEEPING))


def _reached_by(source: Mapping[str, Any] | None) -> Iterator[Symbol | None]:
    """What of this package makes a network of a user's code, and what that code imports of it."""
    if source is None:
        return
    yield _symbol(user_network)
    for name in source["ours"]:
        module, _, part = name.partition(":")
        if module.partition(".")[0] != __name__.partition(".")[0]:
            continue  # a record of a stranger's may name anything
        thing = getattr(import_module(module), part, None)
        if isinstance(thing, type | FunctionType):
            yield _symbol(thing)


def _symbol(thing: Any) -> Symbol | None:
    """Where a class or function is defined; None where versions say it."""
    module = str(thing.__module__)
    module = "__main__" if module == "__mp_main__" else module  # as a worker calls it
    if module.partition(".")[0] in _VERSIONED:
        return None
    return module, str(thing.__qualname__).partition(".")[0]


def _sources(things: Any) -> set[Path]:
    """Files of models that attacks are made on."""
    return {Path(one.source) for one in things if isinstance(one, Transfer)}


@cache
def _model(path: Path, sha256: str) -> ModelSpec:
    """What the network in a file is; the hash says when to look again."""
    return load_model(path).spec
