"""The code hash of a cell: what it covers, and what may change without making anything stale."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from spikeproof.attacks import ATTACKS
from spikeproof.base import FileProblem
from spikeproof.study import InputsPlan, Plan, cells_of, closure, fingerprint, syntax
from spikeproof.study.closure import closure_sha256, reached

SOURCE = Path(syntax.__file__).parents[1]


PARSED: dict[object, syntax.Module | None] = {}


@cache
def module_of(name: str) -> syntax.Module | None:
    """The module of a source: read now, and parsed only where this text was not met before."""
    read = name, syntax._source(name)
    if read not in PARSED:
        PARSED[read] = syntax.module_of.__wrapped__(name)
    return PARSED[read]


@pytest.fixture(autouse=True, scope="module")
def _parsed_once() -> Iterator[None]:
    """Parsing all sources takes a second, and these tests read them some sixty times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(closure, "module_of", module_of)
        yield
    forget()


def forget() -> None:
    """Read every source anew."""
    for cached in (module_of, syntax.module_of, closure._meaning_of, fingerprint._hash):
        cached.cache_clear()


@pytest.fixture
def edit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Replace text in the source of a module, as far as the hashes can see."""
    real, edited = syntax._source, dict[str, str]()

    def seen(name: str) -> tuple[str, str] | None:
        found = real(name)
        return found and (edited.get(name, found[0]), found[1])

    def replaced(module: str, old: str, new: str) -> None:
        text = edited.get(module) or (real(module) or ("", ""))[0]
        assert old in text, f"{old!r} is not in {module}"
        edited[module] = text.replace(old, new, 1)
        forget()

    monkeypatch.setattr(syntax, "_source", seen)
    forget()
    yield replaced
    monkeypatch.undo()
    forget()


def codes(plan: Plan) -> dict[str, str]:
    """Title → code hash."""
    return {cell.title: cell.code_sha256 for cell in cells_of(plan)}


@pytest.fixture(scope="module")
def before(tiny: Plan) -> dict[str, str]:
    """The hashes of the tiny plan by the sources as they are."""
    forget()
    return codes(tiny)


def changed(before: dict[str, str], plan: Plan) -> set[str]:
    """What is stale now: training and what was done."""
    short = lambda title: title.replace("digits · ", "").replace(" · seed 0", "")  # noqa: E731
    return {short(title) for title, code in codes(plan).items() if before[title] != code}


DONE = ("train", "diagnosis", "linf", "l0", "probe")
ALL = {f"{name} · {done}" for name in ("plain", "SR") for done in DONE}


@pytest.mark.parametrize(
    ("module", "old", "new", "stale"),
    [
        # Docstrings, comments and layout never count.
        ("attacks.swap", '"""', '"""Say it otherwise. ', set()),
        ("attacks.pgd", "import annotations", "import annotations  # why", set()),
        # What nothing of this plan names.
        ("attacks.square", "1", "2", set()),
        ("train.terms.tet", "import annotations", "import annotations\nNEW = 1", set()),
        ("study.plan", "workers: int = 1", "workers: int = 2", set()),
        ("report.labels", "def ", "def renamed_", set()),
        ("adapters.weights", "_MOST = ", "_MOST = 1 + ", set()),
        ("study.own", "_EXAMPLES = ", "_EXAMPLES = 1 + ", set()),
        # A member of one training, of one suite, of one ladder.
        ("train.terms.sparse_gradient", "h: float = ", "h: float = 1 + ", {"SR · train"}),
        ("train.loop.loader", "_BYTES = 16", "_BYTES = 17", {"plain · train", "SR · train"}),
        ("evaluate.rungs", "_SHOWN = ", "_SHOWN = 1 + ",
         {"plain · linf", "plain · l0", "SR · linf", "SR · l0"}),
        ("attacks.swap", "self.", "0 + self.",
         {"plain · linf", "plain · l0", "SR · linf", "SR · l0"}),
        # What everything runs.
        ("models.cnn", "2 * spec.width", "3 * spec.width", ALL),
        ("neurons.lif", "leak: float = ", "leak: float = 0 + ", ALL),
        ("study.compute", "probed = probe(", "probed = 0 or probe(",
         {"plain · probe", "SR · probe"}),
        ("study.compute", '_CHECKPOINT = "', '_CHECKPOINT = "a', ALL),
        ("base.seeds", "_GOLDEN = ", "_GOLDEN = 1 + ", ALL),
    ],
)  # fmt: skip
def test_only_what_a_cell_can_reach_makes_it_stale(
    tiny: Plan,
    before: dict[str, str],
    edit: Callable[[str, str, str], None],
    module: str,
    old: str,
    new: str,
    stale: set[str],
) -> None:
    edit(f"spikeproof.{module}", old, new)
    assert changed(before, tiny) == stale


def test_what_looks_at_a_network_is_stale_with_it(
    tiny: Plan, edit: Callable[[str, str, str], None]
) -> None:
    before = {cell.title: cell.id for cell in cells_of(tiny)}
    edit("spikeproof.train.terms.sparse_gradient", "h: float = ", "h: float = 1 + ")
    stale = {cell.title for cell in cells_of(tiny) if before[cell.title] != cell.id}
    assert stale == {title for title in before if " SR " in title}


ADDED = """
from dataclasses import dataclass

