"""Draw docs/images/matrix.svg: the matrices of the demo at the standard radii, two by two.

make demo
python scripts/draw_matrices.py runs/demo
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from spikeproof.analysis import results, summarise
from spikeproof.base import write_atomic
from spikeproof.report import draw, figures_of

TARGET = Path(__file__).parents[1] / "docs" / "images" / "matrix.svg"
WANTED = ("high radius", "standard radius")  # of two radii, and of one
GAP = 24


def placed(drawing: str, x: float, y: float) -> str:
    """A whole SVG inside another one, at a place of it, in its own units."""
    width, height = size(drawing)
    bare = re.sub(r' (width|height)="[\d.]+pt"', "", drawing, count=2)
    place = f'<svg x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
    return bare.replace("<svg ", place, 1)


def size(drawing: str) -> tuple[float, float]:
    """Width and height of an SVG."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    assert found, drawing[:200]
    return float(found[1]), float(found[2])


def main(run: str) -> None:
    """Draw them."""
    figures = figures_of(summarise(results(run)))
    chosen = [f for f in figures if f.kind == "matrix" and f.title.endswith(WANTED)]
    drawings = [draw(figure).decode() for figure in chosen]
    sizes = [size(one) for one in drawings]
    columns = [max(w for w, _ in sizes[c::2]) for c in range(2)]
    rows = [max(h for _, h in sizes[r : r + 2]) for r in range(0, len(sizes), 2)]
    inside = [
        placed(one, (n % 2) * (columns[0] + GAP), sum(rows[: n // 2]) + GAP * (n // 2))
        for n, one in enumerate(drawings)
    ]
    width, height = sum(columns) + GAP, sum(rows) + GAP * (len(rows) - 1)
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(inside)}</svg>\n'
    )
    write_atomic(TARGET, whole.encode())


if __name__ == "__main__":
    main(sys.argv[1])
