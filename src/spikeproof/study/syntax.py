"""What a module's source says: the names it binds, hands on and uses, without running it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["WHOLE", "Chain", "Imports", "Module", "Statement", "Symbol", "module_of"]

# A name that a module binds; the empty name is what the module does when it is imported.
Symbol = tuple[str, str]
WHOLE = "*"  # in place of a name: all of a module
Imports = dict[str, Symbol]
Chain = tuple[str, ...]  # a.b.c


@dataclass(frozen=True)
class Statement:
    """One statement: the hash of its syntax, the names it uses, and its own imports.

    Args:
        sha256: Without comments, docstrings and layout.
        uses: Dotted names that it reads, but for those in annotations of functions.
        imports: What it imports itself, inside a function.
        also: What it imports under a name that another import has.
    """

    sha256: str
    uses: tuple[Chain, ...]
    imports: Imports
    also: tuple[Symbol, ...] = ()


@dataclass
class Module:
    """What a module binds at its top level, imports there, and does besides.

    Args:
        name: Dotted.
        binds: Name → the statements that bind it.
        imports: Name → what it stands for.
        stars: Modules all of whose names it takes.
        effects: Statements that do something when it is imported.
    """

    name: str
    binds: dict[str, list[Statement]] = field(default_factory=dict)
    imports: Imports = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[Statement] = field(default_factory=list)


@cache
def module_of(name: str) -> Module | None:
    """A module's names, from its source; None where there is none."""
    source = _source(name)
    if source is None:
        return None
    text, package = source
    module = Module(name)
    registries: set[str] = set()
    for node in ast.parse(text).body:
        _note(module, node, package, registries)
    return module


def _source(name: str) -> tuple[str, str] | None:
    """The text of a module and the package that its relative imports start from."""
    if name == "__main__":
        path = getattr(sys.modules[name], "__file__", None)
        if path is None:
            return None
        return Path(path).read_text(encoding="utf-8"), ""
    try:
        spec = importlib.util.find_spec(name)
        text = spec.loader.get_source(name)  # type: ignore[union-attr]
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or text is None:
        return None
    return text, name if spec.submodule_search_locations is not None else name.rpartition(".")[0]


def _note(module: Module, node: ast.stmt, package: str, registries: set[str]) -> None:
    """Add a statement to what is known of a module."""
    for part in _top_level(node):
        if isinstance(part, ast.ImportFrom) and part.names[0].name == "*":
            module.stars.append(_absolute(part, package))
        elif isinstance(part, ast.Import | ast.ImportFrom):
            for name, target in _imported(part, package).items():
                if module.imports.setdefault(name, target) != target:
                    other = Statement("", (), {}, (target,))
                    module.binds.setdefault(name, []).append(other)
    if isinstance(node, ast.Import | ast.ImportFrom) or _only_for_types(node):
        return
    names = {name for part in _top_level(node) for name in _names(part)}
    value = _registry(node)
    if value is not None:
        registries |= names
    elif isinstance(node, ast.Expr) and _registers(node.value, registries, module.imports):
        return  # a line of somebody's registry
    statement = _statement(node if value is None else value, package)
    for name in names:
        module.binds.setdefault(name, []).append(statement)
    if _acts(node):
        module.effects.append(statement)


def _top_level(node: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those that it holds at the level of the module."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield from _top_level(child)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            for inner in child.body:
                yield from _top_level(inner)


def _names(node: ast.stmt) -> Iterator[str]:
    """The names that one statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    yield part.id


def _registry(node: ast.stmt) -> ast.expr | None:
    """What makes a registry, its class without its members; None for any other statement."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
        return None
    kind = node.annotation if isinstance(node, ast.AnnAssign) else node.value.func
    kind = kind.value if isinstance(kind, ast.Subscript) else kind
    called = kind.attr if isinstance(kind, ast.Attribute) else getattr(kind, "id", "")
    return node.value.func if called == "Registry" else None


def _registers(node: ast.expr, registries: set[str], imports: Imports) -> bool:
    """Whether an expression is ``ATTACKS.register(...)``."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    name = owner.id if isinstance(owner, ast.Name) else ""
    return node.func.attr == "register" and (name in registries or name in imports)


def _acts(node: ast.stmt) -> bool:
    """Whether a statement does more, when a module is imported, than to bind names of it."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in ast.walk(target)]
        return any(isinstance(part, ast.Attribute | ast.Subscript) for part in parts)
    bound = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return not (bound or _is_docstring(node))


def _only_for_types(node: ast.stmt) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _imports_torch(node: ast.stmt) -> bool:
    """Whether a line is ``import torch``: importing it late, to start fast, changes no result."""
    return isinstance(node, ast.Import) and [(n.name, n.asname) for n in node.names] == [
        ("torch", None)
    ]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _statement(node: ast.AST, package: str) -> Statement:
    """A statement as far as it counts."""
    uses = _Uses(package)
    uses.visit(node)
    for part in ast.walk(node):
        if isinstance(part, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            part.body = part.body[1:] if _is_docstring(part.body[0]) else part.body
            part.body = [line for line in part.body if not _imports_torch(line)]
    dump = ast.dump(node).encode()
    digest = hashlib.sha256(dump).hexdigest()
    return Statement(digest, tuple(sorted(uses.found)), uses.imports, tuple(sorted(uses.also)))


class _Uses(ast.NodeVisitor):
    """Collect the dotted names that a statement reads.

    Annotations of functions are left out: they are for people and type checkers. Those in the
    body of a class are fields, whose types are checked when settings are read.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.found: set[Chain] = set()
        self.imports: Imports = {}
        self.also: set[Symbol] = set()
        self._in_class = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.found.add((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.found.add((inner.id, *reversed(chain)))
        else:
            self.visit(inner)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, target in _imported(node, self.package).items():
            if self.imports.setdefault(name, target) != target:
                self.also.add(target)

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        before, self._in_class = self._in_class, False
        for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults, *node.body):
            if part is not None:
                self.visit(part)
        self._in_class = before

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self._in_class = self._in_class, True
        self.generic_visit(node)
        self._in_class = before

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self._in_class:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Imports:
    """What the names of an import stand for."""
    if isinstance(node, ast.ImportFrom):
        source = _absolute(node, package)
        return {a.asname or a.name: (source, a.name) for a in node.names if a.name != "*"}
    return {
        alias.asname or alias.name.partition(".")[0]: (
            alias.name if alias.asname else alias.name.partition(".")[0],
            WHOLE,
        )
        for alias in node.names
    }


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that a ``from`` import names."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
