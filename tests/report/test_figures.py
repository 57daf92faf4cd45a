"""Figures: what is drawn lies where its numbers say, on a page and on paper."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikeproof.analysis import results, summarise
from spikeproof.base import SettingError
from spikeproof.report import Figure, draw, figures_of
from spikeproof.report.charts import Cloud, Curves, Forest, ForestRow, Line, PointGroup
from spikeproof.report.drawing import Bunch, Drawing, Spots, Stroke, Words, svg
from spikeproof.report.drawing.marks import Mark, shifted


def flat(marks: Any) -> list[Mark]:
    """Every mark, without the bunches."""
    out = []
    for mark in marks:
        out += flat(mark.marks) if isinstance(mark, Bunch) else [mark]
    return out


def curves(**changes: Any) -> Curves:
    x, y = (0.0, 0.1, 0.2), (90.0, 50.0, 10.0)
    line = Line(name="AT", colour="s1", symbol=1, x=x, y=y, low=(80, 40, 5), high=(95, 60, 20),
                random=(90, 89, 88), classes="t t-1")  # fmt: skip
    return Curves(**{"lines": [line], "x_title": "radius", "guessing": 10.0, **changes})


@pytest.fixture(scope="module")
def figures(whole: Path) -> list[Figure]:
    return figures_of(summarise(results(whole, draws=40)))


def test_a_curve_passes_through_its_numbers() -> None:
    sheet = curves().drawing(340.0, False)
    spots = [mark.points[0] for mark in flat(sheet.marks) if isinstance(mark, Spots)]
    (x0, y0), (x1, y1), (x2, y2) = spots
    assert x1 - x0 == pytest.approx(x2 - x1)
    assert y1 - y0 == pytest.approx(y2 - y1)
    texts = {mark.text: mark for mark in sheet.marks if isinstance(mark, Words)}
    scale = (texts["75"].y - texts["25"].y) / 50
    assert y2 - y0 == pytest.approx(-80 * scale)


def test_places_of_different_size_are_drawn_on_equal_ratios() -> None:
    def line(name: str, *x: float) -> Line:
        return Line(name=name, colour="n0", symbol=0, x=(0.0, *x), y=(90.0, 50.0, 10.0))

    sheet = Curves(lines=[line("a", 0.5, 1.0), line("b", 20.0, 40.0)], x_title="length").drawing(
        340.0, False
    )
    spots = [mark.points[0][0] for mark in flat(sheet.marks) if isinstance(mark, Spots)]
    assert spots[2] - spots[1] == pytest.approx(spots[5] - spots[4], abs=0.1)
    assert spots[2] - spots[1] > 20, "not squeezed into a corner"
    near = Curves(lines=[line("a", 0.5, 1.0), line("b", 1.0, 2.0)], x_title="length")
    spots = [m.points[0][0] for m in flat(near.drawing(340.0).marks) if isinstance(m, Spots)]
    assert min(spots) == pytest.approx(spots[0])


def test_thresholds_are_drawn_and_said() -> None:
    row = ForestRow(name="digits", value=6.9, low=3.4, high=10.7, colour="bad")
    chart = Forest(rows=[row], unit="measured / predicted", thresholds=(0.5, 2.0))
    sheet = chart.drawing(340.0)
    dotted = [m.points[0][0] for m in flat(sheet.marks) if isinstance(m, Stroke) and m.dash]
    texts = {m.text: m.x for m in flat(sheet.marks) if isinstance(m, Words)}
    assert dotted == [texts["0.5"], texts["2"]]
    (dot,) = [m.points[0][0] for m in flat(sheet.marks) if isinstance(m, Spots)]
    assert dotted[0] < dotted[1] < dot
    assert "Threshold: 0.5, 2." in chart.alt
    assert "6.9 (3.4 to 10.7)" in chart.alt


def test_medians_lie_among_points_and_what_is_not_positive_is_left_out() -> None:
    x = np.array([0.1, 1.0, 10.0, 0.0, np.nan])
    group = PointGroup(name="SR", colour="s1", symbol=1, x=x, y=x)
    sheet = Cloud(groups=[group], axes=("x", "y"), diagonal=True).drawing(340.0)
    marks = [m for m in flat(sheet.marks) if isinstance(m, Spots)]
    (points,) = [m.points for m in marks if m.symbol == -1]
    assert len(points) == 3
    middle = next(m for m in marks if m.edge)
    assert middle.points[0] == pytest.approx(points[1])
    assert "SR 1 and 1" in Cloud(groups=[group], axes=("x", "y")).alt
    empty = PointGroup(name="no", colour="s2", symbol=2, x=x[3:], y=x[3:])
    assert empty.middle is None
    assert Cloud(groups=[empty], axes=("x", "y"), diagonal=True).drawing(340.0).marks


def test_every_figure_of_a_run_is_well_formed_and_inside_its_sheet(figures: list[Figure]) -> None:
    kinds = [figure.kind for figure in figures]
    assert set(kinds) == {"matrix", "curves", "scatter", "gallery"}
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        for style in ("page", "paper"):
            text = draw(figure, style).decode("utf-8")  # type: ignore[arg-type]
            root = ElementTree.fromstring(text)
            across, down = (float(v) for v in root.attrib["viewBox"].split()[2:])
            for node in root.iter():
                if node.tag.endswith("text"):
                    assert 0 <= float(node.attrib["x"]) <= across, (figure.name, node.text)
                    assert 0 <= float(node.attrib["y"]) <= down, (figure.name, node.text)
            assert ("var(--" in text) == (style == "page")
            assert draw(figure, style).decode("utf-8") == text  # type: ignore[arg-type]


def test_a_key_stands_on_paper_and_on_a_page_only_where_it_needs_its_own() -> None:
    figure = Figure(name="f", title="t", alt="a", chart=curves(), kind="curves")
    assert ">AT</text>" in draw(figure).decode()
    assert ">AT</text>" not in draw(figure, "page").decode()
    own = Figure(name="f", title="t", alt="a", chart=curves(keyed=True), kind="curves")
    assert ">AT</text>" in draw(own, "page").decode()
    assert (
        'data-tip="AT at 0.1: 50.0 % (40.0 to 60.0), random changes 89.0 %"'
        in draw(own, "page").decode()
    )


def test_a_shifted_drawing_is_the_same_one_elsewhere() -> None:
    sheet = curves().drawing(340.0)
    moved = Drawing(width=9, height=9, marks=[shifted(mark, 10.0, 20.0) for mark in sheet.marks])
    for one, other in zip(flat(sheet.marks), flat(moved.marks), strict=True):
        if isinstance(one, Words) and isinstance(other, Words):
            assert (other.x, other.y) == (one.x + 10, one.y + 20)
        if isinstance(one, Stroke) and isinstance(other, Stroke):
            assert np.allclose(np.array(other.points) - one.points, (10, 20))


def test_lengths_are_written_short_and_true() -> None:
    rng = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in rng.uniform(0, 300, (200, 2))]
    text = svg(Drawing(width=300, height=300, marks=[Stroke(points=points, colour="ink")]), "a")
    (d,) = re.findall(r' d="M([^"]*)"', text)
    numbers = [float(v) for v in re.findall(r"-?[0-9.]+", d)]
    steps = np.array(numbers).reshape(-1, 2)
    assert np.abs(steps.cumsum(0) - points).max() < 0.051, "rounding does not add up"


@pytest.mark.parametrize("form", ["pdf", "png"])
def test_paper_comes_as_pdf_and_png_with_the_same_bytes_again(
    figures: list[Figure], form: Any
) -> None:
    pytest.importorskip("matplotlib", reason="PDF and PNG need the extra 'figures'")
    heads = {"pdf": b"%PDF-", "png": b"\x89PNG"}
    for kind in ("matrix", "curves", "scatter", "gallery"):
        figure = next(one for one in figures if one.kind == kind)
        first = draw(figure, form=form)
        assert first.startswith(heads[form])
        assert draw(figure, form=form) == first
        assert len(first) < 200_000
        assert b"CreationDate" not in first


def test_drawing_refuses_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Figure(name="f", title="t", alt="a", chart=curves(), kind="curves")
    with pytest.raises(SettingError, match="'svg', 'pdf' or 'png'; got 'paper' as 'eps'"):
        draw(figure, form="eps")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="The style 'page' is SVG only"):
        draw(figure, "page", form="pdf")
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(SettingError, match=r"pip install spikeproof\[figures\]"):
        draw(figure, form="pdf")


def test_drawing_a_page_asks_for_no_plotting_library(
    write_run: Callable[..., Path], html_of: Callable[[Path], str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("matplotlib", "plotly"):
        monkeypatch.setitem(sys.modules, name, None)
    assert 'class="fig"' in html_of(write_run(tmp_path / "run", n=8))
