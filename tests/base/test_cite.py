"""Citations."""

from __future__ import annotations

import re

import pytest

from spikeproof.base import SettingError, bibtex, references


def test_every_entry_can_be_cited_and_is_whole() -> None:
    assert references() == sorted(set(references()))
    for key in references():
        entry = bibtex(key)
        assert re.match(rf"@[a-z]+\{{{key},\n", entry)
        assert entry.count("{") == entry.count("}")
        for field in ("title", "author", "year"):
            assert re.search(rf"^  {field} *= \{{.+\}},?$", entry, re.MULTILINE), (key, field)


def test_no_entry_is_lost_between_the_file_and_the_list() -> None:
    from importlib.resources import files

    text = files("spikeproof.base").joinpath("references.bib").read_text("utf-8")
    assert len(re.findall(r"^@", text, re.MULTILINE)) == len(references())


def test_all_of_them_come_without_a_key_and_some_in_the_order_asked() -> None:
    assert all(key in bibtex() for key in references())
    two = bibtex("madry2018", "liu2024sparse")
    assert two.index("madry2018") < two.index("liu2024sparse")


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(SettingError, match="Did you mean 'madry2018'"):
        bibtex("madri2018")
