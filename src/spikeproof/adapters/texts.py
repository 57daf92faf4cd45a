"""The files that a module of a user consists of: itself, and what it imports from beside it."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from spikeproof.adapters.where import NetworkSource, read_source, syntax_of
from spikeproof.base import FileProblem, installed

__all__ = ["SourceFiles", "files_of"]

_MOST = 2_000  # files of one network
_OURS = __name__.partition(".")[0]
# Said by the versions that every record has.
_VERSIONED = {*sys.stdlib_module_names, "numpy", "torch", _OURS}


@dataclass
class SourceFiles:
    """What a module of a user is made of, from elsewhere than installed packages.

    Args:
        paths: Dotted name → file.
        texts: File, counted from the folder that imports start from → its text.
        hashes: The same file → hash of its syntax: comments, docstrings and layout do not count.
        packages: Top-level names of installed packages that it imports.
        ours: Names of this package that it imports, ``"spikeproof.models:build"``.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    ours: set[str] = field(default_factory=set)

    def libraries(self) -> dict[str, str]:
        """Installed distributions that it imports, with their versions."""
        from importlib.metadata import version

        by_top = _distributions()
        names = {name for top in self.packages for name in by_top.get(top, ())}
        return {name: version(name) for name in sorted(names)}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Top-level name → distributions that install it."""
    from importlib.metadata import packages_distributions

    return packages_distributions()


def files_of(source: NetworkSource) -> SourceFiles:
    """Return every file that a source consists of, found in its text and never by running it.

    Imports are followed wherever they stand, in functions too, to files beside the source and in
    other folders that Python imports from. Packages that are installed count by their versions,
    and names of this package by what they reach. Not seen are modules whose names are made while
    the code runs, and data that it opens.

    Args:
        source: Where it is.
    Raises:
        FileProblem: a file that is no Python, or more than 2,000 of them.
    """
    found = SourceFiles()
    if source.path is None:
        found.packages.add(source.module.partition(".")[0])
        return found
    roots = [source.root, *_others(source.root)]
    waiting = [(source.module, source.root, source.path)]
    while waiting:
        module, root, path = waiting.pop()
        if module in found.paths:
            continue
        if len(found.paths) == _MOST:
            raise FileProblem(
                f"{source.label} imports more than {_MOST} files from beside it; install them as "
                "a package and name it as package.module:build."
            )
        text = read_source(path)
        tree = syntax_of(path, text)
        name = path.relative_to(root).as_posix()
        found.paths[module], found.texts[name] = path, text
        found.hashes[name] = _syntax_sha256(tree)
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        waiting += _parents(module, root)
        for wanted, tail in _imports(tree, package):
            top = wanted.partition(".")[0]
            leads = [] if top in _VERSIONED else list(_located(wanted, tail, roots))
            waiting += leads
            if top == _OURS and tail:
                found.ours.add(f"{wanted}:{tail}")
            elif not leads and top not in _VERSIONED:
                found.packages.add(top)
    found.texts = dict(sorted(found.texts.items()))
    return found


def _others(root: Path) -> list[Path]:
    """Further folders that Python imports from and that hold no installed packages."""
    folders = [Path(entry) for entry in sys.path]
    ours = Path(__file__).parents[2].resolve()
    return [
        folder
        for folder in folders
        if folder.is_dir()
        and folder.resolve() not in (root.resolve(), ours)
        and not installed(folder)
    ]


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Each module that is imported, and the name that is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            start = parts[: len(parts) - node.level + 1]
            module = ".".join([*start, *filter(None, [node.module])])
            if module:
                yield from ((module, alias.name) for alias in node.names)


def _located(module: str, tail: str, roots: list[Path]) -> Iterator[tuple[str, Path, Path]]:
    """The files that an import runs: of its module, of the packages above, of a part of it."""
    for root in roots:
        found = _file(module, root)
        if found is None and not root.joinpath(*module.split(".")).is_dir():
            continue
        if found is not None:
            yield module, root, found
        yield from _parents(module, root)
        part = _file(f"{module}.{tail}", root) if tail and tail != "*" else None
        if part is not None:
            yield f"{module}.{tail}", root, part
        if found is not None or part is not None:
            return


def _parents(module: str, root: Path) -> Iterator[tuple[str, Path, Path]]:
    """The files of the packages that a module lies in."""
    while module := module.rpartition(".")[0]:
        found = _file(module, root)
        if found is not None:
            yield module, root, found


def _file(module: str, root: Path) -> Path | None:
    """The file of a dotted name in a folder."""
    base = root.joinpath(*module.split("."))
    for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
        if path.is_file():
            return path
    return None


def _syntax_sha256(tree: ast.Module) -> str:
    """The hash of what a file says, without comments, docstrings and layout."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()
