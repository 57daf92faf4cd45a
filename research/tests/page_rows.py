"""The rows of the tables of a generated page."""

from __future__ import annotations

import re


def row(text: str, *starts: str) -> list[str]:
    """The cells of the first row that starts so."""
    found = re.search(rf"^\| {re.escape(' | '.join(starts))} \|.*$", text, re.MULTILINE)
    assert found, starts
    return [cell.strip() for cell in found.group().split("|")[1:-1]]
