"""The data sets, one to a file, each named after its file: ``digits_av.py`` is ``digits-av``."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from spikeproof.base import Registry
from spikeproof.data.facts import Facts, Maker, Reader

__all__ = ["DATASETS"]


def _by_name() -> dict[str, type[Maker] | type[Reader]]:
    """The class with ``facts`` in every file of this folder, by the name of the file."""
    classes_by_name = {}
    for file in iter_modules(__path__):
        module = import_module(f"{__name__}.{file.name}")
        classes = [getattr(module, name) for name in module.__all__]
        (cls,) = (c for c in classes if isinstance(getattr(c, "facts", None), Facts))
        classes_by_name[file.name.replace("_", "-")] = cls
    return classes_by_name


DATASETS: Registry[Maker | Reader] = Registry("data set", _by_name(), group="spikeproof.datasets")
"""Name of a data set → the class that makes or reads it, with its ``facts``."""
