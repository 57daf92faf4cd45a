"""What stands beside numbers of a study: the suite behind them, and what it can do."""

from __future__ import annotations

import json
from functools import cache

from research import RESULTS
from spikeproof.analysis import Results
from spikeproof.attacks import SUITES

# The attacks that ask for no gradient, as their `passes` say; and the one that begins where
# gradients end.
QUERIES = ("square", "sparse_rs")
SEARCHES = ("guided_search", *QUERIES)
# What could be said of the suites before they were redesigned.
_BEFORE = {"quick": False, "core": False, "standard": True, "full": True}
OLD = "as it was before it was redesigned ([errata](../errata.md))"


@cache
def _old_codes() -> frozenset[str]:
    """Hashes of the code that measured with the suites of before."""
    content = json.loads((RESULTS / "old_numbers.json").read_text(encoding="utf-8"))
    return frozenset(code for one in content["studies"].values() for code in one["code"])


def of_before(run: Results) -> bool:
    """Whether a study was measured before the suites were redesigned."""
    codes = {str(code)[:12] for code in run.provenance()["code_sha256"]}
    return bool(codes) and codes <= _old_codes()


def named(run: Results) -> str:
    """The suite of a study, and whether it is that of today."""
    suite = f"`{run.plan.get('suite')}`"
    return f"{suite} {OLD}" if of_before(run) else suite


def can(run: Results) -> str:
    """One sentence: what the suite of a study holds beside gradients."""
    suite = run.plan.get("suite")
    if suite not in SUITES:
        return ""
    if of_before(run):
        held = "held searches without gradients" if _BEFORE[suite] else "followed gradients only"
        return f" It {held}, and kept the reset in every gradient: it left too much standing."
    found = searches(suite)
    if not found:
        return " It holds no search."
    # An extract keeps no list of members, so what joined a suite later is dated.
    return (
        f" It holds searches: {', '.join(found)}; those for what gradients mislead joined on "
        "2026-12-01 ([errata](../errata.md))."
    )


def doubt(run: Results) -> str:
    """The sentences beside a contest's numbers; nothing where its suite has no name."""
    if run.plan.get("suite") not in SUITES:
        return ""
    return (
        f"\nEvery number here is an upper bound: what the suite {named(run)} could not break."
        f"{can(run)} What others break after `standard` is measured "
        "[elsewhere](attacks.md#judged-by-strangers), also on networks of IF neurons, which "
        "`multinorm` trains.\n"
    )


def searches(suite: str) -> tuple[str, ...]:
    """The searches that a named suite holds, in the order of their turns."""
    kinds = [part["attack"]["kind"] for part in SUITES[suite].record()["members"]]
    return tuple(dict.fromkeys(kind for kind in kinds if kind in SEARCHES))
