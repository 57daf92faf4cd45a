"""The files of a card's folder, and how its record is read: bounded, sealed, without links."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikeproof.base import (
    FileProblem,
    canonical_json,
    digest_file,
    is_sealed,
    is_there,
    parse_json,
    read_bytes,
    sealed,
)

__all__ = [
    "CARD",
    "CARD_FILES",
    "CONFIG",
    "EVIDENCE",
    "MODEL",
    "README",
    "SCHEMA",
    "card_bytes",
    "config_of",
    "is_card",
    "read_card",
    "read_config",
    "read_file",
    "read_readme",
]

CARD, README, CONFIG = "card.json", "README.md", "config.json"
MODEL, EVIDENCE = "model.safetensors", "evidence.npz"
CARD_FILES = (CARD, README, CONFIG, MODEL, EVIDENCE)
"""Every file of a card's folder; others may lie beside them and are not looked at."""

SCHEMA = "spikeproof/card/1"
_PARTS = ("stated", "computed", "files")
# Bytes that each file may have; evidence is bounded again when it is unpacked.
_MOST = {CARD: 1 << 23, README: 1 << 22, CONFIG: 1 << 20, MODEL: 1 << 32, EVIDENCE: 1 << 29}
_MEND = "get the folder again from where it came from, or make the card anew"


def is_card(folder: Path) -> bool:
    """Whether a path is a folder with the record of a card in it."""
    return folder.is_dir() and is_there(folder / CARD)


def card_bytes(stated: Mapping[str, Any], computed: Mapping[str, Any], files: Any) -> bytes:
    """The record of a card as it stands in its file, sealed.

    Args:
        stated: What was done; nothing recomputes it.
        computed: What a second look computes again.
        files: File → sha256.
    """
    content = {"schema": SCHEMA, "stated": stated, "computed": computed, "files": files}
    return (canonical_json(sealed(content)) + "\n").encode()


def config_of(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """What ``config.json`` says: the specification, under the keys that the hub looks for."""
    return {
        "architectures": ["HubNetwork"],
        "library_name": "spikeproof",
        "model_type": "spikeproof",
        "num_labels": architecture["classes"],
        "spec": dict(architecture),
    }


def read_card(folder: Path | str) -> dict[str, Any]:
    """Read the record of a card and compare it with its seal; numbers are not recomputed.

    Args:
        folder: The card's folder.
    Returns:
        ``stated``, ``computed``, ``files`` and the seal, ``sha256``.
    Raises:
        FileProblem: no card there, a link, a record that is too large, no JSON, of another schema,
            or changed after it was written.
    Example:
        >>> read_card("no-such-card")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no card at no-such-card.
    """
    folder = Path(folder)
    if not is_there(folder):
        raise FileProblem(f"There is no card at {folder}.")
    if not stat.S_ISDIR(folder.lstat().st_mode):
        raise FileProblem(
            f"{folder} is no folder, or a link, which is not followed; name the card."
        )
    path = folder / CARD
    try:
        content = parse_json(read_file(folder, CARD))
        known = isinstance(content, dict) and content.get("schema") == SCHEMA
        if not known or any(not isinstance(content.get(part), dict) for part in _PARTS):
            raise FileProblem(f"{path} is not the record of a card, {SCHEMA}; {_MEND}.")
        if set(content) != {*_PARTS, "schema", "sha256"} or not is_sealed(content):
            raise FileProblem(f"{path} was changed after it was written; {_MEND}.")
    except FileProblem:
        raise
    except (ValueError, RecursionError) as problem:
        text = " ".join(str(problem).split())[:200]
        raise FileProblem(f"{path} is not whole JSON ({text}); {_MEND}.") from None
    return {part: content[part] for part in (*_PARTS, "sha256")}


def read_config(folder: Path) -> Any:
    """The content of ``config.json``; a FileProblem that names it where it is not JSON."""
    try:
        return parse_json(read_file(folder, CONFIG))
    except FileProblem:
        raise
    except (ValueError, RecursionError) as problem:
        text = " ".join(str(problem).split())[:200]
        raise FileProblem(f"{folder / CONFIG} is not whole JSON ({text}); {_MEND}.") from None


def read_readme(folder: Path) -> str:
    """The text of ``README.md``; a FileProblem that names it where it is not UTF-8."""
    try:
        return read_file(folder, README).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise FileProblem(
            f"{folder / README} is not UTF-8 text (byte {problem.start}); {_MEND}."
        ) from None


def read_file(folder: Path, name: str, sha256: str | None = None) -> bytes:
    """The bytes of a file of a card, after its size was looked at; links are not followed.

    Raises:
        FileProblem: it is missing, too large, no regular file, or not of this hash.
    """
    what = "file of a card"
    if sha256 is not None and digest_file(folder / name, what) != sha256:
        raise FileProblem(
            f"{folder / name} is not the file that {folder / CARD} names: it was changed, or "
            f"belongs to another card; {_MEND}."
        )
    return read_bytes(folder / name, what, most=_MOST[name], mend=_MEND)
