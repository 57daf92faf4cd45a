"""Files as if they were published, and the folder of those that were."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from spikeproof.data import Source

REAL = Path(
    os.environ.get("SPIKEPROOF_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)


def source(files: dict[str, bytes], folder: Path) -> Source:
    """Write files and describe them as published."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return Source(files=hashes, places=(".",), url="https://example.org/data")
