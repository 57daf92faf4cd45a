"""Run every Python block of Markdown files, in order, each file in a namespace of its own."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(paths: list[str]) -> int:
    """Run the blocks of each file and say how many ran."""
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        names: dict[str, object] = {"__name__": "__main__"}
        started, count = time.perf_counter(), 0
        for block in BLOCK.finditer(text):
            line = text[: block.start(1)].count("\n")
            # Blank lines in front give errors the line numbers of the Markdown file; a reader's
            # own file does not begin with the __future__ import of this one.
            code = compile("\n" * line + block[1], path, "exec", dont_inherit=True)
            exec(code, names)
            count += 1
        print(f"{path}: {count} Python blocks ran in {time.perf_counter() - started:.1f} s")
        if not count:
            print(f"{path} has no Python block; is that meant?", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
