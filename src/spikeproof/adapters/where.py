"""Where ``module.py:build`` is: the file, the folder its imports start from, the name in it."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from spikeproof.base import FileProblem, SettingError, installed, read_text, suggestion

__all__ = ["NetworkSource", "is_source", "read_source", "source_of", "syntax_of"]

_LARGEST = 1 << 22  # bytes of a source file
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class NetworkSource:
    """A function or class that makes a network.

    Args:
        text: As it was written, ``"nets/model.py:build"``.
        path: The file of its module; None where an installed package has it.
        root: The folder that imports of its module start from.
        module: Dotted name of the module, counted from there.
        name: Of the function or class.
    """

    text: str
    path: Path | None
    root: Path
    module: str
    name: str

    @property
    def label(self) -> str:
        """What records and sentences call it, without the folders of a machine."""
        file = self.text.rpartition(":")[0]
        return f"{Path(file).name if file.endswith('.py') else file}:{self.name}"


def is_source(text: str) -> bool:
    """Whether a text names a function in a module rather than a file of weights.

    Example:
        >>> is_source("nets.py:build"), is_source("my.nets:Net"), is_source("model.safetensors")
        (True, True, False)
        >>> is_source("nets.py")  # lacks the function, and is no file of weights either
        True
    """
    module, colon, name = text.rpartition(":")
    if not colon:
        return text.endswith(".py")
    dotted = all(part.isidentifier() for part in module.split("."))
    return module.endswith(".py") or (dotted and name.isidentifier())


def source_of(text: str) -> NetworkSource:
    """Return where a function is that makes a network; nothing is imported.

    Args:
        text: ``"module.py:build"``, ``"folder/module.py:Class"`` or ``"package.module:build"``.
            A dotted name is looked for in the working folder and then where Python imports from.
    Returns:
        Where it is.
    Raises:
        SettingError: no module, or no function, is named.
        FileProblem: there is no such module, or it binds no such name.
    Example:
        >>> source_of("no.py:build")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no Python file at no.py.
    """
    module, colon, name = text.rpartition(":")
    if not colon and text.endswith(".py"):
        known = _bound(syntax_of(Path(text), read_source(Path(text))))
        raise SettingError(
            f"{text} is a file of Python and names no network in it; write {text}:NAME"
            f"{' with one of ' + ', '.join(known[:8]) if known else ''}."
        )
    if not colon or not module or not name.isidentifier() or keyword.iskeyword(name):
        raise SettingError(
            f"{text!r} names no function of a module; write it as module.py:build or "
            "package.module:build."
        )
    if module.endswith(".py"):
        path = Path(module)
        tree = syntax_of(path, read_source(path))
        root, dotted = _package_root(path, tree)
        found = NetworkSource(text, path, root, dotted, name)
    else:
        found = _dotted(text, module, name)
        if found.path is None:
            return found
        tree = syntax_of(found.path, read_source(found.path))
    if name not in (known := _bound(tree)) and not _hands_on(tree):
        raise FileProblem(
            f"{found.path} has no {name!r} at its top level. "
            f"{suggestion(name, known) if known else 'It defines no function and no class.'}"
        )
    return found


def read_source(path: Path) -> str:
    """The text of a file of Python, which is small and UTF-8."""
    return read_text(path, "Python file", most=_LARGEST)


def _dotted(text: str, module: str, name: str) -> NetworkSource:
    """A dotted module: of the working folder, or where Python imports from."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise SettingError(
            f"{text!r} names no module of Python; write it as module.py:build or "
            "package.module:build."
        )
    roots = [Path(), *_roots_of(parts[0])]
    for root in roots:
        base = root.joinpath(*parts)
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                own = None if installed(path) else path
                return NetworkSource(text, own, root, module, name)
    raise FileProblem(
        f"There is no module {module!r} in this folder or among installed packages; give the "
        "path of its file, folder/module.py:build, or run where it can be imported."
    )


def _roots_of(top: str) -> list[Path]:
    """The folders that hold a package or module of this name; nothing is imported."""
    spec = PathFinder.find_spec(top)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place).parent for place in spec.submodule_search_locations]
    return [Path(spec.origin).parent] if spec.origin else []


def _package_root(path: Path, tree: ast.Module) -> tuple[Path, str]:
    """The folder that a file's imports start from, and its dotted name from there.

    A file is run as Python runs a script, from its own folder; one that imports relatively is a
    part of its package.
    """
    relative = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))
    root, parts = path.parent, [path.stem]
    while relative and (root / "__init__.py").is_file() and root.name:
        root, parts = root.parent, [root.name, *parts]
    return root, ".".join(parts)


def syntax_of(path: Path, text: str) -> ast.Module:
    """The syntax of a file."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        line = getattr(problem, "lineno", None)
        where = f" in line {line}" if line else ""
        why = getattr(problem, "msg", None) or str(problem) or type(problem).__name__
        raise FileProblem(f"{path} is not Python that this version reads: {why}{where}.") from None


def _bound(tree: ast.Module) -> list[str]:
    """Names at the top level of a module that may be called, its functions and classes first."""
    made: list[str] = []
    other: list[str] = []
    for node in _statements(tree.body):
        if isinstance(node, _DEFINES):
            made.append(node.name)
        elif isinstance(node, ast.Assign):
            other += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            other += [each.asname or each.name.partition(".")[0] for each in node.names]
    return list(dict.fromkeys([*made, *other]))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's top level, those inside ``if`` and ``try`` too."""
    for node in body:
        yield node
        if not isinstance(node, _DEFINES):
            for part in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, part, ()))
            for handler in getattr(node, "handlers", ()):
                yield from _statements(handler.body)


def _hands_on(tree: ast.Module) -> bool:
    """Whether a module may have names that its text does not show."""
    return any(
        (isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
        or (isinstance(node, ast.FunctionDef) and node.name == "__getattr__")
        or (isinstance(node, ast.Call) and ast.unparse(node.func) in ("globals", "setattr"))
        for node in ast.walk(tree)
    )