from spikeproof.attacks.pgd import PGD
from spikeproof.attacks.registry import ATTACKS

__all__ = ["Added"]


@ATTACKS.register("added")
@dataclass(frozen=True, kw_only=True)
class Added(PGD):
    steps: int = 3
"""

ASK = """
import json, sys
from spikeproof.attacks import ATTACKS
from spikeproof.study import Plan, cells_of
plan = Plan.from_record(json.loads(sys.stdin.read()))
cells = {cell.title: [cell.code_sha256, cell.id] for cell in cells_of(plan)}
print(json.dumps({"added": "added" in ATTACKS.members, "cells": cells}))
"""


def test_an_attack_that_is_added_to_the_package_makes_nothing_stale(
    tmp_path: Path, tiny: Plan
) -> None:
    tree = tmp_path / "spikeproof"
    shutil.copytree(SOURCE, tree, ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "attacks" / "added.py").write_text(ADDED)
    for name, old, new in (
        ("__init__.py", "from spikeproof.attacks.apgd import APGD",
         "from spikeproof.attacks.added import Added\nfrom spikeproof.attacks.apgd import APGD"),
        ("__init__.py", '    "APGD",\n', '    "APGD",\n    "Added",\n'),
    ):  # fmt: skip
        path = tree / "attacks" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(tiny.record()),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    found = json.loads(told.stdout)
    assert found["added"]
    assert found["cells"] == {c.title: [c.code_sha256, c.id] for c in cells_of(tiny)}


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else's, with an attack that is registered."""
    place = tmp_path / "lab"
    place.mkdir()
    (place / "__init__.py").write_text("from lab.walk import Walk\nfrom lab.other import ODD\n")
    (place / "other.py").write_text("ODD = 1\n")
    (place / "lengths.py").write_text("LENGTH = 0.5\nUNUSED = 1\n")
    (place / "walk.py").write_text(
        "from dataclasses import dataclass\n"
        "from spikeproof.attacks import ATTACKS, PGD\n"
        "from . import lengths\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Walk(PGD):\n"
        "    step_size: float = lengths.LENGTH\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import lab  # type: ignore[import-not-found]

    monkeypatch.setitem(ATTACKS.members, "walk", lab.Walk)
    forget()
    yield place
    for name in [name for name in sys.modules if name.partition(".")[0] == "lab"]:
        del sys.modules[name]
    forget()


def test_a_class_from_elsewhere_counts_with_what_it_imports_there(tiny: Plan, guest: Path) -> None:
    inputs = InputsPlan(attack={"kind": "walk", "steps": 2}, threat="linf")
    walked = dataclasses.replace(tiny.training[0], name="AT", inputs=inputs)
    plan = dataclasses.replace(tiny, training=(tiny.training[0], walked))
    before = codes(plan)

    def stale(name: str, text: str) -> set[str]:
        path = guest / name
        kept = path.read_text()
        path.write_text(text)
        forget()
        found = changed(before, plan)
        path.write_text(kept)
        forget()
        return found

    assert stale("lengths.py", "LENGTH = 0.25\nUNUSED = 1\n") == {"AT · train"}
    assert stale("lengths.py", "LENGTH = 0.5  # half\nUNUSED = 2\n") == set()
    assert stale("other.py", "ODD = 3\n") == set()
    assert not changed(before, plan)


def test_a_class_without_a_file_is_refused() -> None:
    with pytest.raises(FileProblem, match="The code of nowhere.Walk cannot be read"):
        closure_sha256([("nowhere", "Walk")])
    with pytest.raises(FileProblem, match="The code of spikeproof.attacks.pgd.Gone cannot be"):
        closure_sha256([("spikeproof.attacks.pgd", "Gone")])


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], set[str]]]:
    """What ``root`` of a module m reaches in it and in its neighbours a and b."""
    (tmp_path / "pkg").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))

    def found(text: str) -> set[str]:
        files = {"__init__": "", "m": text, "a": A, "b": "def g(): return 1\nH = 2\n"}
        for name, content in files.items():
            (tmp_path / "pkg" / f"{name}.py").write_text(content)
        forget()
        symbols = [s for s in reached([("pkg.m", "root")]) if s[1] and s[0].startswith("pkg.")]
        return {f"{module[4:]}.{name}" for module, name in symbols}

    yield found
    sys.modules.pop("pkg", None)
    forget()


