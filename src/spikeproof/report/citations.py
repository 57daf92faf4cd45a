"""Citations as readers read them, from BibTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from spikeproof.base import bibtex
from spikeproof.report.labels import listed

__all__ = ["Citation", "citations", "plain_text", "read"]

_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)
_ACCENTS = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303"}
_ACCENT = re.compile(r"\\(['`\"^~])\{?(\w)\}?")
_SYMBOLS = {r"\&": "&", r"\_": "_", "--": "–", "~": " "}
_MATHS = re.compile(r"\$([^$]*)\$")
_LETTERS = {r"\mu": "µ", r"\sigma": "σ", r"\ell": "ℓ", r"\infty": "∞", "l_": "ℓ_"}
_LOWERED = {"_0": "₀", "_1": "₁", "_2": "₂", "_∞": "∞", "_p": "ₚ", "^n": "ⁿ"}


@dataclass(frozen=True, kw_only=True)
class Citation:
    """One work.

    Args:
        key: Its key in ``references.bib``.
        authors: Names, given name first.
        title: Title.
        place: Where it appeared.
        year: When.
        link: A DOI or arXiv address, or empty.
    """

    key: str
    authors: str
    title: str
    place: str
    year: str
    link: str


def plain_text(latex: str) -> str:
    """The few TeX commands of a bibliography as plain letters."""
    text = _MATHS.sub(lambda m: _formula(m[1]), latex)
    text = _ACCENT.sub(lambda m: unicodedata.normalize("NFC", m[2] + _ACCENTS[m[1]]), text)
    for symbol, letter in _SYMBOLS.items():
        text = text.replace(symbol, letter)
    return re.sub(r"[{}]", "", text)


def _formula(text: str) -> str:
    """The few signs between dollars as letters."""
    for known in (_LETTERS, _LOWERED):
        for sign, letter in known.items():
            text = text.replace(sign, letter)
    return text


def read(entry: str) -> Citation:
    """Read one BibTeX entry.

    Args:
        entry: As ``base.bibtex`` returns it, one field per line.
    Returns:
        The work.
    Example:
        >>> read("@misc{a20,\\n author = {Lee, Ann and Wu, Bo},\\n eprint = {2001.1},\\n}").authors
        'Ann Lee and Bo Wu'
    """
    key = entry.split("{", 1)[1].split(",", 1)[0].strip()
    fields = {name.lower(): value for name, value in _FIELD.findall(entry)}
    authors = [_turned(plain_text(name)) for name in fields.get("author", "").split(" and ")]
    places = (fields.get(name, "") for name in ("booktitle", "journal", "institution"))
    place = next(filter(None, places), "arXiv" if "eprint" in fields else "")
    volume = " ".join(fields[name] for name in ("volume",) if name in fields)
    return Citation(
        key=key,
        authors=_authors([name for name in authors if name]),
        title=plain_text(fields.get("title", "")),
        place=plain_text(f"{place} {volume}".strip()),
        year=fields.get("year", ""),
        link=_link(fields),
    )


def _link(fields: dict[str, str]) -> str:
    """Where the work can be found."""
    if "doi" in fields:
        return f"https://doi.org/{fields['doi']}"
    return f"https://arxiv.org/abs/{fields['eprint']}" if "eprint" in fields else ""


def _turned(name: str) -> str:
    """``Given Family`` from ``Family, Given``."""
    return " ".join(part.strip() for part in reversed(name.split(",", 1)))


def _authors(names: list[str]) -> str:
    """Names with commas and an ``and``; more than four become ``et al.``."""
    if len(names) > 4:
        return f"{names[0]} et al"
    return listed(names)


def citations(keys: Sequence[str]) -> list[Citation]:
    """Return the works of these keys, in their order.

    Args:
        keys: Of ``references.bib``.
    """
    return [read(bibtex(key)) for key in keys]
