"""Ours beside independent implementations of the same attacks, at equal passes.

The comparisons are those of ``tests/slow`` (``test_attack_parity``, ``test_square_parity``,
``test_nearest_parity``); this stores what they recorded. Needs the libraries named in
``peers.py``; without any there is nothing to store. A finished file is kept under
``runs/evidence`` and not measured again; names as arguments choose, and all finished ones are
stored.

    python -m research.attack_evidence.parity [TEST ...]
"""

from __future__ import annotations

import json
import sys

from benchmarks.harness import write
from research import RESULTS
from research.attack_evidence.networks import FOLDER
from research.attack_evidence.peers import installed
from research.attack_evidence.recorded import run

TESTS = ("test_nearest_parity", "test_square_parity", "test_attack_parity")


def main() -> int:
    """Run the tests that have not run yet and store their numbers."""
    if not installed():
        print("No library to compare with is installed; parity is not measured.")
        return 0
    folder = FOLDER / "parity"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or TESTS:
        path = folder / f"{name}.json"
        if not path.exists():
            found = run(f"tests/slow/{name}.py")
            path.write_text(json.dumps(found), encoding="utf-8")
    paths = [folder / f"{name}.json" for name in TESTS]
    done = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    write("parity", [], folder=RESULTS, evidence=[row for rows in done for row in rows],
          libraries=installed(),
          unmeasured=[path.stem for path in paths if not path.exists()])  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
