"""A contest against strangers made up for the pages of evidence, every number known in advance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MACHINE = {"processor": "some"}
VERSIONS = {"torch": "2", "numpy": "2"}


def suite(broken: int, *, missed: int = 0, passes: int = 1000, seconds: float = 10.0) -> Any:
    """What a suite did that met all 40 items that are right."""
    items = {str(item): {"assg-sapgd": "sapgd", "core": "apgd"} for item in range(missed)}
    member = {"name": "pgd arctan-5 margin", "tried": 40, "broke": broken, "rising": 0,
              "skipped": 3, "forward": passes // 2, "backward": passes // 2}  # fmt: skip
    return {
        "tried": 40, "broken": broken, "stands": 40 - broken, "illegal": 0, "rounding": 0,
        "missed": missed, "missed_items": items, "rounding_items": [], "seconds": seconds,
        "forward": passes // 2, "backward": passes // 2, "tallies": [member], "code": ["abc"],
    }  # fmt: skip


def rival(tried: int, broken: int, *, passes: int | None = None) -> Any:
    """What a rival did to what `standard` left standing."""
    row = {"tried": tried, "broken": broken, "stands": tried - broken, "illegal": 0, "rounding": 0,
           "seconds": 40.0, "by": {}, "code": ["def"]}  # fmt: skip
    return row if passes is None else {**row, "forward": passes, "backward": 0}


def table(network: str, threat: str, anyone: int, suites: Any, rivals: Any = None) -> Any:
    """One network and threat: 50 items, 40 of them right when clean."""
    return {
        "network": network, "threat": threat, "radius": 0.1, "items": 50, "right": 40,
        "unclear_when_clean": 0, "anyone": anyone, "suites": suites, "rivals": rivals or {},
    }  # fmt: skip


def store(folder: Path, *tables: Any) -> None:
    """Write the result as the contest does."""
    content = {"benchmark": "strangers", "command": "python -m some", "machine": MACHINE,
               "versions": VERSIONS, "oracles": "fff", "tables": list(tables)}  # fmt: skip
    (folder / "strangers.json").write_text(json.dumps(content), encoding="utf-8")
