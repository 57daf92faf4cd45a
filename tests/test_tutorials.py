"""Tutorials and the front page print what they show; notebooks are the same text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from support.printed import compare
from test_docs import ROOT, script

TUTORIALS: ModuleType = script("tutorials")
FRONT = ROOT / "docs" / "index.md"
NEEDS = re.compile(r"^if find_spec\(\"(\w+)\"\):", re.MULTILINE)


@pytest.fixture(autouse=True)
def without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn to files."""
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.parametrize("page", [*TUTORIALS.PAGES, FRONT], ids=lambda page: page.stem)
def test_a_tutorial_prints_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for code, shown, printed in TUTORIALS.outputs(page):
        library = NEEDS.search(code)
        if library and not printed:  # it is not installed; tests/foreign runs where it is
            continue
        compare(shown or "", printed, near=25.0)
    pictures = re.findall(r"\]\(\.\./images/([\w-]+\.svg)\)", page.read_text("utf-8"))
    assert all((tmp_path / name).stat().st_size for name in pictures)


def test_every_tutorial_has_its_notebook_in_step() -> None:
    assert len(TUTORIALS.PAGES) == 4
    for page in TUTORIALS.PAGES:
        found = TUTORIALS.place(page).read_text(encoding="utf-8")
        assert found == TUTORIALS.serialised(page), "run scripts/tutorials.py --write"


def test_a_notebook_holds_the_code_and_the_output_of_its_page(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        "# A\n\n![x](../images/x.svg)\n\nSee [b](b.md#c).\n\n```python\nprint(1)\n```\n\n"
        "```text\n1\n```\n\nEnd.\n"
    )
    cells = TUTORIALS.notebook(page)["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "markdown"]
    assert "".join(cells[0]["source"]) == "# A\n\n\nSee [b](../../docs/tutorials/b.md#c)."
    assert cells[1]["outputs"][0]["text"] == ["1"]
    assert json.loads(TUTORIALS.serialised(page))["nbformat"] == 4


def test_what_a_page_does_not_print_any_more_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("```python\nprint('42.0 %')\n```\n\n```text\n41.0 % of all\n```\n")
    ((_, shown, printed),) = TUTORIALS.outputs(page)
    with pytest.raises(AssertionError):
        compare(shown, printed)
    assert "```text\n42.0 %\n```" in TUTORIALS.refreshed(page)
