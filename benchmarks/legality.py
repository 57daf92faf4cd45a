"""Every attack under every threat it serves, 10,000 random cases each, judged independently.

The cases and the judge are those of ``tests/slow/test_legality.py``; this stores what they counted.

    python benchmarks/legality.py
"""

from __future__ import annotations

from harness import write
from recorded import run


def main() -> None:
    """Run the test and store its counts."""
    write("legality", [], evidence=run("tests/slow/test_legality.py"))


if __name__ == "__main__":
    main()
