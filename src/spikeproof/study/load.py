"""From a TOML file, or the name of a plan that comes with the package, to a checked plan."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

from spikeproof.base import (
    FileProblem,
    check_depth,
    old_spelling,
    placed,
    read_text,
    suggestion,
)
from spikeproof.study.assemble import check_names
from spikeproof.study.engine import executor_from
from spikeproof.study.plan import Plan

__all__ = ["RESEARCH", "load_plan", "plans"]

_LARGEST = 1 << 22  # bytes of a plan
# A key of so many parts. The parser remembers every beginning of it, which takes gigabytes for a
# key of a few kilobytes; no part is looked at from its middle, so that the time stays linear.
_DEEP_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){64}")

# Plans of the project's research, which lie in a checkout, under research/plans.
RESEARCH = (
    "contest-standard", "contest-standard-digits", "modalities-folds", "modalities-fsdd",
    "modalities-i2e-cifar10", "modalities-i2e-fashion", "modalities-pairs", "sparsity", "synchrony",
    "training", "training-standard", "transfer-1000",
)  # fmt: skip


def plans() -> list[str]:
    """Return the names of the plans that come with the package."""
    folder = resources.files("spikeproof.study") / "plans"
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml"))


def load_plan(path: Path | str) -> Plan:
    """Read a plan from a TOML file, or take one that comes with the package by its name.

    Args:
        path: A file, or a name from ``plans()``.
    Returns:
        The plan; every key, type and name in it has been checked.
    Raises:
        FileProblem: no such file, or not TOML (the line is named).
        SettingError: an unknown key or name (the nearest known one is named), a missing key, or
            a value of the wrong type.
    Example:
        >>> load_plan("quick").seeds
        (0,)
    """
    name = str(path)
    if name in plans():
        text, where = _shipped(name), f"plan {name!r}"
    else:
        text, where = _read(Path(path)), name
    if _DEEP_KEY.search(text):
        raise FileProblem(f"Cannot read {where}: it is nested too deep; at most 64 are read.")
    try:
        values = tomllib.loads(text)
        check_depth(values)
    except tomllib.TOMLDecodeError as problem:
        raise FileProblem(f"{where} is not TOML: {problem}.") from None
    except (RecursionError, ValueError) as problem:
        why = "it is nested too deep" if isinstance(problem, RecursionError) else str(problem)
        raise FileProblem(f"Cannot read {where}: {why}.") from None
    for table in values.get("training", ()):
        if isinstance(table, dict) and "rules" in table:
            old_spelling("rules", "hooks", f"{where}: [[training]] {table.get('name', '')!r}")
    plan = Plan.from_record(values, where)
    plan = replace(
        plan,
        network=tuple(one.beside(Path(path)) for one in plan.network),
        data=tuple(one.beside(Path(path)) for one in plan.data),
    )
    check_names(plan, where)
    with placed(f"{where}: [compute]"):
        executor_from(plan.compute.executor, plan.workers)
    return plan


def _shipped(name: str) -> str:
    """The text of a plan that comes with the package."""
    return (resources.files("spikeproof.study") / "plans" / f"{name}.toml").read_text("utf-8")


def _read(path: Path) -> str:
    """The text of a plan file."""
    bare = path.suffix == "" and len(path.parts) == 1
    if bare and not path.exists():
        if str(path) in RESEARCH:
            raise FileProblem(
                f"{str(path)!r} is a plan of the project's research, not of the package; pass the "
                f"path of research/plans/{path}.toml in a checkout."
            )
        raise FileProblem(f"There is no plan at {path}. {suggestion(str(path), plans())}")
    return read_text(path, "plan", most=_LARGEST)
