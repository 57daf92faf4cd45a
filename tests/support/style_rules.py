"""The rules of docs/architecture.md that one file keeps or breaks by itself, as functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from spikeproof.base import references

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "spikeproof"

# From the ground up. A room imports only from floors below, so rooms of one floor do not meet.
FLOORS = (
    ("allocator", "catalogue", "faces", "names"),
    ("base",),
    ("rescore", "runs"),
    ("data",),
    ("neurons",),
    ("models",),
    ("adapters",),
    ("threats",),
    ("oracle",),
    ("metrics",),
    ("attacks",),
    ("train",),
    ("evaluate",),
    ("analysis", "study"),
    ("cards",),
    ("report",),
    ("export",),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
LONGEST_FILE, LONGEST_BODY, MOST_POSITIONAL = 300, 40, 5
# A command's parameters are named options; compiled loops know no keywords.
MANY_ARGUMENTS = ("cli/", "neurons/kernels/")
SEES_TEST_ITEMS = ("data", "evaluate", "study")
FRONT_DOOR = "evaluate/front.py"
NO_THING = {"utils", "util", "helpers", "helper", "common", "misc", "core", "tools", "lib"}
RUNS_CODE = {"torch.load", "pickle.load", "pickle.loads", "joblib.load", "eval", "exec"}
PICKLES = {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib"}

# word in a signature → the word that is used here
SYNONYMS = {
    "adv": "x_adv",
    "adv_images": "x_adv",
    "alpha": "step_size or sharpness",
    "beta": "leak",
    "criterion": "goal",
    "decay": "leak",
    "dt": "timesteps",
    "eps": "radius",
    "epsilon": "radius",
    "generator": "seeds",
    "gamma": "sharpness",
    "images": "x",
    "inputs_adv": "x_adv",
    "iterations": "steps",
    "iters": "steps",
    "label": "y",
    "labels": "y",
    "max_iter": "steps",
    "n_iter": "steps",
    "niter": "steps",
    "num_steps": "steps",
    "output": "logits",
    "outputs": "logits",
    "rng": "seeds",
    "sim_length": "timesteps",
    "target": "goal",
    "targets": "goal",
    "temperature": "sharpness",
    "time_steps": "timesteps",
}


@dataclass(frozen=True)
class Source:
    """A file of the package, or one made up: its path inside the package, and its text."""

    name: str
    text: str

    @property
    def room(self) -> str:
        """The first part of the path."""
        return self.name.split("/")[0]

    @property
    def stem(self) -> str:
        """The module's own name."""
        return Path(self.name).stem

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def functions(self) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]:
        """Every function and method."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        return tuple(node for node in self.nodes if isinstance(node, kinds))


StyleRule = Callable[[Source], Iterator[str]]


@cache
def package() -> tuple[Source, ...]:
    """Every file of the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple(Source(p.relative_to(PACKAGE).as_posix(), p.read_text("utf-8")) for p in paths)


def order(name: str) -> tuple[int, str]:
    """The order of a public face: constants, classes, functions, each by name."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def imports_point_down(source: Source) -> Iterator[str]:
    """Only from rooms below, and from their public faces."""
    for module in _imports(source):
        parts = module.split(".")
        if source.room not in FLOOR:  # the front door sees every room, and runs the command line
            if len(parts) > 2 and module != "spikeproof.cli.main":
                yield f"{module}: import from spikeproof.{parts[1]}"
        elif len(parts) == 1:  # the package itself: only the command line asks for its version
            if source.room != "cli":
                yield "imports the front door"
        elif parts[1] != source.room:
            if FLOOR[parts[1]] >= FLOOR[source.room]:
                yield f"{module} does not lie below {source.room}"
            if len(parts) > 2:
                yield f"{module}: import from spikeproof.{parts[1]}"


def _imports(source: Source) -> Iterator[str]:
    """Every spikeproof module a file imports, wherever in the file, types included."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("spikeproof"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spikeproof"):
            yield str(node.module)


def files_are_short(source: Source) -> Iterator[str]:
    """So that a file can be read at a sitting."""
    length = len(source.text.splitlines())
    if length > LONGEST_FILE:
        yield f"{length} lines, more than {LONGEST_FILE}"


def functions_are_short(source: Source) -> Iterator[str]:
    """Lines of the body; a docstring and functions inside are not counted."""
    for function in source.functions:
        body = function.body[1:] if ast.get_docstring(function) else function.body
        if body:
            inner = sum(_lines(node) for node in body if isinstance(node, ast.FunctionDef))
            own = int(body[-1].end_lineno or 0) - body[0].lineno + 1 - inner
            if own > LONGEST_BODY:
                yield f"{function.name} has {own} lines, more than {LONGEST_BODY}"


