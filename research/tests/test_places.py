"""Research stands on top: the package and its benchmarks know nothing of it, and keep to speed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from research import ROOT

BENCHMARKS = ROOT / "benchmarks"


def imported(path: Path) -> Iterator[str]:
    """The top names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def test_nothing_below_imports_what_stands_above() -> None:
    package = (ROOT / "src").rglob("*.py")
    above = {"benchmarks", "research", "support"}
    assert not [path for path in package if above & {*imported(path)}]
    assert not [path for path in BENCHMARKS.glob("*.py") if "research" in {*imported(path)}]


def test_every_result_of_the_benchmarks_is_that_of_a_benchmark() -> None:
    mains = {path.stem for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text()}
    stored = {path.relative_to(BENCHMARKS / "results") for path in BENCHMARKS.rglob("*.json")}
    assert {path.as_posix() for path in stored} == {f"{name}.json" for name in mains - {"harness"}}
