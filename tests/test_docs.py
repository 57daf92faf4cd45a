"""The docs say what the code does: blocks run, commands exist, links resolve, nothing lacks."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from spikeproof.base import Members, Registry

ROOT = Path(__file__).resolve().parents[1]
WHERE = ("*.md", "docs/**/*.md", "examples/*.md", "research/*.md")
PAGES = sorted(page for where in WHERE for page in ROOT.glob(where))
STUDIES = ROOT / "docs" / "studies.md"
PAGES = [page for page in PAGES if "_build" not in page.parts]


def name_of(page: Path) -> str:
    """A page as tests name it."""
    return page.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


@cache
def all_docs() -> str:
    """Every page for users in one text; what only research names is not written about."""
    return "\n".join(text_of(page) for page in PAGES if page.parent != ROOT / "research")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL)


def script(name: str) -> ModuleType:
    """A file of scripts/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def registries() -> Iterator[None]:
    """What a page registers is gone after it, so that other tests count what is ours."""
    rooms = ("analysis", "attacks", "data", "models", "neurons", "oracle", "study")
    modules = [
        importlib.import_module(f"spikeproof.{room}") for room in (*rooms, "threats", "train")
    ]
    found = [getattr(module, name) for module in modules for name in module.__all__]
    open_to_all = [value for value in found if isinstance(value, Members)]
    assert len(open_to_all) >= 12
    before = [dict(family.members) for family in open_to_all]
    yield
    for family, members in zip(open_to_all, before, strict=True):
        family.members.clear()
        family.members.update(members)


# tests/test_tutorials.py runs these, and looks at what they print.
SHOWN = {ROOT / "docs" / "index.md", *(ROOT / "docs" / "tutorials").glob("*.md")}
RUN = [page for page in PAGES if blocks(page, "python") and page not in SHOWN]


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_python_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert script("run_blocks").main([str(page)]) == 0


def test_the_readme_has_a_python_block() -> None:
    assert blocks(ROOT / "README.md", "python")


