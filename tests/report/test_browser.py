"""The page in a real browser: every plot drawn, nothing asked of the network, nothing cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
                        && !e.closest(".scroll, nav, .skip, .hidden, pre, svg"); };
                return {
                  boxes: document.querySelectorAll(".plot").length,
                  drawn: document.querySelectorAll(".plot.js-plotly-plot .main-svg").length,
                  empty: [...document.querySelectorAll(".plot")].filter(
                    (p) => !p.querySelector(".main-svg")).map((p) => p.id),
                  broken: [...document.images].filter(
                    (i) => !i.complete || i.naturalWidth === 0).length,
                  overflow: document.documentElement.scrollWidth - wide,
                  outside: [...document.querySelectorAll("main *")].filter(out)
                    .map((e) => e.tagName + "." + e.className).slice(0, 5),
                  cut: [...document.querySelectorAll(".plot")].flatMap((p) => {
                    const box = p.getBoundingClientRect();
                    return [...p.querySelectorAll("text")].filter((t) => {
                      const b = t.getBoundingClientRect();
                      return b.width > 0 && (b.left < box.left - 2 || b.right > box.right + 2); })
                      .map((t) => p.id + ": " + t.textContent); }),
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
    assert state["drawn"] >= state["boxes"] > 30
    assert state["broken"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_nothing_hangs_out_of_the_page_or_its_plot(seen: Any, mode: Any) -> None:
    state = seen[mode]["state"]
    assert state["overflow"] <= 0
    assert state["outside"] == []
    assert state["cut"] == []


def test_the_reader_s_theme_is_followed(seen: Any) -> None:
    assert seen[1360, False]["state"]["paper"] == "rgb(247, 247, 244)"
    assert seen[390, True]["state"]["paper"] == "rgb(16, 21, 27)"


@pytest.fixture(scope="module")
def opened(chromium: Any, seen: Any) -> Any:
    """The browser with the page open on a desk, the last of the modes, as drawing it again takes
    long; tests leave it usable for the next one."""
    assert chromium.run("return document.documentElement.clientWidth") == 1360
    return chromium


def test_the_radius_is_chosen_with_the_keyboard_or_a_click(opened: Any) -> None:
    shown = """return [...document.querySelector("#matrix .levels").querySelectorAll(".level")]
        .map((e) => getComputedStyle(e).display !== "none");"""
    assert opened.run(shown) == [False, True, False]
    opened.run('document.querySelector("#matrix input[value=\\"2\\"]").click()')
    assert opened.run(shown) == [False, False, True]


def test_animations_can_be_paused(opened: Any) -> None:
    kinds = 'return document.querySelector("img[data-still]").src.slice(0, 14)'
    assert opened.run(kinds) == "data:image/gif"
    opened.run('document.getElementById("motion").click()')
    assert opened.run(kinds) == "data:image/png"


def test_every_text_has_contrast(opened: Any) -> None:
    script = """
        const level = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((n) => n / 255)
            .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
        const behind = (e) => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$|transparent/.test(c)) return c; } return "rgb(255, 255, 255)"; };
        const low = [];
        for (const e of document.querySelectorAll("main *, nav *")) {
            if (e.closest("svg, script, .plot") || !e.checkVisibility()) continue;
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
