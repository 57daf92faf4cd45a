"""The page about networks of other libraries: what users count, the judge says, and is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from research.pages import foreign
from research.tests.page_rows import row


def cell(contestant: str, user: str, judge: str, **more: Any) -> dict[str, Any]:
    """What one contestant claims of four items, and what the judge says of its points."""
    return {
        "contestant": contestant,
        "call": f"{contestant}(net)",
        "exception": None,
        "user": {"clean": "1111", "robust": user},
        "judge": {"robust": judge, "illegal": 0, "ties": 0},
        "seconds": 1.0,
        **more,
    }


def suite(judge: str) -> dict[str, Any]:
    """A suite's cell."""
    reading = {
        "library": "torch", "version": "2", "spiking": 2, "rules": True, "resets": [],
        "time": "inside", "reduce": "logits", "stateful": False, "notes": ["A note."],
    }  # fmt: skip
    flag = {"name": "rules", "stop": False, "seen": "Nobody obeys.", "why": "", "mend": ""}
    more = {"withheld": [], "flags": [flag], "reading": reading, "not_run": [], "passes": [9, 8]}
    return cell("standard", judge, judge, **more)


def told(folder: Path, *cells: dict[str, Any]) -> str:
    """The page about one network."""
    result = {
        "settings": {"radius": 8 / 255, "items": 4, "steps": 9, "batch": 2, "suites": ["standard"],
                     "training_items": 1000},
        "machine": {"processor": "some"},
        "versions": {"torch": "2"},
        "rows": [{"network": "some", "why": "why", "parameters": 10, "cells": list(cells),
                  "clean": {"judge": "1111", "ties": 0, "single": "1111"}}],
    }  # fmt: skip
    (folder / "foreign.json").write_text(json.dumps(result), encoding="utf-8")
    return foreign.page(folder)


def test_what_is_told_stands_beside_what_the_judge_says(tmp_path: Path) -> None:
    bare = cell("bare", "1000", "1110", state_left=["net.2"], training=[])
    text = told(tmp_path, bare, cell("adapted", "1100", "1100"), suite("1000"))
    assert row(text, "some")[1:] == ["100.0", "25.0 (judge: 75.0)", "50.0", "`standard` 25.0"]
    assert "state left in net.2" in text and "membranes of 1 layers are carried" in text
    assert "leaves 25.0 points less than PGD" in text and "it missed 0" in text
    assert "- flag rules: Nobody obeys." in text and "- A note." in text


def test_an_item_that_the_suite_missed_is_counted(tmp_path: Path) -> None:
    text = told(tmp_path, cell("adapted", "1100", "1100"), suite("1010"))
    assert "leaves 0.0 points less" in text and "it missed 1" in text


def test_exceptions_and_what_is_missing_are_named(tmp_path: Path) -> None:
    failed = {"contestant": "bare", "call": "f", "exception": "TypeError: a tuple", "seconds": 0.1}
    text = told(tmp_path, failed)
    assert row(text, "some")[1:] == ["100.0", "TypeError", "not measured", "not measured"]
    assert "torchattacks ends in an exception" in text and "The suite: not measured." in text
    assert "Not measured yet." in foreign.page(tmp_path / "nowhere")
