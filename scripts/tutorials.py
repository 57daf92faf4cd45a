"""Tutorials: pages of docs/tutorials, run as they stand, and the notebooks made from them.

A ``python`` block is run; a ``text`` block right after it is what it prints. ``--write`` runs
every page, writes what was printed into it, and writes the notebooks; ``--convert`` writes the
notebooks alone; ``--check`` runs nothing and says whether they are those of the pages.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
NOTEBOOKS = ROOT / "examples" / "notebooks"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"^!\[[^\]]*\]\([^)]*\)\n", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+?)(\.md)?(#[^)]*)?\)")


def outputs(page: Path) -> Iterator[tuple[str, str | None, str]]:
    """Run a page's blocks in order: each block, what it should print, and what it printed."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], str(page), "exec", dont_inherit=True)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code, names)
        yield block[1], block[2], said.getvalue()


def refreshed(page: Path) -> str:
    """The page with what its blocks print now."""
    found = iter(list(outputs(page)))

    def block(match: re.Match[str]) -> str:
        code, shown, printed = next(found)
        if not printed and "find_spec(" in code:  # the library is not installed here
            printed = shown or ""
        shown = f"\n```text\n{printed.rstrip()}\n```\n" if printed.strip() else ""
        return f"```python\n{code}```\n{shown}"

    return BLOCK.sub(block, page.read_text(encoding="utf-8"))


def notebook(page: Path) -> dict[str, Any]:
    """A page as a notebook: its prose, its blocks, and what they print."""
    text = page.read_text(encoding="utf-8")
    cells, end = [], 0
    for block in BLOCK.finditer(text):
        cells += prose(text[end : block.start()])
        printed = [] if block[2] is None else [stream(block[2])]
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": printed,
                "source": lines(block[1]),
            }
        )
        end = block.end()
    cells += prose(text[end:])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def prose(text: str) -> list[dict[str, Any]]:
    """Text between blocks as a cell; pictures are left to the blocks that draw them."""
    said = LINK.sub(lambda m: f"](../../docs/tutorials/{m[1]}{m[2] or ''}{m[3] or ''})", text)
    said = PICTURE.sub("", said).strip()
    return [{"cell_type": "markdown", "metadata": {}, "source": lines(said)}] if said else []


def stream(text: str) -> dict[str, Any]:
    """What a cell printed."""
    return {"name": "stdout", "output_type": "stream", "text": lines(text)}


def lines(text: str) -> list[str]:
    """The lines of a text as notebooks keep them."""
    return text.rstrip("\n").splitlines(keepends=True)


def serialised(page: Path) -> str:
    """The notebook of a page as its file."""
    return json.dumps(notebook(page), indent=1, ensure_ascii=False) + "\n"


def place(page: Path) -> Path:
    """Where the notebook of a page lies."""
    return NOTEBOOKS / f"{page.stem}.ipynb"


def write(pages: list[Path]) -> None:
    """Run pages, write what they print and draw, and their notebooks."""
    for page in pages:
        started, worked, here = time.perf_counter(), time.process_time(), Path.cwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                text = refreshed(page)
            finally:
                os.chdir(here)
            for picture in sorted(Path(folder).glob("*.svg")):
                (ROOT / "docs" / "images" / picture.name).write_bytes(picture.read_bytes())
        page.write_text(text, encoding="utf-8")
        NOTEBOOKS.mkdir(parents=True, exist_ok=True)
        place(page).write_text(serialised(page), encoding="utf-8")
        wall, work = time.perf_counter() - started, time.process_time() - worked
        print(f"{page.stem}: {wall:.1f} s, {work:.1f} s of a processor")


def main() -> int:
    """Write or check."""
    if "--convert" in sys.argv:
        for page in PAGES:
            place(page).write_text(serialised(page), encoding="utf-8")
        return 0
    if "--write" in sys.argv:
        named = [word for word in sys.argv[1:] if not word.startswith("-")]
        write([page for page in PAGES if not named or any(word in page.stem for word in named)])
        return 0
    stale = [
        place(page).name
        for page in PAGES
        if not place(page).exists() or place(page).read_text("utf-8") != serialised(page)
    ]
    if stale:
        print(f"Stale: {', '.join(stale)}; run scripts/tutorials.py --write", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
