"""Numbers that slow tests record about themselves, for the files here that store them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from research import ROOT


class Notes:
    """Collects the rows that tests hand over with ``record_property("row", ...)``."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the row of a test that has just run, passed or failed."""
        if report.when == "call":
            rows = (row for name, row in report.user_properties if name == "row")
            self.rows += [{**row, "passed": report.passed} for row in rows]  # type: ignore[dict-item]


def run(*tests: str) -> list[dict[str, Any]]:
    """Run slow tests by their paths and return the rows that they recorded, in their order."""
    notes = Notes()
    os.chdir(ROOT)
    flags = ["-q", "-m", "slow", "-p", "no:cacheprovider"]
    pytest.main([*flags, *tests], plugins=[notes])
    return notes.rows
