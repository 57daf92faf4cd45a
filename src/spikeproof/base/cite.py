"""The works spikeproof builds on, under the keys that docstrings and reports use."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from spikeproof.base.errors import SettingError
from spikeproof.names import suggestion

__all__ = ["bibtex", "references"]

_ENTRY = re.compile(r"^@\w+\{([^,\s]+),\n.*?^\}$", re.MULTILINE | re.DOTALL)


@cache
def _entries() -> dict[str, str]:
    """Key → BibTeX entry, in the order of the file."""
    text = files("spikeproof.base").joinpath("references.bib").read_text(encoding="utf-8")
    return {entry[1]: entry[0] for entry in _ENTRY.finditer(text)}


def references() -> list[str]:
    """Return every citation key, sorted."""
    return sorted(_entries())


def bibtex(*keys: str) -> str:
    """Return the BibTeX of the given works, or of all of them.

    Args:
        keys: Citation keys; none means every one.
    Returns:
        The entries, in the order asked for, a blank line between two.
    Raises:
        SettingError: a key that does not exist; the nearest known one is named.
    Example:
        >>> print(bibtex("madry2018").splitlines()[0])
        @inproceedings{madry2018,
    """
    known = _entries()
    for key in keys:
        if key not in known:
            raise SettingError(f"Unknown citation key {key!r}. {suggestion(key, known)}")
    return "\n\n".join(known[key] for key in keys or references())
