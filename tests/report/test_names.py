"""Names that would turn the page round, or name nothing on it."""

from __future__ import annotations

from spikeproof.report import Figure, draw
from spikeproof.report.charts import Forest, ForestRow
from spikeproof.report.document import environment
from spikeproof.report.plots import slug

ODD = "a\u202eb\x1b[2J\ud800"
SHOWN = "a\\u202eb\\x1b[2J\\ud800"


def test_what_turns_the_direction_of_writing_is_spelt_out() -> None:
    page = environment().from_string("{{ name }} {{ 3 }} {{ ours }}")
    assert page.render(name=ODD + "<", ours="ℓ∞") == f"{SHOWN}&lt; 3 ℓ∞"


def test_the_texts_of_a_figure_are_spelt_out_too() -> None:
    chart = Forest(rows=[ForestRow(name=ODD, value=1.0, low=0.5, high=2.0)], unit=ODD + "<")
    figure = Figure(name="f", title="t", alt=ODD, chart=chart, kind="forest")
    drawn = draw(figure, "page").decode("utf-8")
    assert f'aria-label="{SHOWN}"' in drawn
    assert f">{SHOWN}&lt;</text>" in drawn
    assert f'data-tip="{SHOWN}: 1 (0.5 to 2)"' in drawn
    assert not set(ODD[1:2] + ODD[3:4] + "\ud800") & set(drawn)


def test_names_without_latin_letters_have_ids_of_their_own() -> None:
    assert slug("curve", "digits-av", "linf") == "curve-digits-av-linf"
    assert slug("SR+AT") == "sr-at"
    names = ["名", "字", "!!", "??", "é", "è", "e"]
    assert len({slug("data", name) for name in names}) == len(names)
    assert all(slug(name).isascii() and slug(name)[-1].isalnum() for name in names)
