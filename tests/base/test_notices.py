"""Notices about old spellings."""

from __future__ import annotations

import pytest

from spikeproof.base import old_spelling


def test_an_old_spelling_is_told_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spikeproof.base.notices._told", set())
    for where in ("plan a.toml", "plan a.toml", "plan b.toml"):
        old_spelling("rules", "hooks", where)
    old_spelling("path", "gradient", "member of a suite")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "plan a.toml: rules is now written hooks; the old spelling is still read.",
        "member of a suite: path is now written gradient; the old spelling is still read.",
    ]
