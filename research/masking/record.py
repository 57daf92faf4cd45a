"""Store what was measured about verdicts on masking, group by group.

What is stored already and not in the folder stays: networks may be measured one after another, on
machines that begin empty, and each says by which code.

    python -m research.masking.record
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, versions
from research import RESULTS
from research.masking.judging import confusion, rates, rejudged, restated
from research.masking.others import OTHERS
from research.masking.zoo import FOLDER
from spikeproof.base import write_json
from spikeproof.evaluate.doctor import Thresholds
from tests.zoo.entry import ENTRIES, half

COMMAND = "python -m research.masking.zoo && python -m research.masking.others"


def read(folder: str, names: list[str]) -> list[dict[str, Any]]:
    """Files of a folder by the names of what was measured; those that are there."""
    paths = [FOLDER / folder / f"{name}.json" for name in names]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def rows() -> list[dict[str, Any]]:
    """Truth and diagnosis of every entry that has both."""
    found = {one["entry"]: one for one in read("diagnoses", list(ENTRIES))}
    truths = read("truth", list(ENTRIES))
    return [{**found[one["entry"]], **_truth(one)} for one in truths if one["entry"] in found]


def _truth(one: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the truth, its shares under names of their own."""
    shares = {
        f"true_{key}": one[key] for key in ("items", "claimed", "strongest", "moved", "exact")
    }
    keys = ("truth", "half", "fact", "data", "agrees", "build_seconds", "truth_seconds")
    kept = {key: one[key] for key in keys}
    return {**kept, "true_claims": one["claims"], "why": ENTRIES[one["entry"]].why, **shares}


GROUPS = {"seen": ("design", "judged", "fresh"), "second": ("second",)}
"""What has been seen, all of which is the design set, and what was judged once."""


def summary(of: list[dict[str, Any]]) -> dict[str, Any]:
    """A table per group, and what is counted nowhere."""
    sure = [row for row in of if row["agrees"]]
    tables = {}
    for name, halves in GROUPS.items():
        table = confusion([row for row in sure if row["half"] in halves], Thresholds())
        tables[name] = {"table": table, **rates(table)}
    return {"tables": tables, "left_out": [r["entry"] for r in of if not r["agrees"]]}


def kept(
    stored: list[dict[str, Any]], found: list[dict[str, Any]], by: str
) -> list[dict[str, Any]]:
    """Rows found now, and before them in their places those stored of what was not found."""
    rows = {row[by]: row for row in stored} | {row[by]: row for row in found}
    order = [*ENTRIES] if by == "entry" else [*OTHERS]
    return [rows[name] for name in order if name in rows]


def main(path: Path = RESULTS / "masking.json") -> None:
    """Write the record."""
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    entries = kept(stored.get("entries", []), rows(), "entry")
    others = kept(stored.get("others", []), read("others", list(OTHERS)), "network")
    found = summary(entries)
    for row in [*entries, *others]:
        row["fixed"] = rejudged(row, Thresholds())
        row["checks"] = restated(row)
    content = {
        "benchmark": "masking",
        "command": COMMAND,
        "planned": {
            "entries": len(ENTRIES),
            "others": len(OTHERS),
            "groups": Counter(f"{half(name)} {one.truth}" for name, one in ENTRIES.items()),
        },
        "machine": machine(),
        "versions": versions(),
        "summary": found,
        "entries": entries,
        "others": others,
    }
    write_json(path, content)
    for name, table in found["tables"].items():
        print(name, table["found"], table["false_alarms"])


if __name__ == "__main__":
    main()
