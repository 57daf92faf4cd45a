"""The site holds every page and every public class, and its checker finds what is wrong."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from test_docs import ROOT, script

DOCS = ROOT / "docs"
CHECK = script("check_site")


def listed(page: Path) -> list[Path]:
    """The pages that a page's tables of contents name."""
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    names = [line for tree in trees for line in tree.splitlines() if re.match(r"[\w/-]+$", line)]
    return [page.parent / f"{name}.md" for name in names]


def test_every_page_stands_in_the_sidebar_once() -> None:
    pages = {path for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    found = [path for page in pages for path in listed(page)]
    assert sorted(found) == sorted(set(found)), "a page stands there twice"
    assert set(found) == pages - {DOCS / "index.md"}


def documented() -> set[object]:
    """Everything that the pages of the reference document."""
    things: set[object] = set()
    for page in (DOCS / "reference").glob("*.md"):
        text = page.read_text("utf-8")
        for room, names in re.findall(r"^```\{documented\} (\w+)\n(.*?)^```", text, re.M | re.S):
            module = importlib.import_module(f"spikeproof.{room}")
            things.update(getattr(module, name) for name in names.split())
        for path in re.findall(r"^```\{members\} (\S+)\n", text, re.MULTILINE):
            registry = registry_at(path)
            things.update(registry[kind] for kind in registry)
    return things


def registry_at(path: str) -> object:
    """``attacks.ATTACKS`` as the registry that it names."""
    room, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"spikeproof.{room}"), name)


def test_the_reference_documents_the_whole_front_door() -> None:
    import spikeproof

    things = documented()
    absent = [
        name
        for name in spikeproof.__all__
        if callable(getattr(spikeproof, name)) and getattr(spikeproof, name) not in things
    ]
    assert not absent, "name them on a page of docs/reference"


def test_the_reference_has_every_open_registry() -> None:
    guests = (DOCS / "guests.md").read_text("utf-8")
    rows = re.findall(r"^\| `spikeproof\.\w+` \|.*\| `spikeproof\.(\S+)` \|$", guests, re.MULTILINE)
    pages = "\n".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    assert len(rows) >= 9
    assert set(rows) == set(re.findall(r"^```\{members\} (\S+)\n", pages, re.MULTILINE))


def test_tables_of_methods_and_the_bibliography_are_current() -> None:
    for page, text in script("doc_pages").pages().items():
        assert page.read_text("utf-8") == text, f"{page.name}: run scripts/doc_pages.py"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="b.html">', "a.html links to b.html"),
        ('<a href="#b">', "a.html links to #b"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<img src="c.png">', "a.html lacks c.png"),
        (r"<p>\(\frac{1}{2}\)</p>", r"shows TeX: \("),
        ('<p id="b"><a href="#b"><a href="https://x.org"><a href="a.html#b"></p>', ""),
        (r"<code>\frac</code>", ""),
    ],
)
def test_the_checker_of_the_site_finds_what_is_wrong(
    tmp_path: Path, body: str, problem: str
) -> None:
    (tmp_path / "a.html").write_text(f"<html><body>{body}</body></html>")
    found = list(CHECK.problems(tmp_path))
    assert problem in found[0] if problem else not found


def test_a_site_without_pages_is_no_site(tmp_path: Path) -> None:
    assert CHECK.main(str(tmp_path)) == 1
