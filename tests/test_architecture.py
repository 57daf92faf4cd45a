"""The rules of docs/architecture.md as tests: layers, sizes, public faces, one word per idea."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.style_rules import (
    FLOOR,
    PACKAGE,
    ROOT,
    Source,
    StyleRule,
    citations_exist,
    declares_what_it_offers,
    few_positional_arguments,
    files_are_short,
    functions_are_short,
    imports_point_down,
    named_after_a_thing,
    no_place_on_somebodys_machine,
    nothing_left_for_later,
    one_word_per_idea,
    only_evaluation_opens_the_test_items,
    opening_a_file_runs_no_code,
    order,
    package,
    shared_class_names,
)

sys.path.append(str(ROOT / "scripts"))
import room_map


def check(rule: StyleRule) -> None:
    """Fail with every offence of every file."""
    found = [f"{source.name}: {offence}" for source in package() for offence in rule(source)]
    assert not found, "\n".join(["", *found])


def test_imports_only_point_down_and_meet_at_public_faces() -> None:
    check(imports_point_down)


def test_files_and_functions_stay_short() -> None:
    check(files_are_short)
    check(functions_are_short)


def test_functions_take_at_most_five_positional_arguments() -> None:
    check(few_positional_arguments)


def test_modules_are_named_after_a_thing() -> None:
    check(named_after_a_thing)


def test_one_word_per_idea_in_signatures_and_settings() -> None:
    check(one_word_per_idea)


def test_only_evaluation_opens_the_test_items() -> None:
    check(only_evaluation_opens_the_test_items)


def test_no_file_can_run_code_when_it_is_opened() -> None:
    check(opening_a_file_runs_no_code)


def test_no_path_of_anybodys_machine_is_written_down() -> None:
    check(no_place_on_somebodys_machine)


def test_nothing_is_left_for_later() -> None:
    check(nothing_left_for_later)


def test_every_module_that_is_not_private_declares_what_it_offers() -> None:
    check(declares_what_it_offers)


def test_the_citations_of_a_room_exist() -> None:
    check(citations_exist)


def test_the_rooms_of_the_house_are_the_ones_that_exist() -> None:
    found = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert found <= set(FLOOR)


def test_the_map_of_the_house_is_the_tree() -> None:
    text = room_map.PAGE.read_text(encoding="utf-8")
    assert room_map.with_map(text) == text, "run scripts/room_map.py"


def test_the_map_accounts_for_every_module(tmp_path: Path) -> None:
    files = {
        "__main__": "",
        "a/__init__": "'On b.\\n\\nMore.'",
        "a/one": "from made.b import x",
        "a/in/__init__": "'Not shown.'",
        "a/in/two": "",
        "b/__init__": "'Below a.'",
    }
    for name, text in files.items():
        path = tmp_path / "made" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    page = f"x\n{room_map.BEGIN}old\n{room_map.END}y\n"
    shown = room_map.with_map(page, tmp_path / "made").splitlines()
    assert shown[:3] == ["x", room_map.BEGIN.strip(), "```text"]
    assert [" ".join(line.split()) for line in shown[3:-3]] == [
        "src/made/ __main__",
        "├── b/ Below a",
        "├── a/ On b",
        "│ one",
        "│ in/ two",
    ]
    assert shown[-3:] == ["```", room_map.END.strip(), "y"]
    with pytest.raises(SystemExit, match="no room for the map"):
        room_map.with_map("x")


def test_a_public_class_name_has_one_meaning() -> None:
    assert shared_class_names(package()) == {}, "two things of one name"


def test_the_public_face_is_sorted_complete_and_documented() -> None:
    found = []
    for source in package():
        if source.name == f"{source.room}/__init__.py" and source.room in FLOOR:
            face = importlib.import_module(f"spikeproof.{source.room}")
            found += [f"{source.room}: {told}" for told in flaws(face, imported_names(source))]
    assert not found, "\n".join(["", *found])


def flaws(face: types.ModuleType, imported: set[str]) -> Iterator[str]:
    """What is wrong with a public face that imports these names."""
    if not inspect.getdoc(face):
        yield "does not say what it is for"
    names = list(face.__all__)
    if names != sorted(set(names), key=order):
        yield f"__all__ should be {sorted(set(names), key=order)}"
    yield from (f"{name} is imported but not in __all__" for name in sorted(imported - set(names)))
    for name in names:
        value = getattr(face, name)
        written = callable(value) and not isinstance(value, types.GenericAlias) and is_ours(value)
        if written and not documented(value):
            yield f"{name} has no docstring"


def imported_names(source: Source) -> set[str]:
    """Names that a public face imports, at once or when they are asked for."""
    found, late = set(), [node for node in source.tree.body if isinstance(node, ast.If)]
    for node in [*source.tree.body, *(inner for block in late for inner in block.body)]:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found |= {alias.asname or alias.name for alias in node.names}
    return {name for name in found if not name.startswith("_")} - {"TYPE_CHECKING", "lazy_face"}


def is_ours(value: Any) -> bool:
    """Whether a value is a function or class written here (not an alias of a type)."""
    return str(getattr(value, "__module__", "")).startswith("spikeproof")


def documented(value: Any) -> bool:
    """Whether it has a docstring of its own, not the one dataclasses make up."""
    text = inspect.getdoc(value) or ""
    return bool(text) and not text.startswith(f"{getattr(value, '__name__', '')}(")


FIVE = "a, b, c, d, e"
LONG = "\n".join(["def f():", *["    pass"] * 41])


@pytest.mark.parametrize(
    ("rule", "name", "text", "offence"),
    [
        (imports_point_down, "data/a.py", "from spikeproof.train import fit", "not lie below data"),
        (imports_point_down, "study/a.py", "from spikeproof.analysis import x", "not lie below"),
        (imports_point_down, "train/a.py", "import spikeproof.data.spec", "from spikeproof.data"),
        (imports_point_down, "train/a.py", "def f():\n  from spikeproof import x", "front door"),
        (imports_point_down, "__init__.py", "import spikeproof.data.spec", "from spikeproof.data"),
        (files_are_short, "data/a.py", "\n" * 301, "301 lines"),
        (functions_are_short, "data/a.py", LONG, "f has 41 lines"),
        (few_positional_arguments, "data/a.py", f"def f({FIVE}, g): ...", "f takes a, b"),
        (few_positional_arguments, "data/a.py", f"def __init__({FIVE}, /, g): ...", "takes a, b"),
        (named_after_a_thing, "data/utils.py", "", "name the module"),
        (one_word_per_idea, "data/a.py", "def f(*, eps): ...", "f: eps (say radius)"),
        (one_word_per_idea, "data/a.py", "class F:\n  labels: int", "F: labels (say y)"),
        (only_evaluation_opens_the_test_items, "train/a.py", "d.sealed", "line 1: .sealed"),
        (opening_a_file_runs_no_code, "data/a.py", "import pickle", "line 1: pickle"),
        (opening_a_file_runs_no_code, "data/a.py", "x = torch.load(p)", "line 1: torch.load"),
        (opening_a_file_runs_no_code, "data/a.py", "torch.load(p, weights_only=w)", "torch.load"),
        (opening_a_file_runs_no_code, "data/a.py", "load(allow_pickle=y)", "allow_pickle"),
        (no_place_on_somebodys_machine, "data/a.py", "p = '/home/me/x'", "/home/"),
        (nothing_left_for_later, "data/a.py", "# FIXME", "FIXME"),
        (declares_what_it_offers, "data/a.py", "def f(): ...", "no __all__"),
        (declares_what_it_offers, "data/a.py", "__all__ = ['f', 'B']", "should be ['B', 'f']"),
        (declares_what_it_offers, "data/a.py", "__all__ = []\ndef f(): ...", "f and __all__"),
        (declares_what_it_offers, "data/a.py", "__all__ = ['_F']\nclass _F: ...", "_F and"),
        (citations_exist, "data/a.py", "'''A.\n\nReferences:\n    no2000one\n'''", "no2000one"),
    ],
)
def test_a_rule_finds_what_breaks_it(rule: StyleRule, name: str, text: str, offence: str) -> None:
    (found,) = rule(Source(name, text))
    assert offence in found


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (imports_point_down, "train/a.py", "from spikeproof.data import x"),
        (imports_point_down, "train/a.py", "import spikeproof.train.loop.fit"),
        (imports_point_down, "__main__.py", "from spikeproof.cli.main import main"),
        (files_are_short, "data/a.py", "\n" * 300),
        (functions_are_short, "data/a.py", LONG.replace("    pass", "    'It.'", 1)),
        (few_positional_arguments, "data/a.py", f"def f(self, {FIVE}, *, g): ..."),
        (few_positional_arguments, "data/a.py", f"def _f({FIVE}, g): ..."),
        (few_positional_arguments, "cli/a.py", f"def f({FIVE}, g): ..."),
        (only_evaluation_opens_the_test_items, "evaluate/a.py", "d.sealed"),
        (opening_a_file_runs_no_code, "data/a.py", "load(allow_pickle=False)"),
        (opening_a_file_runs_no_code, "data/a.py", "torch.load(p, weights_only=True)"),
        (declares_what_it_offers, "data/a.py", "__all__ = ['A', 'B', 'f']\ndef _g(): ..."),
        (declares_what_it_offers, "data/_a.py", "def f(): ..."),
        (citations_exist, "data/a.py", "'''A.\n\nReferences:\n    madry2018\n'''"),
    ],
)
def test_a_rule_leaves_the_rest_alone(rule: StyleRule, name: str, text: str) -> None:
    assert not list(rule(Source(name, text)))


def test_names_with_two_meanings_are_found() -> None:
    texts = ("class A: ...\nclass _B: ...\nC = int", "A = int\nclass _B: ...\nC = str")
    sources = [Source(f"data/{i}.py", text) for i, text in enumerate(texts)]
    assert shared_class_names(sources) == {"A": ["data/0.py", "data/1.py"]}


def test_flaws_of_a_public_face_are_found() -> None:
    def f() -> None: ...

    f.__module__ = "spikeproof.made"
    face = types.ModuleType("spikeproof.made")
    face.__all__, face.f, face.B = ["f", "B"], f, 1  # type: ignore[attr-defined]
    assert list(flaws(face, {"B", "f", "g"})) == [
        "does not say what it is for",
        "__all__ should be ['B', 'f']",
        "g is imported but not in __all__",
        "f has no docstring",
    ]
