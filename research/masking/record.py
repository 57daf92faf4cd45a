"""Store what was measured about verdicts on masking, with the thresholds of the design half.

python -m research.masking.record
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, versions
from research import RESULTS
from research.masking.judging import confusion, fixed_on, rates, rejudged, restated
from research.masking.others import OTHERS
from research.masking.zoo import FOLDER
from spikeproof.base import write_json
from spikeproof.evaluate.doctor import Thresholds
from tests.zoo.entry import ENTRIES
from tests.zoo.truth import agreed

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
    if one["fact"] != "function":
        truly = one["strongest"] if one["exact"] is None else one["exact"]
        kept["agrees"] = agreed(one["truth"], one["claimed"] - truly)
    return {**kept, "why": ENTRIES[one["entry"]].why, **shares}


def summary(of: list[dict[str, Any]]) -> dict[str, Any]:
    """Tables of both halves, with thresholds as they were and as the design half fixes them."""
    sure = [row for row in of if row["agrees"]]
    design = [row for row in sure if row["half"] == "design"]
    start, fixed = Thresholds(), fixed_on(design)
    tables = {}
    for name, limits in (("start", start), ("fixed", fixed)):
        for half in ("design", "judged", "fresh"):
            table = confusion([row for row in sure if row["half"] == half], limits)
            tables[f"{half}-{name}"] = {"table": table, **rates(table)}
    moved = {
        name: [value, fixed.record()[name]]
        for name, value in start.record().items()
        if fixed.record()[name] != value
    }
    return {
        "tables": tables,
        "moved": moved,
        "left_out": [r["entry"] for r in of if not r["agrees"]],
    }


def main(path: Path = RESULTS / "masking.json") -> None:
    """Write the record."""
    entries, others = rows(), read("others", list(OTHERS))
    found = summary(entries)
    fixed = Thresholds(**{name: after for name, (_, after) in found["moved"].items()})
    for row in [*entries, *others]:
        row["fixed"] = rejudged(row, fixed)
        row["checks"] = restated(row)
    content = {
        "benchmark": "masking",
        "command": COMMAND,
        "planned": {"entries": len(ENTRIES), "others": len(OTHERS)},
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
