"""A run is shown with its numbers also where its threats and data sets are not installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spikeproof.analysis import results, summarise
from support import synthetic


def test_a_threat_and_a_data_set_of_elsewhere_go_by_their_names(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_run: Callable[..., Path],
    html_of: Callable[[Path], str],
) -> None:
    radii = {"far-off": (1.0, 2.0, 4.0), "l2": (0.1, 0.2, 0.4), "linf": (0.1, 0.2, 0.4)}
    monkeypatch.setitem(synthetic.RADII, "far-set", radii)
    for _, falls in synthetic.TRAININGS.values():
        monkeypatch.setitem(falls, "far-off", 1.0)
    run = write_run(tmp_path / "run", data=["far-set"], n=8, probes=False, gallery=False)
    assert list(results(run).threats("far-set")) == ["linf", "l2", "far-off"]
    found = summarise(results(run, draws=40))
    together = {cell.members for cell in found.data[0].matrix if cell.members}
    assert together == {("linf", "l2")}, "what is no norm is not counted among the norms"
    page = html_of(run)
    assert "<h4>far-off: radius</h4>" in page
    assert "<h4>ℓ∞: largest change of any one value</h4>" in page
    assert "<h3>far-set</h3>" in page
