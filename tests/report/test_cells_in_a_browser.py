"""A number of the matrix leads to its cell, also where the list of cells is folded away."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_a_number_opens_the_list_of_cells_at_its_row(chromium: Any, page: Path) -> None:
    chromium.open(page, width=1360, dark=False)
    seen = chromium.run(
        """
        const folded = document.getElementById("cells");
        const before = folded.open;
        const link = document.querySelector("#matrix .heat td[data-threat=linf] a");
        const row = document.getElementById(link.getAttribute("href").slice(1));
        link.click();
        return {before: before, after: folded.open, visible: row.checkVisibility(),
                row: [...row.children].map((e) => e.textContent)};
        """
    )
    assert not seen["before"]
    assert seen["after"]
    assert seen["visible"]
    assert seen["row"][:5] == ["Images", "plain", "0", "attack", "ℓ∞"]
