"""Writes ``cell_ids.json``: what the ids of two plans are made from, without code and versions.

    python tests/study/make_cell_ids.py

Run it only when records changed on purpose, and look at what it changes: an id that moves is a
network that is trained again. Last when the field ``path`` of attacks became ``gradient``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spikeproof.base import canonical_json, digest
from spikeproof.runs import record
from spikeproof.study import cells, cells_of, load_plan

asked: dict[str, Any] = {}


def noted(content: Any) -> str:
    """The digest, remembering of what."""
    name = digest(content)
    asked[name[:16]] = content
    return name


if __name__ == "__main__":
    record.__dict__.update(digest=noted)
    cells.__dict__.update(code_sha256=lambda *_: "code", versions=lambda: {"python": "any"})
    found = {
        "demo": {cell.title: cell.id for cell in cells_of(load_plan("demo"))},
        "quick": {cell.title: asked[cell.id] for cell in cells_of(load_plan("quick"))},
    }
    lines = {
        name: ",\n".join(
            f"  {json.dumps(title, ensure_ascii=False)}: {canonical_json(one[title])}"
            for title in sorted(one)
        )
        for name, one in found.items()
    }
    text = ",\n".join(f' "{name}": {{\n{text}\n }}' for name, text in lines.items())
    Path(__file__).with_name("cell_ids.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
