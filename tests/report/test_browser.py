"""The page in a real browser: every figure drawn, nothing asked of the network, nothing cut off."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MODES = [(390, True), (1360, False)]


@pytest.fixture(scope="module")
def seen(chromium: Any, page: Path) -> dict[tuple[int, bool], dict[str, Any]]:
    """What the browser says of the page at each width, light and dark."""
    found = {}
    for width, dark in MODES:
        chromium.log("browser")
        chromium.requests()
        chromium.open(page, width=width, dark=dark)
        found[width, dark] = {
            "complaints": chromium.log("browser"),
            "requests": chromium.requests(),
            "state": chromium.run(
                """
                const wide = document.documentElement.clientWidth;
                const out = (e) => { const b = e.getBoundingClientRect();
                    return b.width > 0 && (b.right > wide + 1 || b.left < -1)
                        && !e.closest(".scroll, .film, .skip, .hidden, pre, svg, label span"); };
                return {
                  figures: document.querySelectorAll("svg.fig").length,
                  empty: [...document.querySelectorAll("svg.fig")].filter((f) => {
                    const b = f.getBoundingClientRect();
                    return b.width < 150 || b.height < 60 || f.children.length < 4; })
                    .map((f) => f.parentElement.id),
                  broken: [...document.images].filter(
                    (i) => !i.complete || i.naturalWidth === 0).length,
                  overflow: document.documentElement.scrollWidth - wide,
                  outside: [...document.querySelectorAll("main *, .bar *")].filter(out)
                    .map((e) => e.tagName + "." + e.className).slice(0, 5),
                  cut: [...document.querySelectorAll("svg.fig")].flatMap((p) => {
                    const box = p.getBoundingClientRect();
                    return [...p.querySelectorAll("text")].filter((t) => {
                      const b = t.getBoundingClientRect();
                      return b.width > 0 && (b.left < box.left - 3 || b.right > box.right + 3
                        || b.bottom > box.bottom + 3); })
                      .map((t) => p.parentElement.id + ": " + t.textContent); }),
                  overprinted: [...document.querySelectorAll("svg.fig")].flatMap((p) => {
                    const boxes = [...p.querySelectorAll("text")]
                      .map((t) => [t, t.getBoundingClientRect()]);
                    const meet = (a, b) => a.left < b.right - 2 && b.left < a.right - 2
                        && a.top < b.bottom - 4 && b.top < a.bottom - 4;
                    return boxes.flatMap(([t, a], i) => boxes.slice(i + 1)
                      .filter(([, b]) => meet(a, b))
                      .map(([u]) => [p.parentElement.id, t.textContent, u.textContent])); }),
                  paper: getComputedStyle(document.body).backgroundColor,
                };
                """
            ),
        }
    return found


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_asked_of_the_network_and_nothing_complains(seen: Any, mode: Any) -> None:
    assert seen[mode]["complaints"] == []
    asked = [url for url in seen[mode]["requests"] if not url.startswith(("data:", "blob:"))]
    assert len(asked) == 1
    assert asked[0].startswith("file://")


@pytest.mark.parametrize("mode", MODES)
def test_every_plot_and_picture_is_drawn(seen: Any, mode: Any) -> None:
    state = seen[mode]["state"]
    assert state["empty"] == []
    assert state["figures"] > 30
    assert state["broken"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_nothing_hangs_out_of_the_page_or_its_plot(seen: Any, mode: Any) -> None:
    state = seen[mode]["state"]
    assert state["overflow"] <= 0
    assert state["outside"] == []
    assert state["cut"] == []
    assert state["overprinted"] == []


def test_the_reader_s_theme_is_followed(seen: Any) -> None:
    assert seen[1360, False]["state"]["paper"] == "rgb(247, 247, 244)"
    assert seen[390, True]["state"]["paper"] == "rgb(16, 21, 27)"


@pytest.fixture(scope="module")
def opened(chromium: Any, seen: Any) -> Any:
    """The browser with the page open on a desk, the last of the modes, as drawing it again takes
    long; tests leave it usable for the next one."""
    assert chromium.run("return document.documentElement.clientWidth") == 1360
    return chromium


def pick(name: str, value: str) -> str:
    """A script that chooses in the switch of the page."""
    return f'document.getElementById("pick-{name}").value = "{value}";'


def visible(selector: str) -> str:
    return (
        f"return [...document.querySelectorAll({selector!r})]"
        ".filter((e) => e.checkVisibility()).length;"
    )


def test_one_switch_chooses_the_radius_of_every_table(opened: Any) -> None:
    shown = """return [...document.querySelectorAll("#matrix .level, .side .level")]
        .filter((e) => e.checkVisibility())
        .map((e) => e.textContent.match(/low|standard|high/i)[0]);"""
    names = [name.lower() for name in opened.run(shown)]
    assert set(names) == {"standard"}
    opened.run(pick("radius", "2"))
    assert {name.lower() for name in opened.run(shown)} == {"high"}
    assert len(opened.run(shown)) == len(names)
    opened.run(pick("radius", "1"))


def test_one_switch_chooses_the_data_of_the_whole_page(opened: Any) -> None:
    before = opened.run(visible("main .d"))
    opened.run(pick("data", "digits-audio"))
    assert opened.run(visible("main .d")) == opened.run(visible("main .d-digits-audio"))
    assert 4 * opened.run(visible("main .d")) == before
    opened.run(pick("data", ""))
    assert opened.run(visible("main .d")) == before


def test_one_switch_chooses_the_training_in_tables_and_figures(opened: Any) -> None:
    rows = opened.run(visible("tr.t"))
    chosen = opened.run(
        """const s = document.getElementById("pick-training");
        s.value = s.options[2].value; return [s.value, s.options[2].text];"""
    )
    assert chosen[1] == "SR"
    assert 0 < opened.run(visible("tr.t")) == opened.run(visible("tr." + chosen[0])) < rows
    faint = f"""return [...document.querySelectorAll("#curves svg .t")].map((g) =>
        g.classList.contains({chosen[0]!r}) === (getComputedStyle(g).opacity === "1"));"""
    assert all(opened.run(faint))
    opened.run(pick("training", ""))
    assert opened.run(visible("tr.t")) == rows


def test_the_switch_and_the_contents_stay_in_view_and_work_with_keys(opened: Any) -> None:
    opened.run("scrollTo(0, 6000)")
    boxes = """return ["#pick-data", "#pick-training", "#pick-radius", "nav a"].map((s) => {
        const b = document.querySelector(s).getBoundingClientRect();
        return b.top >= 0 && b.bottom <= innerHeight && b.width > 20; });"""
    assert all(opened.run(boxes))
    names = """return [...document.querySelectorAll("select, audio, .scroll, summary, nav a")]
        .filter((e) => e.tabIndex < 0).length;"""
    assert opened.run(names) == 0
    opened.run("scrollTo(0, 0)")


def test_the_answer_and_the_matrix_stand_side_by_side_on_the_first_screen(opened: Any) -> None:
    place = """const b = (s) => document.querySelector(s).getBoundingClientRect();
        const tables = [...document.querySelectorAll(".side table")];
        const shown = tables.find((t) => t.checkVisibility());
        const [h, m] = [b("h1"), shown.getBoundingClientRect()];
        return [m.left - h.right, m.top, m.bottom, innerWidth - b(".side").right];"""
    gap, top, bottom, right = opened.run(place)
    assert gap > 0
    assert top >= 0
    assert bottom < 900
    assert right < 80, "nothing is left empty"


def test_a_pointer_is_told_what_it_is_over(opened: Any) -> None:
    text = opened.run(
        """const mark = document.querySelector("#curves svg [data-tip]");
        const where = {bubbles: true, clientX: 300, clientY: 300};
        mark.dispatchEvent(new PointerEvent("pointerover", where));
        const tip = document.getElementById("tip");
        return [tip.hidden, tip.textContent];"""
    )
    assert text[0] is False
    assert "%" in text[1]


def test_animations_can_be_paused(opened: Any) -> None:
    films, stills = visible(".film"), visible(".still")
    assert opened.run(films) > 5
    assert opened.run(stills) == 0
    opened.run('document.getElementById("motion").click()')
    assert opened.run(films) == 0
    assert opened.run(stills) > 5
    opened.run('document.getElementById("motion").click()')


def test_headings_do_not_skip_and_regions_have_names_of_their_own(opened: Any) -> None:
    levels = opened.run(
        """return [...document.querySelectorAll("h1, h2, h3, h4")].map((h) => +h.tagName[1])"""
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    names = opened.run(
        """return [...document.querySelectorAll("[role=region], nav, section[aria-labelledby]")]
        .map((e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby"))"""
    )
    assert len(set(names)) == len(names)


def test_every_text_has_contrast(opened: Any) -> None:
    script = """
        const level = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((n) => n / 255)
            .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
        const behind = (e) => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
        const low = [];
        for (const e of document.querySelectorAll("main *, .bar *")) {
            if (e.closest("svg, script") || !e.checkVisibility()) continue;
            if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
            const both = [level(getComputedStyle(e).color), level(behind(e))];
            const [a, b] = both.sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) low.push(e.className + " " + e.textContent);
        }
        return low.slice(0, 5);
    """
    for dark in (False, True):
        opened.theme(dark)
        assert opened.run(script) == []


def test_axe_finds_nothing(opened: Any, root: Path) -> None:
    # `npm install axe-core` in the root, or its file in SPIKEPROOF_AXE.
    named = os.environ.get("SPIKEPROOF_AXE", root / "node_modules" / "axe-core" / "axe.min.js")
    if not Path(named).is_file():
        pytest.skip("axe-core is not here; npm install axe-core, or name its file")
    opened.run(Path(named).read_text(encoding="utf-8") + ";0")
    script = """axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map(
        (v) => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]))"""
    answer = opened.tool(
        "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
    )
    assert answer["result"]["value"] == []


def test_on_a_phone_the_contents_are_closed_and_close_again(chromium: Any, page: Path) -> None:
    chromium.open(page, width=390)
    assert chromium.run("return document.getElementById('contents').open") is False
    chromium.run("document.querySelector('#contents summary').click()")
    inside = """const b = document.querySelector("nav ol").getBoundingClientRect();
        return [b.left, innerWidth - b.right, b.height];"""
    left, right, height = chromium.run(inside)
    assert min(left, right) >= 0
    assert height > 100
    chromium.run("document.querySelector('nav a').click()")
    assert chromium.run("return document.getElementById('contents').open") is False


@pytest.fixture(scope="module")
def stripped(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a reader that strips scripts shows it."""
    html = re.sub(r"<script>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "<script" not in html
    path = tmp_path_factory.mktemp("stripped") / "page.html"
    path.write_text(html, encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [390, 1360])
def test_without_scripts_all_is_drawn_and_every_control_works(
    chromium: Any, stripped: Path, width: int
) -> None:
    chromium.open(stripped, width=width)
    blank = """return [...document.querySelectorAll("svg.fig, .card, main img")]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 8).length"""
    assert chromium.run(blank) == 0
    assert chromium.run(visible("svg.fig")) > 30
    assert chromium.run(visible("button")) == 0
    assert chromium.run("return document.getElementById('contents').open") is True
    assert chromium.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    chromium.run(pick("data", "digits-events") + pick("radius", "0"))
    assert chromium.run(visible("main .d")) == chromium.run(visible("main .d-digits-events"))
    shown = """return [...document.querySelectorAll(".side .d-digits-events .level")]
        .filter((e) => e.checkVisibility()).map((e) => e.querySelector(".caption").textContent)"""
    (caption,) = chromium.run(shown)
    assert caption.startswith("Low radius")


def test_on_paper_nothing_is_cut_or_overlaps(chromium: Any, page: Path, tmp_path: Path) -> None:
    # A sheet of Letter paper between its margins; dark screens print light.
    chromium.open(page, width=718, dark=True)
    chromium.theme(True, "print")
    found = chromium.run(
        """const wide = document.documentElement.clientWidth;
        const box = (e) => e.getBoundingClientRect();
        const out = [...document.querySelectorAll("svg.fig, table, img, p, h2")]
          .filter((e) => e.checkVisibility() && box(e).right > wide + 1)
          .map((e) => e.className || e.tagName);
        const figs = [...document.querySelectorAll("svg.fig")].map(box);
        const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1;
        const over = figs.flatMap((a, i) => figs.slice(i + 1).filter((b) => meet(a, b))).length;
        return [out, over, getComputedStyle(document.body).backgroundColor,
          getComputedStyle(document.documentElement).getPropertyValue("--ink").trim()];"""
    )
    assert found == [[], 0, "rgb(255, 255, 255)", "#1b2330"]
    assert chromium.run(visible("audio, button, select, .film")) == 0
    chromium.pdf(tmp_path / "page.pdf")
    chromium.theme(False)
    printed = (tmp_path / "page.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    _look_at_the_pages(tmp_path / "page.pdf", tmp_path)


def _look_at_the_pages(path: Path, folder: Path) -> None:
    """Every page has something on it and nothing in its margins."""
    program = shutil.which("pdftoppm")
    if program is None:
        return
    subprocess.run([program, "-r", "40", "-gray", path, folder / "sheet"], check=True)
    sheets = sorted(folder.glob("sheet*.pgm"))
    assert 10 < len(sheets) < 60
    for sheet in sheets:
        pixels = np.asarray(Image.open(sheet))
        margin = round(40 * 10 / 25.4)  # a millimetre or three less than the margin of the page
        assert (pixels[:, :margin] > 250).all(), sheet
        assert (pixels[:, -margin:] > 250).all(), sheet
        assert (pixels < 200).any(), sheet
