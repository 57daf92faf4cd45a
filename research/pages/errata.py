"""Write the measured-again part of docs/errata.md; ``--check`` only says whether it is current.

What was measured before the suites were redesigned stands in research/results/old_numbers.json,
taken from the extracts and the page README.md as they were (``--keep-old NAME=EXTRACT ...`` wrote
it). Beside it stands what the extracts and README.md say now, so sizes are computed, not typed.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from research import RESULTS, ROOT
from research.pages.estimates import LABELS, mean
from research.pages.page import percent, publish, table
from spikeproof.analysis import Results, extracted

PAGE = ROOT / "docs" / "errata.md"
README = ROOT / "README.md"
OLD = RESULTS / "old_numbers.json"
BEGIN, END = "<!-- measured again: research/pages/errata.py -->", "<!-- end -->"
UNION = ("linf", "l2", "l1")
WHATS: dict[str, str | tuple[str, ...]] = {
    "clean": "clean", "linf": "linf", "l2": "l2", "l1": "l1", "l0": "l0", "union": UNION,
}  # fmt: skip
HEADS = {**{key: LABELS[key] for key in WHATS if key != "union"}, "union": "union of three"}
# Extract before -> (extract now, data, what the part is called).
AGAIN = (
    ("training", "training", "fashion-mnist", "Objectives"),
    ("training-standard", "transfer-1000", "fashion-mnist", "Objectives before `standard`"),
    ("contest-more", "contest-standard", "fashion-mnist", "The recipe's contest"),
    ("contest", "contest-standard-digits", "digits", "The recipe's contest"),
)
Numbers = dict[str, Any]


def numbers(run: Results) -> Numbers:
    """Suite, items, seeds, code and the accuracies of a study, in percent."""
    told = run.provenance()
    accuracy = {
        data: {
            training: {
                key: round(100 * found.value, 1)
                for key, what in WHATS.items()
                if (found := mean(run, data, training, what)) is not None
            }
            for training in run.trainings(data)
        }
        for data in run.data()
    }
    items = {t["name"]: t.get("items") or run.plan.get("items") for t in run.plan["data"]}
    return {
        "suite": run.plan.get("suite"),
        "items": items,
        "seeds": len(run.seeds()),
        "code": [code[:12] for code in told["code_sha256"]],
        "accuracy": accuracy,
    }


def demo(text: str) -> dict[str, dict[str, dict[str, int]]]:
    """The tables of the demo in README.md: data -> training -> column -> percent."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    data, heads = "", list[str]()
    for line in text.splitlines():
        if said := re.match(r"([\w-]+): robust accuracy in %", line):
            data, heads = said[1], []
        elif line.strip().startswith("training "):
            heads = [head.split()[0] for head in re.split(r"\s{2,}", line.strip())[1:]]
        elif (cells := re.findall(r"(\d+) \(\d+–\d+\)", line)) and data and heads:
            found.setdefault(data, {})[line.split()[0]] = dict(
                zip(heads, map(int, cells), strict=True)
            )
        elif line.startswith("```"):
            heads = []
    return found


def shift(before: float | None, after: float | None) -> str:
    """A number before and after with the points between."""
    if before is None or after is None:
        return ""
    return f"{percent(before)} → {percent(after)} ({after - before:+.1f})"


def part(old: Numbers, studies: Path, readme: str) -> str:
    """Everything that was measured before and is there again."""
    text = _demo(old["demo"], demo(readme))
    for before, after, data, title in AGAIN:
        path, known = studies / f"{after}.json", old["studies"][before]
        now = numbers(extracted(path)) if path.exists() else None
        text += f"\n### {title}, {data}\n"
        if now is None or set(now["code"]) <= set(known["code"]):
            text += f"\nNot measured again yet; the numbers before are of the {_by(known, data)}.\n"
            continue
        text += f"\nPercent. Before: {_by(known, data)}; now: {_by(now, data)}.\n"
        text += _table(known["accuracy"][data], now["accuracy"].get(data, {}))
    return text


def _by(told: Numbers, data: str) -> str:
    """What a study's numbers rest on."""
    return f"suite `{told['suite']}`, {told['items'][data]} items, {told['seeds']} seed(s)"


def _table(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Training by training, where both were measured."""
    rows = [
        (name, *(shift(row.get(key), after[name].get(key)) for key in HEADS))
        for name, row in before.items()
        if name in after
    ]
    return table(("training", *HEADS.values()), rows)


def _demo(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The demo's tables."""
    text = "\n### Demo (README)\n"
    if before == after:
        return text + "\nNot measured again yet.\n"
    text += "\nPercent under the suite `core`, before and after; fewer items now, as README says.\n"
    for data, rows in before.items():
        now = after.get(data, {})
        columns = list(next(iter(rows.values())))
        shown = [
            (name, *(_whole(row.get(c), now[name].get(c)) for c in columns))
            for name, row in rows.items()
            if name in now
        ]
        text += f"\n{data}:\n" + table(("training", *columns), shown)
    return text


def _whole(before: int | None, after: int | None) -> str:
    """As ``shift``, for whole percents."""
    return "" if before is None or after is None else f"{before} → {after} ({after - before:+d})"


def page() -> str:
    """The page with its generated part renewed."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    old = json.loads(OLD.read_text(encoding="utf-8"))
    made = part(old, RESULTS / "studies", README.read_text(encoding="utf-8"))
    return f"{head}{BEGIN}\n{made}\n{END}{tail}"


def keep_old(extracts: list[str]) -> None:
    """Store what extracts and README.md say today as the numbers before."""
    pairs = dict(one.split("=", 1) for one in extracts)
    studies = {name: numbers(extracted(Path(path))) for name, path in pairs.items()}
    content = {"demo": demo(README.read_text(encoding="utf-8")), "studies": studies}
    OLD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Write the page, check it, or keep the numbers of today as the old ones."""
    if "--keep-old" in sys.argv:
        keep_old(sys.argv[sys.argv.index("--keep-old") + 1 :])
        return 0
    return publish(PAGE, page(), Path(__file__).stem)


if __name__ == "__main__":
    sys.exit(main())