def _lines(node: ast.FunctionDef) -> int:
    """How many lines a function inside another takes; it is counted for itself."""
    return int(node.end_lineno or node.lineno) - node.lineno + 1


def few_positional_arguments(source: Source) -> Iterator[str]:
    """Arguments that must be named are free, and so are private functions."""
    for function in source.functions:
        private = function.name.startswith("_") and not function.name.endswith("__")
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        names = [name for name in names if name not in ("self", "cls")]
        exempt = private or source.name.startswith(MANY_ARGUMENTS)
        if len(names) > MOST_POSITIONAL and not exempt:
            yield f"{function.name} takes {', '.join(names)} by position"


def named_after_a_thing(source: Source) -> Iterator[str]:
    """No module holds the rest."""
    if source.stem in NO_THING:
        yield "name the module after what it holds"


def one_word_per_idea(source: Source) -> Iterator[str]:
    """In signatures and in settings; the front door also takes the words of other libraries."""
    for node in () if source.name == FRONT_DOOR else source.nodes:
        if isinstance(node, ast.FunctionDef):
            args = node.args
            names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
        elif isinstance(node, ast.ClassDef):
            fields = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
            names = [target.id for target in fields if isinstance(target, ast.Name)]
        else:
            continue
        yield from (f"{node.name}: {n} (say {SYNONYMS[n]})" for n in names if n in SYNONYMS)


def only_evaluation_opens_the_test_items(source: Source) -> Iterator[str]:
    """Whatever trains, selects or attacks in training never sees them."""
    for node in source.nodes:
        opens = isinstance(node, ast.Attribute) and node.attr == "sealed"
        if opens and source.room not in SEES_TEST_ITEMS:
            yield f"line {node.lineno}: .sealed"


def opening_a_file_runs_no_code(source: Source) -> Iterator[str]:
    """No pickle in any form, and no evaluation of text."""
    for node in source.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {getattr(node, "module", None) or "", *(a.name for a in node.names)}
            yield from (f"line {node.lineno}: {name}" for name in sorted(names & PICKLES))
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in RUNS_CODE and not _reads_weights_only(node):
                yield f"line {node.lineno}: {called}"
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                    yield f"line {node.lineno}: allow_pickle"


def _reads_weights_only(call: ast.Call) -> bool:
    """Whether a call of ``torch.load`` refuses everything but numbers."""
    asked = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return ast.unparse(call.func) == "torch.load" and asked.get("weights_only") == "True"


def no_place_on_somebodys_machine(source: Source) -> Iterator[str]:
    """Paths are arguments, or relative to a file."""
    pattern = r"[\"'(\s](/(home|Users|mnt|tmp|work|root|data)/|[A-Z]:\\)"
    yield from (found[1] for found in re.finditer(pattern, source.text))


def nothing_left_for_later(source: Source) -> Iterator[str]:
    """What is there works."""
    yield from re.findall(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", source.text)


def declares_what_it_offers(source: Source) -> Iterator[str]:
    """``__all__`` is sorted and holds what is public; private modules need none."""
    if source.stem.startswith("_") and source.stem != "__init__":
        return
    declared = [node for node in source.tree.body if _assigns_all(node)]
    if not declared:
        yield "no __all__"
        return
    names = ast.literal_eval(declared[0].value)  # type: ignore[attr-defined]
    if names != sorted(names, key=order):
        yield f"__all__ should be {sorted(names, key=order)}"
    for node in source.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_") == (node.name in names):
            yield f"{node.name} and __all__ disagree"


def _assigns_all(node: ast.stmt) -> bool:
    """Whether a statement says what a module offers."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__all__"
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "__all__"


def citations_exist(source: Source) -> Iterator[str]:
    """Every key under ``References:`` is in references.bib."""
    known = set(references())
    for node in source.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node) or ""
            cited = re.search(r"^References:\n((?:    .+\n?)+)", text, re.MULTILINE)
            keys = re.findall(r"[a-z]+[0-9]{2,4}[a-z0-9]*", cited[1]) if cited else []
            yield from (f"{key} is not in references.bib" for key in keys if key not in known)


def shared_class_names(sources: Sequence[Source]) -> dict[str, list[str]]:
    """Public classes whose name another public class or alias has too, and the files of all."""
    places: dict[str, list[str]] = {}
    classes = set()
    for source in sources:
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef):
                classes.add(node.name)
                places.setdefault(node.name, []).append(source.name)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                places.setdefault(node.targets[0].id, []).append(source.name)
    return {
        name: files
        for name, files in sorted(places.items())
        if name in classes and len(files) > 1 and not name.startswith("_")
    }