def shell_lines(page: Path) -> list[str]:
    """The commands of a page, without comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line.split("#")[0].strip()]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "sh")], ids=name_of)
def test_the_shell_commands_of_a_page_exist(page: Path) -> None:
    for line in shell_lines(page):
        words = shlex.split(line)
        while re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        check_command(words, line)


def check_command(words: list[str], line: str) -> None:
    """Fail unless a command line could be run from a fresh checkout."""
    if words[0] == "make":
        for word in words[1:]:
            target = rf"^{re.escape(word)}:"
            known = re.search(target, (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
            assert "=" in word or known, line
    elif words[0] == "spikeproof":
        check_arguments(words[1:], line)
    elif words[0].startswith("scripts/"):
        assert (ROOT / words[0]).exists(), line
    elif words[0] == "source":
        assert words[1] == ".venv/bin/activate", line
    else:
        assert words[0] in ("pip", "git", "python") or words[0].startswith(
            (".venv/bin/", ".venv-peers/bin/")
        ), line
        if words[0].endswith("python") and words[1:2] == ["-m"]:
            assert importlib.util.find_spec(words[2]), line
        elif words[0].endswith("python") and words[1:]:
            written = rf"^# {re.escape(words[1])}$"  # a block of a page is that file
            assert (ROOT / words[1]).exists() or re.search(written, all_docs(), re.M), line


def check_arguments(words: list[str], line: str) -> None:
    """Fail unless the command line parses, without running it."""
    from spikeproof.cli.main import app
    from spikeproof.study import plans

    if words[:2] == ["study", "run"] and not words[2].startswith("-"):
        assert words[2] in plans() or words[2].endswith(".toml"), line
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, line
        command, words = command.commands[words[0]], words[1:]
    if not hasattr(command, "commands") and "--help" not in words:
        command.make_context("spikeproof", words)
    for word in words:
        assert not word.startswith("research/plans/") or (ROOT / word).exists(), line


def test_the_page_of_commands_is_current() -> None:
    docs = script("generate_docs")
    assert docs.page() == text_of(ROOT / "docs" / "cli.md"), "run scripts/generate_docs.py"


def test_the_catalogue_is_what_the_registries_say() -> None:
    # In a process of its own: other tests register classes in this one.
    path = script("generate_docs").CATALOGUE
    asked = "from spikeproof.cli.entries import collected; print(collected(), end='')"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert told.stdout.decode("utf-8") == text_of(path), "run scripts/generate_docs.py"


def test_every_command_has_an_example_that_parses() -> None:
    docs = script("generate_docs")
    from spikeproof.cli.main import app

    for command, path in docs._commands(typer.main.get_command(app), "spikeproof"):
        example = (command.help or "").partition("Example:\n")[2].strip()
        assert example.startswith(path), f"{path} has no example"
        check_arguments(shlex.split(example)[1:], example)
        assert "--json" in [option for p in command.params for option in p.opts], path


def test_the_links_of_every_page_resolve() -> None:
    broken = [f"{name_of(page)} links to {t}" for page in PAGES for t in broken_links(page)]
    assert not broken, "\n".join(["", *broken])


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# One\n[1](#one) [2](#two) [3](b.md) [4](a.md#one) [5](a.md#b) [6](https://x)")
    assert broken_links(page) == ["#two", "b.md", "a.md#b"]


def broken_links(page: Path) -> list[str]:
    """Links to files or headings that are not there."""
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"<!--.*?-->", "", prose, flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        file, _, anchor = target.partition("#")
        place = (page.parent / file) if file else page
        resolves = place.exists() and (not anchor or anchor in anchors(place))
        if not resolves and not re.match(r"[a-z]+:", target):
            broken.append(target)
    return broken


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    heads = re.findall(r"^#+ (.+)$", text_of(page.resolve()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def shipped(registry: Registry[Any]) -> list[str]:
    """The members that come with the package; a page of the docs registers one of its own."""
    return [kind for kind in registry if registry[kind].__module__.startswith("spikeproof.")]


def families() -> list[tuple[str, str]]:
    """Everything that must be written about: family and name."""
    from spikeproof.attacks import ATTACKS
    from spikeproof.data import DATASETS, FORMATS, describe
    from spikeproof.models import ENCODERS, models
    from spikeproof.neurons import NEURONS, SHAPES
    from spikeproof.oracle import GRADIENTS
    from spikeproof.study import plans
    from spikeproof.threats import GEOMETRIES
    from spikeproof.train import HOOKS, INPUTS, TERMS

    threats = {threat for name in shipped(DATASETS) for threat in describe(name).radii}
    return [
        *(("attack", ATTACKS[kind].__name__) for kind in ATTACKS),
        *(("term", TERMS[kind].__name__) for kind in shipped(TERMS)),
        *(("inputs", INPUTS[kind].__name__) for kind in shipped(INPUTS)),
        *(("rule", HOOKS[kind].__name__) for kind in shipped(HOOKS)),
        *(("geometry", GEOMETRIES[kind].__name__) for kind in GEOMETRIES),
        *(("data set", name) for name in shipped(DATASETS)),
        *(("format", FORMATS[kind].__name__) for kind in shipped(FORMATS)),
        *(("threat", name) for name in sorted(threats)),
        *(("model", name) for name in models()),
        *(("encoder", ENCODERS[kind].__name__) for kind in ENCODERS),
        *(("neuron", NEURONS[kind].__name__) for kind in NEURONS),
        *(("surrogate", shape) for shape in SHAPES),
        *(("path", GRADIENTS[kind].__name__) for kind in GRADIENTS),
        *(("plan", name) for name in plans()),
    ]


def test_everything_a_user_can_name_is_written_about() -> None:
    def told(name: str) -> bool:
        return re.search(rf"`[^`\n]*\b{re.escape(name)}\b", all_docs()) is not None

    silent = [f"{family} {name}" for family, name in families() if not told(name)]
    assert not silent


def test_the_page_of_studies_counts_and_names_the_plans_that_are_shipped() -> None:
    from spikeproof.study import plans

    numbers = ["None", "One", "Two", "Three", "Four", "Five", "Six", "Seven"]
    said = re.search(
        r"(\w+) come with the package and go by their names: (.*?)\.\s", text_of(STUDIES), re.DOTALL
    )
    assert said is not None
    assert said[1] == numbers[len(plans())]
    assert sorted(re.findall(r"`([\w-]+)`", said[2])) == plans()


def test_the_page_of_guests_names_every_open_registry() -> None:
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    groups = set(re.findall(r"group=\"(spikeproof\.\w+)\"", source))
    page = text_of(ROOT / "docs" / "guests.md")
    rows = re.findall(r"^\| `(spikeproof\.\w+)` \|.*\| `(\S+)\.(\w+)` \|$", page, re.MULTILINE)
    assert {row[0] for row in rows} == groups
    for group, module, name in rows:
        registry = getattr(importlib.import_module(module), name)
        assert registry.guests.group == group, f"{module}.{name} is not open to {group}"


def lost(text: str) -> list[str]:
    """Names in code style, spikeproof.room.name, that do not exist."""
    absent = []
    for name in sorted(set(re.findall(r"`(spikeproof(?:\.\w+)+)\b", text))):
        parts = name.split(".")
        for cut in range(len(parts), 0, -1):
            with contextlib.suppress(ModuleNotFoundError):
                thing: Any = importlib.import_module(".".join(parts[:cut]))
                break
        for part in parts[cut:]:
            thing = getattr(thing, part, None)
        if thing is None:
            absent.append(name)
    return absent


def test_every_dotted_name_of_the_docs_exists() -> None:
    groups = set(re.findall(r"`(spikeproof\.\w+)` \|", text_of(ROOT / "docs" / "guests.md")))
    pages = (page for page in PAGES if page.name != "CHANGELOG.md")  # it names what is gone, too
    absent = {name_of(page): set(lost(text_of(page))) - groups for page in pages}
    assert not {page: names for page, names in absent.items() if names}


def test_a_dotted_name_that_is_gone_is_found() -> None:
    text = "`spikeproof.attacks.PGD(steps=3)`, `spikeproof.attacks.Gone`, `spikeproof.nowhere.x`"
    assert lost(text) == ["spikeproof.attacks.Gone", "spikeproof.nowhere.x"]


def suites_named(text: str) -> set[str]:
    """The names of suites that a text says: --suite NAME, suite = "NAME", the suite `NAME`."""
    said = re.findall(r"--suite[ =](\w+)|suite ?= ?\"(\w+)\"|suites? `(\w+)`", text)
    return {name for names in said for name in names if name}


def test_every_suite_that_the_docs_name_exists_and_audit_lists_all() -> None:
    from spikeproof.attacks import SUITES
    from spikeproof.cli.audit import audit as command
    from spikeproof.evaluate import audit

    page = ROOT / "docs" / "methods" / "suite.md"
    assert set(re.findall(r"^\| `(\w+)` \|", text_of(page), re.MULTILINE)) == set(SUITES)
    assert suites_named(all_docs()) <= set(SUITES)
    for text in (audit.__doc__ or "", text_of(Path(command.__code__.co_filename))):
        assert not [name for name in SUITES if not re.search(rf"\b{name}\b", text)]


def test_a_suite_that_is_named_is_seen() -> None:
    text = 'suite="a", `--suite b`, the suite `c`, suites `d` and `e`, suite = "f"'
    assert suites_named(text) == {"a", "b", "c", "d", "f"}


def test_every_method_has_a_card() -> None:
    from spikeproof.attacks import ATTACKS
    from spikeproof.train import HOOKS, INPUTS, TERMS

    cards = {path.stem for path in (ROOT / "docs" / "methods").glob("*.md")}
    kinds = {*ATTACKS, *shipped(TERMS), *shipped(INPUTS), *shipped(HOOKS)}
    assert kinds <= cards, kinds - cards


def test_the_changelog_names_the_version_and_what_numbers_changed() -> None:
    changelog = text_of(ROOT / "CHANGELOG.md")
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    assert "### Changed numbers" in changelog


def test_every_citation_key_in_the_docs_exists() -> None:
    from spikeproof.base import references

    cited = set(re.findall(r"`([a-z]+(?:18|19|20)\d\d[a-z]*)`", all_docs()))
    assert cited <= set(references()), cited - set(references())


def test_no_page_names_a_place_on_somebodys_machine() -> None:
    for page in PAGES:
        assert not re.search(r"(^|[\s(`\"'])/(home|Users|mnt|tmp|work|root)/", text_of(page)), page
