"""Write what docs/auditing.md says of healthy networks; ``--check`` says whether it is current.

From research/results/false_alarms.json, which research/attack_evidence/false_alarms.py measured.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from research import RESULTS, ROOT
from research.pages.page import publish, table

PAGE = ROOT / "docs" / "auditing.md"
RESULT = RESULTS / "false_alarms.json"
BEGIN, END = "<!-- healthy networks: research/pages/alarms.py -->", "<!-- end -->"

TEXT = """\
How often do flags cry wolf? On {networks} networks with nothing wrong about them ({data}; plain and
adversarially trained, leaky and perfect integrators, one that draws its Poisson coding from torch's
own generator), `quick` on {items} test items under {ladders} raised {stops} stops and {flags}
informing flags. {expected} of these are expected, as they say what is true of the network
({names}). {after} come from after the attacks and say that more steps or a larger suite would break
more: of the {checked} that were looked into, {held} were right, as `standard` broke at least one of
the first {few} items that `quick` had left. {others} others were raised, without a reason.
Measured by `{command}`, code `{code}`.
"""

Row = Mapping[str, Any]


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many flags of each sort."""
    flags = [flag for row in rows for flag in row["flags"]]
    after = [flag for flag in flags if "threat" in flag]
    checks = [flag["check"] for flag in after if "check" in flag]
    expected = sum(flag["expected"] for flag in flags)
    return {
        "networks": len(rows),
        "stops": sum(flag["stop"] for flag in flags),
        "flags": sum(not flag["stop"] for flag in flags),
        "expected": expected,
        "after": len(after),
        "checked": len(checks),
        "held": sum(check["more"] > 0 for check in checks),
        "others": len(flags) - expected - len(after),
    }


def _verdict(flag: Row) -> str:
    """Whether what a flag says is so."""
    if flag["expected"]:
        return f"{flag['name']}: expected"
    if "threat" not in flag:
        return f"{flag['name']}: **wrong**"
    if "check" not in flag:
        return f"{flag['name']} ({flag['threat']}): not looked into"
    more, standing = flag["check"]["more"], flag["check"]["standing"]
    said = f"{more} of {standing} fell" if more else f"**none of {standing} fell**"
    return f"{flag['name']} ({flag['threat']}): {said}"


def part(result: Row) -> str:
    """The paragraph and its table."""
    rows, about = result["rows"], result["rows"][0]["about"]
    told = counts(rows)
    names = sorted({f["name"] for row in rows for f in row["flags"] if f["expected"]})
    text = TEXT.format(
        **told,
        data=", ".join(dict.fromkeys(row["data"] for row in rows)),
        items=about["items"],
        ladders=", ".join(about["ladders"]),
        names=", ".join(f"`{name}`" for name in names),
        few=about["checked"],
        command=result["command"].split(" --networks")[0],
        code=about["code"],
    )
    lines = [
        (
            row["network"],
            f"{100 * row['clean']:.0f}",
            sum(flag["stop"] for flag in row["flags"]),
            "; ".join(map(_verdict, row["flags"])) or "none",
        )
        for row in rows
    ]
    return text + table(("network", "clean %", "stops", "flags"), lines)


def page() -> str:
    """The page with its generated part renewed."""
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END, 1)[1]
    return f"{head}{BEGIN}\n{part(json.loads(RESULT.read_text(encoding='utf-8')))}\n{END}{tail}"


if __name__ == "__main__":
    sys.exit(publish(PAGE, page(), Path(__file__).stem))
