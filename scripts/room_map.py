"""Write the map in docs/architecture.md from the tree; `--check` says whether it is current."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "src" / "spikeproof"
BEGIN, END = "<!-- map: begin -->\n", "<!-- map: end -->\n"
WIDTH, INDENT = 108, 14


def room_map(package: Path = PACKAGE) -> str:
    """The map: each room from the ground up, what it is for, and its modules."""
    rooms = sorted(path.parent for path in package.glob("*/__init__.py"))
    height = _heights(rooms)
    lines = _wrapped([f"src/{package.name}/", *_modules(package)], "")
    for room in sorted(rooms, key=lambda room: (height(room), room.name)):
        name = f"├── {room.name}/".ljust(INDENT)
        lines += [*_wrapped(_purpose(room).split(), name), *_contents(room)]
    return "\n".join(["```text", *lines, "```", ""])


def _heights(rooms: list[Path]) -> Callable[[Path], int]:
    """How many rooms stand on top of each other below a room, by what its files import."""

    @cache
    def height(room: Path) -> int:
        imported = {module for path in room.rglob("*.py") for module in _imported(path)}
        below = [other for other in rooms if f"{room.parent.name}.{other.name}" in imported]
        return 1 + max((height(other) for other in below if other != room), default=0)

    return height


def _imported(path: Path) -> Iterator[str]:
    """The modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _contents(folder: Path) -> list[str]:
    """The lines of a room: its modules, then each folder in it with its own."""
    lines = _wrapped(_modules(folder))
    for inner in sorted(path.parent for path in folder.rglob("*/__init__.py")):
        if inner != folder:
            lines += _wrapped([f"{inner.relative_to(folder).as_posix()}/", *_modules(inner)])
    return lines


def _modules(folder: Path) -> list[str]:
    """The modules of a folder, except the one that makes it a package."""
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def _purpose(room: Path) -> str:
    """The first line of a room's docstring."""
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    return text.partition("\n")[0].removesuffix(".")


def _wrapped(words: list[str], first: str | None = None) -> list[str]:
    """Words in lines of a common width, behind the trunk of the tree."""
    trunk = "│".ljust(INDENT)
    start = trunk if first is None else first
    return textwrap.wrap(" ".join(words), WIDTH, initial_indent=start, subsequent_indent=trunk)


def with_map(text: str, package: Path = PACKAGE) -> str:
    """The text of a page, with the map between its marks made anew."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE.name} has no room for the map: {BEGIN.strip()} ... {END.strip()}")
    return f"{before}{begin}{room_map(package)}{end}{after}"


def main() -> int:
    """Write the page, or say whether it is current."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        if with_map(text) != text:
            print("the map in docs/architecture.md is stale: run scripts/room_map.py")
            return 1
        return 0
    PAGE.write_text(with_map(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
