"""The library parts of the second tutorial run where the libraries are, and print what it shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from support.printed import compare
from tests.foreign.test_adapters import pytestmark as pytestmark  # skipped where those are

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorials" / "2-your-network.md"


def test_the_library_parts_of_the_tutorial_run_and_print_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("tutorials", ROOT / "scripts" / "tutorials.py")
    assert spec is not None and spec.loader is not None
    tutorials = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tutorials)
    monkeypatch.chdir(tmp_path)
    ran = []
    for code, shown, printed in tutorials.outputs(PAGE):
        if shown or "find_spec(" not in code:
            compare(shown or "", printed, near=25.0)
        ran += [name for name in ("spikingjelly", "snntorch") if f'find_spec("{name}")' in code]
        if "find_spec(" in code:
            assert "<robust accuracy" in printed
    assert ran == ["spikingjelly", "snntorch"]
