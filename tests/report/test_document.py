"""The page as a document: whole, escaped, offline, and true to the records."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from spikeproof.report import write_report
from spikeproof.report.figures import PAPER

VOID = {"meta", "link", "img", "br", "hr", "input"}
SECTIONS = ["answer", "matrix", "key", "transfer", "curves", "claims", "gradients", "gallery",
            "cost", "limits", "provenance", "references"]  # fmt: skip


class Reader(HTMLParser):
    """Checks that tags close in order, and keeps what tests ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.cells: dict[tuple[str, str, str], tuple[float, str]] = {}
        self.figures: dict[str, dict[str, str | None]] = {}
        self._cell: tuple[str, str, str] | None = None
        self._plot = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td" and "data-value" in found:
            key = tuple(str(found[f"data-{name}"]) for name in ("training", "threat", "level"))
            self._cell = key  # type: ignore[assignment]
            self.cells.setdefault(key, (float(str(found["data-value"])), ""))  # type: ignore[arg-type]
        if tag == "figure":
            self._plot = str(found.get("id")) if found.get("class") == "plot" else ""
        if tag == "svg" and self._plot and found.get("role") == "img":
            self.figures[self._plot] = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "td":
            self._cell = None

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside not in ("script", "style"):
            self.text.append(data)
            if self._cell is not None:
                value, text = self.cells[self._cell]
                self.cells[self._cell] = (value, f"{text}|{data}")


