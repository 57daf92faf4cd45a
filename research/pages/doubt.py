"""What stands beside the recipe's numbers: the suite behind them, and gradients on IF neurons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from research import RESULTS
from spikeproof.analysis import Results
from spikeproof.attacks import SUITES

# The attacks that ask for no gradient, as their `passes` say; and the network of the evidence
# about attacks whose neurons forget nothing.
SEARCHES = ("square", "sparse_rs")
IF_NETWORK = "at-if"
OLD_NAMES = {"multinorm": "multinorm-sparse"}


def doubt(run: Results, recipe: str) -> str:
    """The sentences beside a recipe's numbers; nothing where the study does not train it."""
    suite = run.plan.get("suite")
    if suite not in SUITES:
        return ""
    text = f"\nEvery number here is an upper bound: what the suite `{suite}` could not break."
    if searches(suite):
        return f"{text} `{suite}` has members that need no gradient.\n"
    text += (
        f" `{suite}` has no member that can do without gradients, so these numbers hold only until "
        "a suite with such members has measured them again."
    )
    if leak_of(run, recipe) == 1.0:
        text += (
            f" `{recipe}` uses IF neurons (leak 1), on which gradients fail most{_square()}; its "
            "bound may be looser than those of rivals with other neurons."
        )
    return text + "\n"


def searches(suite: str) -> bool:
    """Whether a named suite has a member that asks for no gradient."""
    kinds = [part["attack"]["kind"] for part in SUITES[suite].record()["members"]]
    return any(kind in SEARCHES for kind in kinds)


def leak_of(run: Results, recipe: str) -> float | None:
    """The leak that a training of the plan sets, 1 for IF neurons."""
    for training in run.plan.get("training", []):
        if training.get("name") in (recipe, OLD_NAMES.get(recipe)):
            neuron = training.get("network", {}).get("neuron", {})
            return 1.0 if neuron.get("kind") == "if" else neuron.get("leak")
    return None


def broken_alone(result: Mapping[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Network → items under l_inf: broken by searches alone, broken in all, attacked."""
    return {
        one["network"]: alone(one["contests"]["linf"])
        for one in result["evidence"]
        if "linf" in one["contests"]
    }


def alone(contest: Mapping[str, Any]) -> tuple[int, int, int]:
    """What members without gradients broke at their turn, after all others had tried."""
    names = (f"{kind} own margin" for kind in SEARCHES)
    by_name = {row["name"]: row["broke"] for row in contest["tallies"]}
    return sum(by_name.get(name, 0) for name in names), contest["standard"], contest["items"]


def _square() -> str:
    """How many items of the IF network only a search without gradients broke."""
    path = RESULTS / "dominance.json"
    if not path.exists():
        return ""
    found = broken_alone(json.loads(path.read_text(encoding="utf-8")))[IF_NETWORK]
    return (
        f": of the {found[1]} items that `standard` broke under l_inf on the IF network "
        f"`{IF_NETWORK}`, Square alone, which needs none, broke {found[0]} "
        "([evidence](attacks.md#dominance-of-the-standard-suite))"
    )
