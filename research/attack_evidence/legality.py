"""Every attack under every threat it serves, 10,000 random cases each, judged independently.

The cases and the judge are those of ``tests/slow/test_legality.py``; this stores what they counted.
Names of attacks as arguments measure these again and leave the others as they are stored.

    python -m research.attack_evidence.legality [ATTACK ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.harness import write
from research import RESULTS
from research.attack_evidence.recorded import run

TEST = "tests/slow/test_legality.py"


def merged(kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The stored rows, those of some attacks measured again."""
    stored = json.loads((RESULTS / "legality.json").read_text(encoding="utf-8"))["evidence"]
    again = run(TEST, "-k", " or ".join(f"[{kind}-" for kind in kinds))
    rows = [*(row for row in stored if row["attack"] not in kinds), *again]
    return sorted(rows, key=lambda row: (row["attack"], row["threat"]))


def main() -> None:
    """Run the test and store its counts."""
    kinds = sys.argv[1:]
    evidence = merged(kinds) if kinds else run(TEST)
    write("legality", [], folder=RESULTS, evidence=evidence)


if __name__ == "__main__":
    main()