def read(html: str) -> Reader:
    """The page, parsed."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="session")
def parsed(page: Path) -> Reader:
    return read(page.read_text(encoding="utf-8"))


def test_the_page_is_whole_html_with_every_section(parsed: Reader) -> None:
    ids = [str(found["id"]) for _, found in parsed.tags if "id" in found]
    assert len(ids) == len(set(ids)), "an id twice"
    assert [name for name in ids if name in SECTIONS] == SECTIONS
    links = [str(found["href"]) for tag, found in parsed.tags if tag == "a"]
    assert {f"#{name}" for name in SECTIONS} <= set(links)
    assert all(link[1:] in ids for link in links if link.startswith("#"))


def test_random_timing_has_a_table_where_it_was_measured(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    (table,) = re.findall(r'aria-label="Random timing of[^>]*>(.*?)</table>', html, re.DOTALL)
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", table)
    assert heads == ["training", "undisturbed", "jitter 1.5"]
    cells = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in table.split("<tr class")[1:]]
    assert cells == [
        ["plain", "100.0 (80.6 to 100.0)", "75.0 (63.2 to 84.0)"],
        ["SR", "100.0 (80.6 to 100.0)", "50.0 (39.3 to 60.7)"],
        ["AT", "100.0 (80.6 to 100.0)", "75.0 (63.2 to 84.0)"],
    ]


def test_the_page_is_smaller_than_a_megabyte_and_a_half(page: Path) -> None:
    assert page.stat().st_size < 1_500_000


def test_no_resource_is_loaded_from_anywhere(page: Path, parsed: Reader) -> None:
    for tag, found in parsed.tags:
        for name, value in found.items():
            if name in ("src", "srcset", "data", "poster", "action", "href") and value:
                assert value.startswith("data:") or tag == "a", (tag, name, value[:80])
            if tag == "link":
                assert found["href"] == "data:,"
            if name == "style":
                assert "url(" not in str(value)
    html = page.read_text(encoding="utf-8")
    assert "url(" not in re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    own = html[html.rindex("<script>") :]
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|import\(|WebSocket", own)
    policy = next(f["content"] for _, f in parsed.tags if f.get("http-equiv"))
    assert "default-src 'none'" in str(policy)
    assert "connect-src 'none'" in str(policy)


def test_links_lead_to_papers_only(parsed: Reader) -> None:
    links = [str(found["href"]) for tag, found in parsed.tags if tag == "a"]
    outward = [link for link in links if not link.startswith("#")]
    assert outward
    assert all(re.match(r"https://(doi\.org|arxiv\.org)/", link) for link in outward)


def survival(folder: Path, data: str, training: str, threat: str) -> np.ndarray:
    """Right and unbroken, per network, radius and item, straight from the files."""
    rows = {}
    for path in sorted((folder / "cells").glob("*/record.json")):
        cell = json.loads(path.read_text())["cell"]
        if cell["kind"] != "attack" or cell["threat"]["name"] != threat:
            continue
        if (cell["data"], cell["training"]) == (data, training):
            with np.load(path.with_name("items.npz")) as arrays:
                rows[cell["seed"]] = arrays["correct"] & ~arrays["broken"]
    return np.stack([rows[seed] for seed in sorted(rows)])


def test_every_number_of_the_accuracy_tables_is_the_records_number(
    tmp_path: Path, write_run: Callable[..., Path], html_of: Callable[[Path], str]
) -> None:
    folder = write_run(tmp_path / "run", n=25, probes=False, gallery=False)
    parsed = read(html_of(folder))
    checked = 0
    for training in ("plain", "SR", "AT"):
        alive = {t: survival(folder, "digits", training, t) for t in ("linf", "l2", "l1", "l0")}
        alive["union"] = np.logical_and.reduce(list(alive.values()))
        for threat, rows in alive.items():
            for level, name in enumerate(("low", "standard", "high")):
                share = rows[:, level].mean()
                value, text = parsed.cells[training, threat, name]
                assert value == pytest.approx(share, abs=1e-12)
                assert text.split("|")[1] == f"{100 * share:.1f}"
                checked += 1
    assert checked == 45


def test_every_cell_of_the_transfer_table_holds_a_ratio_or_a_gain_in_points(
    tmp_path: Path, write_run: Callable[..., Path], html_of: Callable[[Path], str]
) -> None:
    folder = write_run(tmp_path / "run", n=25, probes=False, gallery=False)
    html = html_of(folder)
    parsed, checked = read(html), 0
    assert "undefined" not in html[html.index('id="transfer"') : html.index('id="curves"')]
    assert (
        "There is no ratio under ℓ₂, ℓ₁ and ℓ₀ (no training of this run is dedicated to it): those "
        "cells hold gains in points." in "".join(parsed.text)
    )
    for training in ("SR", "AT"):
        for threat in ("linf", "l2", "l1", "l0"):
            value, text = parsed.cells[training, threat, "transfer"]
            ours, plain = (
                survival(folder, "digits", name, threat)[:, 1].mean()
                for name in (training, "plain")
            )
            if threat != "linf":  # the only threat that a training was dedicated to
                assert value == pytest.approx(100 * (ours - plain), abs=1e-9)
                assert re.fullmatch(r"\|[+−][0-9.]+\|[+−0-9. to]+", text), text
                checked += 1
    assert checked == 6


def test_every_figure_is_drawn_in_the_page_with_its_words(parsed: Reader) -> None:
    boxes = [found for tag, found in parsed.tags if found.get("class") == "plot"]
    assert {str(box["id"]) for box in boxes} == set(parsed.figures)
    assert len(parsed.figures) > 30
    for found in parsed.figures.values():
        assert len(str(found["aria-label"])) > 20
        across, down = map(float, str(found["viewbox"]).split()[2:])
        assert across >= 300
        assert down >= 100
    images = [found for tag, found in parsed.tags if tag == "img"]
    assert images
    assert all(image["alt"] for image in images)


def test_figures_take_the_colours_of_the_page(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    sheet = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    used = set(re.findall(r"var\(--([a-z0-9]+)\)", html))
    defined = set(re.findall(r"--([a-z0-9]+):", sheet)) | {"columns", "frames"}
    assert used <= defined
    light = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", sheet[: sheet.index("@media")]))
    assert PAPER.items() <= light.items(), "paper and light screens have the same colours"
    for drawn in re.findall(r'<svg [^>]*class="fig".*?</svg>', html, re.DOTALL):
        assert not re.search(r'(fill|stroke)="#', drawn)


def test_hostile_names_are_shown_and_not_run(
    tmp_path: Path, write_run: Callable[..., Path], html_of: Callable[[Path], str]
) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    folder = write_run(tmp_path / "run", trainings=("plain", evil), n=10, name=evil, seeds=(0,))
    html = html_of(folder)
    assert "<script>alert" not in html
    assert "onerror=alert(2)>" not in html
    parsed = read(html)
    assert sum(tag == "script" for tag, _ in parsed.tags) == 1
    assert not any("onerror" in found for _, found in parsed.tags)
    assert evil in "".join(parsed.text)


def test_what_is_missing_is_told_in_a_sentence(
    tmp_path: Path, write_run: Callable[..., Path], html_of: Callable[[Path], str]
) -> None:
    folder = write_run(
        tmp_path / "run", trainings=("plain",), seeds=(0,), n=10, probes=False, gallery=False
    )
    text = "".join(read(html_of(folder)).text)
    assert "This run cannot tell yet." in text
    assert "Gradients of Images were not probed in this run." in text
    assert "No attacked items of Images were kept in this run." in text
    assert "The activity on Images was not recorded in this run." in text
    assert "One seed: the intervals cover the choice of test items" in text


def test_a_run_without_any_attack_still_has_a_page(
    tmp_path: Path, write_run: Callable[..., Path], html_of: Callable[[Path], str]
) -> None:
    folder = write_run(tmp_path / "run", trainings=("plain",), seeds=(0,), n=10)
    for path in (folder / "cells").glob("*/record.json"):
        if json.loads(path.read_text())["cell"]["kind"] != "train":
            path.unlink()
    text = "".join(read(html_of(folder)).text)
    assert "No attack on Images has been measured yet." in text
    assert "The run is not complete: 5 of 6 cells are missing." in text


def test_write_report_writes_into_the_run_folder_or_where_it_is_told(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    folder = write_run(tmp_path / "run", trainings=("plain",), seeds=(0,), n=8, probes=False)
    assert write_report(folder) == folder / "report.html"
    elsewhere = write_report(folder, tmp_path / "deep" / "page.html")
    assert elsewhere.read_bytes() == (folder / "report.html").read_bytes()
