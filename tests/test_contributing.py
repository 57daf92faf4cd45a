"""CONTRIBUTING counts the places a new class touches; here they are counted in the repository."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spikeproof.attacks import ATTACKS
from spikeproof.base import Registry
from spikeproof.data import Domain
from spikeproof.oracle import GRADIENTS
from spikeproof.threats import GEOMETRIES
from spikeproof.train import HOOKS, INPUTS, TERMS

ROOT = Path(__file__).resolve().parents[1]
# What is shown or declared of the threats that are there; tests/guests adds one without it.
SHOWN = {
    "src/spikeproof/__init__.py",
    "src/spikeproof/data/radii.py",
    # A second look shares nothing with threats, so it knows the lengths of those that are there.
    "src/spikeproof/rescore/legality.py",
    "src/spikeproof/study/plans/demo.toml",
    # Written from the registries by scripts/generate_docs.py and scripts/doc_pages.py.
    "src/spikeproof/catalogue.json",
    "docs/methods/attacks.md",
    "docs/methods/objectives.md",
}
FAMILIES: dict[str, Registry[Any]] = {
    "attack": ATTACKS,
    "gradient rule": GRADIENTS,
    "hook": HOOKS,
    "inputs": INPUTS,
    "term": TERMS,
    "threat": GEOMETRIES,
}


@cache
def texts() -> dict[str, str]:
    """The sources, and the pages that have a place for each method or threat, by path."""
    files = [p for folder in ("src", "docs/methods") for p in (ROOT / folder).rglob("*.*")]
    files.append(ROOT / "docs" / "threats.md")
    kinds = {".py", ".toml", ".md", ".json"}
    named = {p.relative_to(ROOT).as_posix(): p for p in files if p.suffix in kinds and p.is_file()}
    return {name: path.read_text("utf-8") for name, path in named.items() if "cache" not in name}


def places(registry: Registry[Any], kind: str) -> set[str]:
    """The files that name a class or its kind, its own file and card under names for all."""
    cls = registry[kind]
    own = Path(inspect.getfile(cls)).relative_to(ROOT).as_posix()
    word = re.compile(rf"\b{cls.__name__}\b|[\"'`]{kind}[\"'`]")
    found = {name for name, text in texts().items() if word.search(text)}
    generic = {
        own: "its file",
        f"docs/methods/{kind}.md": "its card",
        f"docs/methods/{Path(own).stem}.md": "its card",
    }
    return {generic.get(name, name) for name in found}


def needed(registry: Registry[Any]) -> set[str]:
    """The files that name every class of a family."""
    kinds = [k for k, cls in registry.members.items() if cls.__module__.startswith("spikeproof.")]
    # A surrogate is a neuron's setting first; it is written in another room.
    return set.intersection(*(places(registry, kind) for kind in kinds if kind != "surrogate"))


def table() -> dict[str, set[str]]:
    """The rows of the table in CONTRIBUTING: what is added, and where."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| (?:an? )?([a-z ]+?) \| (\d) \| (.+?) \|$", text, re.MULTILINE)
    found = {}
    for name, count, cell in rows:
        named = [part.strip().strip("`") for part in cell.split(",")]
        assert len(named) == int(count), name
        found[name] = {place for place in named if place != "its test"}
    return found


def test_the_table_has_a_row_for_every_family() -> None:
    assert set(table()) == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_contributing_counts_the_places_of_a_new_class(family: str) -> None:
    said, found = table()[family], needed(FAMILIES[family])
    assert said <= found, "every class that is there stands in these places"
    assert found <= said | SHOWN, "and in no others that a new one needs"


def test_no_list_in_the_tests_has_to_know_a_new_class() -> None:
    """The contracts take their cases from the registries."""
    for name in ("attack", "gradient rule", "hook", "inputs", "term"):
        registry = FAMILIES[name]
        own = {kind for kind, cls in registry.members.items() if "spikeproof." in cls.__module__}
        found = registry.examples(Domain(kind="image", shape=(1, 4, 4)))
        assert {registry.kind(member) for member in found} == own