A = """
from pkg.b import H
from spikeproof.base import Registry
class One: pass
class Two: pass
class Book(Registry): pass
BOOK: Registry = Book("thing", {"one": One, "two": Two})
PLAIN = Registry("thing", {"one": One})
BOOK.register("three", Two)
def f(): return H
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from pkg.a import f\ndef root(): return f()", "m.root a.f b.H"),
        ("from pkg.a import H\ndef root(): return H", "m.root b.H"),
        ("from pkg import b\ndef root(): return b.g()", "m.root b.g"),
        ("from . import b as c\ndef root(): return c.H", "m.root b.H"),
        ("import pkg.b\ndef root(): return pkg.b.H", "m.root b.H"),
        ("def root():\n    from pkg.b import g\n    return g()", "m.root b.g"),
        ("from pkg import b\ndef root(): return vars(b)", "m.root b.* b.g b.H"),
        ("from pkg.b import *\ndef root(): return g()", "m.root b.g"),
        ("from pkg.a import BOOK\ndef root(): return BOOK['one']", "m.root a.BOOK a.Book"),
        ("from pkg.a import PLAIN\ndef root(): return PLAIN", "m.root a.PLAIN"),
        ("from pkg.a import One\nclass root(One): x: int = 1", "m.root a.One"),
        ("from pkg.a import One\ndef root(x: One) -> One: return x", "m.root"),
        ("from pkg.a import One\nclass root:\n    field: One", "m.root a.One"),
        ("try:\n    from pkg.b import g\nexcept ImportError:\n    g = None\ndef root(): return g",
         "m.root m.g b.g"),
        ("if 1:\n    from pkg.b import g\nelse:\n    from pkg.a import f as g\n"
         "def root(): return g", "m.root m.g b.g a.f b.H"),
        ("def root():\n    try:\n        from pkg.b import g\n    except ImportError:\n"
         "        from pkg.a import f as g\n    return g", "m.root b.g a.f b.H"),
        ("from pkg.a import f as g\nclass root:\n    def x(self): return g()\n"
         "    def y(self):\n        from pkg.b import g", "m.root a.f b.g b.H"),
        ("from pkg import b\nfrom pkg.a import One\nb.H = One\ndef root(): return 1",
         "m.root a.One b.H"),
        ("with open as x:\n    from pkg.b import H\n    y = H\ndef root(): return 1",
         "m.root b.H"),
        ("X = 1\nY = X\ndef root(): return Y", "m.root m.X m.Y"),
        ("from pkg.b import H\nprint(H)\ndef root(): return 1", "m.root b.H"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.b import H\n"
         "def root(): return 1", "m.root"),
    ],
)  # fmt: skip
def test_a_name_is_followed_to_where_it_is_bound(
    names: Callable[[str], set[str]], text: str, found: str
) -> None:
    assert names(text) == set(found.split())


def test_a_late_import_of_torch_counts_like_one_at_the_top(
    edit: Callable[[str, str, str], None],
) -> None:
    roots = [("spikeproof.base.checks", "check_labels")]
    before = closure_sha256(roots)
    edit("spikeproof.base.checks", "    import torch\n\n    if y.ndim != 1", "    if y.ndim != 1")
    edit("spikeproof.base.checks", "import numpy as np\n", "import numpy as np\nimport torch\n")
    assert closure_sha256(roots) == before
    edit("spikeproof.base.checks", "y.dtype == torch.bool", "y.dtype == torch.int8")
    assert closure_sha256(roots) != before


def test_faces_that_import_late_are_followed_like_others() -> None:
    found = reached([("spikeproof.evaluate.diagnose.after", "review")])
    assert ("spikeproof.metrics.estimate", "wilson_ends") in found
    assert ("spikeproof.evaluate.diagnose.flag", "FLAGS") in found
    assert ("spikeproof.faces", "lazy_face") not in found
