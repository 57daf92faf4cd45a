"""Published numbers that the order of trainings is compared with, and how that comparison ends.

They were taken from other papers' tables and reviews that quote them, not from each paper's own
table, so the page says that they are quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from research.pages.estimates import (
    LABELS,
    mean,
    paired,
)
from research.pages.page import percent, table
from spikeproof.analysis import Results


@dataclass(frozen=True, kw_only=True)
class Published:
    """One table of the literature: accuracies in percent under one attack, in one setting."""

    source: str
    setting: str
    values: Mapping[str, float]
    ours: str | tuple[str, ...] = "linf"


PUBLISHED = (
    Published(
        source="`mpdsgr2026`, rerun by its authors",
        setting="CIFAR-10, VGG-11, T = 8, l_inf 8/255, PGD of 7 steps; adversarial training with "
        "2 steps at 2/255",
        values={"plain": 0.88, "SR": 8.55, "MPD-SGR": 20.55, "RAT": 22.95, "SR+AT": 28.63},
    ),
    Published(
        source="`tgo2026`",
        setting="CIFAR-10, WRN-16, T = 4, l_inf 8/255, PGD of 40 steps",
        values={"plain": 0.0, "TGO": 0.45, "AT": 12.93, "RAT": 14.18},
    ),
    Published(
        source="`wang2025assg`",
        setting="CIFAR-10, SEW-ResNet-19, T = 4, l_inf 8/255, SA-PGD with ASSG, 100 less the "
        "success rate",
        values={"AT": 11.56, "TRADES": 20.44, "SR+AT": 23.0},
    ),
    Published(
        source="`maini2020adversarial`, networks that do not spike",
        setting="CIFAR-10, ResNet, union of l_inf, l_2 and l_1, PGD",
        values={"AT": 15.6, "MSD": 46.1},
        ours=("linf", "l2", "l1"),
    ),
)


def order(run: Results, data: str) -> str:
    """Our numbers beside each published table, and on how many pairs the order is the same."""
    known = run.trainings(data)
    rows: list[tuple[object, ...]] = []
    found: dict[str, list[str]] = {"same": [], "opposite": [], "undecided": []}
    for one in PUBLISHED:
        shared = [name for name in one.values if name in known]
        for name in shared:
            estimate = mean(run, data, name, one.ours)
            ours = "none" if estimate is None else percent(100 * estimate.value)
            threats = (one.ours,) if isinstance(one.ours, str) else one.ours
            what = ", ".join(LABELS[threat] for threat in threats)
            what = what if len(threats) == 1 else f"union of {what}"
            rows.append((one.source, name, f"{one.values[name]:g}", ours, what))
        for pair in combinations(shared, 2):
            low, high = sorted(pair, key=lambda name: one.values[name])
            found[_ends(run, data, (high, low), one)].append(f"{high} above {low} ({one.source})")
    if not rows:
        return ""
    settings = "".join(f"- {one.source}: {one.setting}\n" for one in PUBLISHED)
    heads = ("source", "training", "published, %", "ours, %", "ours under")
    decided = "".join(
        f"\nThe other way round here, with the interval on the other side of 0: {text}.\n"
        for text in ["; ".join(found["opposite"])]
        if text
    )
    return (
        "\n### Beside published numbers\n\nNot one setting is ours: data, network, T, radius and "
        "strength of attack all differ, so only the order of trainings may be compared. The "
        "published numbers are quoted from later papers and reviews, not read in each paper's own "
        f"table.\n\n{settings}" + table(heads, rows) + f"\nOf {sum(map(len, found.values()))} "
        f"pairs within one source, {len(found['same'])} have the same order here with a 95 % "
        f"interval above 0, {len(found['opposite'])} the opposite one, {len(found['undecided'])} "
        f"are undecided at this size.\n{decided}"
    )


def _ends(run: Results, data: str, pair: tuple[str, str], one: Published) -> str:
    """Whether the published order of two trainings is found again."""
    gap = paired(run, data, pair, one.ours)
    if gap is None or gap.low <= 0 <= gap.high:
        return "undecided"
    return "same" if gap.low > 0 else "opposite"
