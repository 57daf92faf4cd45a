"""How the suites were chosen: which candidate broke which hard item of the design networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from research.attack_evidence.design import DIGITS, FASHION, THREATS
from research.pages.page import percent, table
from spikeproof.attacks.suite.progress import _SHARES, _SHARES_SPARSE

Result = dict[str, Any]
Bits = NDArray[np.bool_]

# What a suite has tried when it first asks how far an item is.
BEGINNING = {
    "l0": ("swap, triangle-1, margin, kept", "swap, triangle-1, margin, detached"),
    "": (
        "pgd, arctan-5, margin, detached",
        "apgd, assg .455, cross_entropy, detached",
        "sapgd, assg .455, margin, detached",
    ),
}
SPARSE = ("l1", "l0")


class Hard:
    """The hard items of all networks under one threat."""

    def __init__(self, cells: list[Result]) -> None:
        self.cells, self.threat = cells, cells[0]["threat"]
        self.names = [n for n in cells[0]["candidates"] if all(n in c["candidates"] for c in cells)]
        self.broke = {name: self._joined(name, "broke") for name in self.names}
        self.left = {name: self._joined(name, "left") for name in self.names}
        count = len(self.broke[self.names[0]])
        self.passes = {
            name: sum(sum(c["candidates"][name]["passes"]) for c in cells) / count
            for name in self.names
        }
        self.union: Bits = np.any(list(self.broke.values()), axis=0)

    def _joined(self, name: str, what: str) -> NDArray[Any]:
        found = [
            np.array([bit == "1" for bit in c["candidates"][name][what]])
            if what == "broke"
            else np.array(c["candidates"][name][what])
            for c in self.cells
        ]
        return np.concatenate(found)

    def order(self) -> list[tuple[str, int, float]]:
        """Candidates by what each adds per pass to those before it, until nothing is left."""
        got, found = np.zeros_like(self.union), []
        while (got != self.union).any():
            best = max(self.names, key=lambda n: (self.broke[n] & ~got).sum() / self.passes[n])
            found.append((best, int((self.broke[best] & ~got).sum()), self.passes[best]))
            got = got | self.broke[best]
        return found

    def resets(self) -> list[tuple[str, int, int]]:
        """Candidates tried with the reset kept and detached: what each broke."""
        pairs = [(name, name.removesuffix("kept") + "detached") for name in self.names]
        return [
            (kept.removesuffix(", kept"), int(self.broke[kept].sum()), int(self.broke[cut].sum()))
            for kept, cut in pairs
            if kept.endswith(", kept") and cut in self.broke
        ]

    def later(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Shares left after the beginning: of items later candidates broke, of what stood."""
        first = BEGINNING.get(self.threat, BEGINNING[""])
        before = np.any([self.broke[name] for name in first], axis=0)
        left = np.min([self.left[name] for name in first], axis=0)
        return left[self.union & ~before], left[~self.union]


def design(result: Result) -> str:
    """The section."""
    cells = result["evidence"]
    found = [Hard(each) for t in THREATS if (each := [c for c in cells if c["threat"] == t])]
    return _about(cells) + _resets(found) + _orders(found) + _left(found) + _lacks(result)


def _about(cells: list[Result]) -> str:
    """What was asked of what."""
    networks = ", ".join(dict.fromkeys(cell["network"] for cell in cells))
    hard = sum(len(cell["hard"]) for cell in cells)
    return (
        "\nA hard item is right when clean and stands after one cheap member (PGD with large "
        "falling steps through arctan-5, Swap where features are counted). Every candidate "
        f"attacked every hard item alone: {hard} of {networks}, from the first 80 test items of "
        "Fashion-MNIST and 120 of digits. What follows is why the suites hold what they hold, and "
        "no measure of how good they are: for that see [the next section](#judged-by-strangers).\n"
    )


def _resets(found: list[Hard]) -> str:
    """The same candidate with the reset kept and detached."""
    rows = [(f"{name}", one.threat, len(one.union), kept, cut)
            for one in found for name, kept, cut in one.resets()]  # fmt: skip
    sums = [sum(int(row[k]) for row in rows) for k in (3, 4)]
    return (
        f"\n**The reset.** Of {len(rows)} pairs of candidate and threat tried both ways, "
        f"{sum(row[4] > row[3] for row in rows)} broke more with the reset detached, "
        f"{sum(row[4] < row[3] for row in rows)} more with it kept; {sums[1]} items beside "
        f"{sums[0]} in all (an item counts once per candidate).\n"
        + table(("candidate", "threat", "hard items", "broke, kept", "broke, detached"), rows)
    )


def _orders(found: list[Hard]) -> str:
    """Which candidates cover what anything broke."""
    rows = [
        (one.threat, f"{int(one.union.sum())} of {len(one.union)}",
         "; ".join(f"{name} +{more} ({passes:,.0f})" for name, more, passes in one.order()))
        for one in found
    ]  # fmt: skip
    heads = ("threat", "broken by anything", "candidate, what it adds, and passes per hard item")
    return (
        "\n**The order.** The candidate that breaks most per pass of what those before it left, "
        "until nothing is left.\n" + table(heads, rows)
    )


def _left(found: list[Hard]) -> str:
    """Which share of the margin says that more would help."""
    rows = []
    for one in found:
        broken, stood = one.later()
        limit = (_SHARES_SPARSE if one.threat in SPARSE else _SHARES)[1]
        shares = sorted(broken.tolist())
        rows.append(
            (one.threat, len(shares), f"{max(shares):.2f}" if shares else "none",
             sum(share > limit for share in shares), len(stood),
             f"{np.median(stood):.2f}" if len(stood) else "none",
             percent(100 * float(np.mean(stood > limit))) if len(stood) else "none", limit)
        )  # fmt: skip
    heads = ("threat", "broken only later", "largest share left of these", "of these beyond the "
             "limit", "never broken", "median share left", "beyond the limit, %",
             "limit of near")  # fmt: skip
    return (
        "\n**Near and far.** The share of an item's clean margin that the first members leave "
        "(three; under l_0 two), for items that only other candidates broke and for those that "
        "nothing broke. Beyond the limit an item is called far, unless its loss still rises or "
        "rules are at odds.\n" + table(heads, rows)
    )


def _lacks(result: Result) -> str:
    """What was not measured, and how the numbers were made."""
    known = {(cell["network"], cell["threat"]) for cell in result["evidence"]}
    names = [(network, threat) for network in (*FASHION, *DIGITS) for threat in THREATS]
    lacking: dict[str, list[str]] = {}
    for network, threat in names:
        if (network, threat) not in known:
            lacking.setdefault(network, []).append(threat)
    told = "; ".join(f"{network} {', '.join(each)}" for network, each in lacking.items())
    codes = sorted({cell["code"] for cell in result["evidence"] if cell["code"]})
    code = f"Code {', '.join(codes)}. " if codes else ""
    text = f"\n{code}{result.get('note', '')}".rstrip() + "\n" if code or "note" in result else ""
    return text + (f"\nNot measured: {told}.\n" if told else "")
