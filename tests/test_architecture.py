"""The rules of docs/architecture.md as tests: layers, sizes, public faces, one word per idea."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "spikeproof"

# From the ground up; a package imports only from packages before it.
LAYERS = [
    "base",
    "data",
    "neurons",
    "models",
    "adapters",
    "threats",
    "oracle",
    "metrics",
    "attacks",
    "train",
    "evaluate",
    "study",
    "analysis",
    "report",
    "cli",
]
ROOMS = [name for name in LAYERS if (SOURCE / name / "__init__.py").exists()]
FILES = sorted(SOURCE.rglob("*.py"))
# Beside the package: read as often, so as short.
BESIDE = ("tests", "benchmarks", "scripts")
LONGEST = 300  # lines

# word in a signature → the word that is used here
SYNONYMS = {
    "adv": "x_adv",
    "adv_images": "x_adv",
    "alpha": "step_size or sharpness",
    "beta": "leak",
    "budget": "radius",
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
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "tools", "lib"}


def order(name: str) -> tuple[int, str]:
    """The order of a public face: constants, classes, functions, each by name."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def short(path: Path) -> str:
    """A file's path as tests name it."""
    return path.relative_to(SOURCE).as_posix()


def length(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(node: ast.FunctionDef) -> int:
    """How many lines a function inside another takes; it is counted for itself."""
    return int(node.end_lineno or node.lineno) - node.lineno + 1


def imports(path: Path) -> Iterator[str]:
    """Every spikeproof module a file imports, wherever in the file, types included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("spikeproof"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spikeproof"):
            yield str(node.module)


def test_the_rooms_of_the_house_are_the_ones_that_exist() -> None:
    found = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert found <= set(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=short)
def test_imports_only_point_down_and_meet_at_public_faces(path: Path) -> None:
    room = short(path).split("/")[0]
    for module in imports(path):
        parts = module.split(".")
        if room not in LAYERS:  # the front door sees every room, and runs the command line
            assert len(parts) <= 2 or module == "spikeproof.cli.main", module
            continue
        if len(parts) == 1:  # the package itself: only the command line asks for its version
            assert room == "cli", f"{short(path)} imports the front door"
            continue
        if parts[1] == room:
            continue
        assert LAYERS.index(parts[1]) < LAYERS.index(room), f"{module} lies above {room}"
        assert len(parts) == 2, f"{module}: import from spikeproof.{parts[1]}"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert length(path) <= LONGEST
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        if body:
            inner = sum(lines(node) for node in body if isinstance(node, ast.FunctionDef))
            own = body[-1].end_lineno - body[0].lineno + 1 - inner  # type: ignore[operator]
            assert own <= 40, f"{function.name} has {own} lines"


@pytest.mark.parametrize("folder", BESIDE)
def test_files_beside_the_package_stay_short_too(folder: str) -> None:
    assert not [path for path in (ROOT / folder).rglob("*.py") if length(path) > LONGEST]


@pytest.mark.parametrize("path", FILES, ids=short)
def test_functions_take_at_most_five_positional_arguments(path: Path) -> None:
    # A command's parameters are named options; compiled loops know no keywords.
    exempt = short(path).startswith(("cli/", "neurons/kernels/"))
    for function in functions(path):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        names = [name for name in names if name not in ("self", "cls")]
        assert exempt or len(names) <= 5, f"{function.name} takes {', '.join(names)}"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_modules_are_named_after_a_thing(path: Path) -> None:
    assert path.stem not in FORBIDDEN_MODULES


@pytest.mark.parametrize("path", FILES, ids=short)
def test_one_word_per_idea_in_signatures_and_settings(path: Path) -> None:
    wrong = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            args = node.args
            names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
        elif isinstance(node, ast.ClassDef):
            fields = [n.target for n in node.body if isinstance(n, ast.AnnAssign)]
            names = [target.id for target in fields if isinstance(target, ast.Name)]
        else:
            continue
        wrong += [f"{node.name}: {n} (say {SYNONYMS[n]})" for n in names if n in SYNONYMS]
    assert not wrong


@pytest.mark.parametrize("path", FILES, ids=short)
def test_only_evaluation_opens_the_test_items(path: Path) -> None:
    if short(path).split("/")[0] in ("evaluate", "study", "data"):
        return
    for node in ast.walk(tree(path)):
        assert not (isinstance(node, ast.Attribute) and node.attr == "sealed"), node.lineno


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_file_can_run_code_when_it_is_opened(path: Path) -> None:
    banned = {"torch.load", "pickle.load", "pickle.loads", "joblib.load", "eval", "exec"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
            assert not {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib"} & set(names)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in banned, f"line {node.lineno}: {called}"
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle":
                    assert ast.unparse(keyword.value) == "False", f"line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_path_of_anybodys_machine_is_written_down(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"[\"'(\s](/(home|Users|mnt|tmp|work|root|data)/|[A-Z]:\\)", text)


@pytest.mark.parametrize("path", FILES, ids=short)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text("utf-8"))


@pytest.mark.parametrize("room", ROOMS)
def test_the_public_face_is_sorted_complete_and_documented(room: str) -> None:
    module = importlib.import_module(f"spikeproof.{room}")
    assert inspect.getdoc(module), "the room says what it is for"
    names = list(module.__all__)
    assert names == sorted(names, key=order)
    assert len(names) == len(set(names))
    listed = imported_names(SOURCE / room / "__init__.py")
    assert listed <= set(names), f"imported but not in __all__: {listed - set(names)}"
    for name in names:
        value = getattr(module, name)
        if callable(value) and not isinstance(value, types.GenericAlias) and is_ours(value):
            assert documented(value), f"{room}.{name} has no docstring"


def imported_names(path: Path) -> set[str]:
    """Names that a public face imports."""
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if not name.startswith("_")}


def is_ours(value: Any) -> bool:
    """Whether a value is a function or class written here (not an alias of a type)."""
    return str(getattr(value, "__module__", "")).startswith("spikeproof")


def documented(value: Any) -> bool:
    """Whether it has a docstring of its own, not the one dataclasses make up."""
    text = inspect.getdoc(value) or ""
    return bool(text) and not text.startswith(f"{getattr(value, '__name__', '')}(")


@pytest.mark.parametrize("path", FILES, ids=short)
def test_every_module_that_is_not_private_declares_what_it_offers(path: Path) -> None:
    if path.stem.startswith("_") and path.stem != "__init__":
        return
    module = tree(path)
    declared = [
        node
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        == "__all__"
    ]
    assert declared, "no __all__"
    names = ast.literal_eval(declared[0].value)  # type: ignore[arg-type]
    assert names == sorted(names, key=order)
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            public = not node.name.startswith("_")
            assert public == (node.name in names), f"{node.name} and __all__ disagree"


@pytest.mark.parametrize("room", ROOMS)
def test_the_citations_of_a_room_exist(room: str) -> None:
    from spikeproof.base import references

    known = set(references())
    for path in (SOURCE / room).rglob("*.py"):
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                continue
            text = ast.get_docstring(node) or ""
            cited = re.search(r"^References:\n((?:    .+\n?)+)", text, re.MULTILINE)
            keys = re.findall(r"[a-z]+[0-9]{2,4}[a-z0-9]*", cited[1]) if cited else []
            assert set(keys) <= known, f"{short(path)}: {set(keys) - known}"
