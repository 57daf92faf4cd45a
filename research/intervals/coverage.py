"""Coverage and width of the package's intervals, beside the bootstrap that they replace.

Writes research/results/intervals.json, some minutes of one core. Parts that are named are
simulated again, the others are kept.

    python -m research.intervals.coverage [shares] [differences] [ratios] [others]
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from research import RESULTS
from research.intervals.simulated import (
    PAIRS,
    SHARES,
    beta,
    covered,
    difference_interval,
    former,
    one,
    share_interval,
    two,
)
from spikeproof.metrics import Floats, Intervals

NETWORKS = (2, 3, 5, 10)
ITEMS = (30, 100, 400)
POINTS = (0, 9, 17)
STUDIES = 1000
# Resamples of every study take long, so fewer stand for the former intervals.
FORMER = 250


def settings(networks: tuple[int, ...]) -> Iterator[tuple[int, int, int, float]]:
    """Networks, items, points between networks, and how much items differ in log odds."""
    return itertools.product(networks, ITEMS, POINTS, (0.0, 2.0, 4.0))


def row(what: str, where: tuple[int, int, int, float], **values: Any) -> dict[str, Any]:
    """One simulated setting as plain data."""
    networks, items, points, hardness = where
    place = {"networks": networks, "items": items, "points": points, "item_sd": hardness}
    return {"what": what, **place, **values}


def old_one(
    table: Floats, truth: float, where: tuple[int, int, int, float]
) -> tuple[float | None, float | None]:
    """The former interval, of 100 items."""
    if where[1] != 100 or where[3] != 2.0:
        return None, None
    return covered(former(table[:FORMER]), truth)


def shares(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A share over networks and items, and given these networks."""
    for where in settings((1, *NETWORKS)):
        networks, items, points, hardness = where
        for share in SHARES:
            table, given = one(rng, (STUDIES, networks, items), share, points, hardness)
            if networks < 5:
                ends = covered(share_interval(table, over_networks=False), given)
                yield row(
                    "share given networks", where, share=share, coverage=ends[0], width=ends[1]
                )
            if networks > 1:
                found = covered(share_interval(table), share)
                old = old_one(table, share, where)
                yield row(
                    "share", where, share=share, coverage=found[0], width=found[1],
                    former_coverage=old[0], former_width=old[1],
                )  # fmt: skip


def others(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A share where networks differ otherwise than the method assumes."""
    for networks, items, points in itertools.product(NETWORKS, ITEMS, (9, 17)):
        for share in (0.005, 0.02, 0.1, 0.35, 0.5):
            table = beta(rng, (STUDIES, networks, items), share, points)
            found = covered(share_interval(table), share)
            yield row(
                "share, beta", (networks, items, points, 0.0), share=share, coverage=found[0],
                width=found[1],
            )  # fmt: skip


def differences(rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    """A difference of two trainings, and of their means over four norms."""
    for where in settings(NETWORKS):
        networks, items, points, hardness = where
        size = (STUDIES, networks, items)
        for pair in PAIRS:
            first, second = two(rng, size, pair, points, hardness)
            truth = pair[0] - pair[1]
            found = covered(difference_interval(first, second), truth)
            gap = first - second
            old = old_one(gap, truth, where)
            yield row(
                "difference", where, share=pair, coverage=found[0], width=found[1],
                former_coverage=old[0], former_width=old[1],
            )  # fmt: skip
        norms = two(rng, size, (0.1, 0.3, 0.5, 0.6, 0.05, 0.2, 0.45, 0.6), points, hardness)
        means = np.mean(norms[:4], axis=0), np.mean(norms[4:], axis=0)
        found = covered(difference_interval(*means), 0.05)
        yield row("mean over norms", where, share=(0.375, 0.325), coverage=found[0], width=found[1])


def ratios(rng: np.random.Generator, studies: int = 400) -> Iterator[dict[str, Any]]:
    """The transfer ratio, of the studies in which the dedicated gain is clear."""
    for networks, items, points in itertools.product(NETWORKS, ITEMS, POINTS):
        for shares in ((0.3, 0.5, 0.1), (0.1, 0.6, 0.1), (0.7, 0.6, 0.2)):
            tables = two(rng, (studies, networks, items), shares, points, 2.0)
            truth = (shares[0] - shares[2]) / (shares[1] - shares[2])
            intervals = Intervals(networks, items, over="networks")
            inside, widths, defined = 0, [], 0
            for ours, best, base in zip(*tables, strict=True):
                gain = intervals.difference(best, base)
                found = intervals.ratio(ours, best, base)
                if gain.value >= 0.02 and gain.low > 0 and np.isfinite(found.low):
                    defined += 1
                    inside += found.low <= truth <= found.high
                    widths.append(found.high - found.low)
            if defined >= 100:
                yield row(
                    "ratio", (networks, items, points, 2.0), share=shares, defined=defined,
                    coverage=inside / defined, width=float(np.median(widths)),
                )  # fmt: skip


PARTS = {"shares": shares, "differences": differences, "ratios": ratios, "others": others}


def main() -> None:
    """Simulate what is asked for, or everything, and store it."""
    path = RESULTS / "intervals.json"
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"] if path.exists() else {}
    for name in sys.argv[1:] or PARTS:
        rng = np.random.default_rng(list(PARTS).index(name))
        rows = [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}
            for found in PARTS[name](rng)
        ]
        parts[name] = rows
        lines = ",\n".join(
            f'"{key}": [\n' + ",\n".join(map(json.dumps, parts[key])) + "\n]"
            for key in PARTS
            if key in parts
        )
        text = f'{{"studies": {STUDIES}, "former": {FORMER}, "parts": {{\n{lines}\n}}}}\n'
        path.write_text(text, encoding="utf-8")
        print(name, len(rows), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
