"""Notices about old spellings."""

from __future__ import annotations

import pytest

from spikeproof.base import old_spelling


def test_an_old_spelling_is_told_once_per_place(capsys: pytest.CaptureFixture[str]) -> None:
    old_spelling.cache_clear()
    for where in ("plan a.toml", "plan a.toml", "plan b.toml"):
        old_spelling("rules", "hooks", where)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"plan {name}.toml: rules is now written hooks; the old spelling is still read."
        for name in "ab"
    ]
