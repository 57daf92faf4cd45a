"""Names that would turn the page round, or name nothing on it."""

from __future__ import annotations

import json

from spikeproof.report.document import _environment, _figure_json
from spikeproof.report.figures import Figure
from spikeproof.report.plots import slug

ODD = "a\u202eb\x1b[2J\ud800"
SHOWN = "a\\u202eb\\x1b[2J\\ud800"


def test_what_turns_the_direction_of_writing_is_spelt_out() -> None:
    page = _environment().from_string("{{ name }} {{ 3 }} {{ ours }}")
    assert page.render(name=ODD + "<", ours="ℓ∞") == f"{SHOWN}&lt; 3 ℓ∞"


def test_the_texts_of_a_figure_are_spelt_out_too() -> None:
    data = [{"name": ODD, "x": [1.5, None]}]
    figure = Figure(name="f", title="t", alt="", data=data, layout={"t": ODD})
    found = json.loads(_figure_json(figure))
    assert found == {"data": [{"name": SHOWN, "x": [1.5, None]}], "layout": {"t": SHOWN}}


def test_names_without_latin_letters_have_ids_of_their_own() -> None:
    assert slug("curve", "digits-av", "linf") == "curve-digits-av-linf"
    assert slug("SR+AT") == "sr-at"
    names = ["名", "字", "!!", "??", "é", "è", "e"]
    assert len({slug("data", name) for name in names}) == len(names)
    assert all(slug(name).isascii() and slug(name)[-1].isalnum() for name in names)
