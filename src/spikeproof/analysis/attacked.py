"""How the networks of a run were attacked: suites, their members, and who broke what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spikeproof.analysis.records import CellRecord

__all__ = ["MemberUse", "SuiteUse", "breaks", "suites_used"]

_COUNTS = ("tried", "broke", "skipped", "unaffordable", "forward", "backward", "rising")


@dataclass(frozen=True, kw_only=True)
class MemberUse:
    """What one member of a suite did in a run.

    Args:
        name: As records write it.
        record: How it was set; empty for the random draws after the suite, and where a record does
            not say.
        tried: Items it attacked, over all networks, threats and radii; None where not recorded.
        broke: Items that it broke first, each counted once per network and threat.
        skipped: Standing items it passed over.
        unaffordable: Items for which the budget was spent.
        forward: Forward passes of single items.
        backward: Backward passes.
        broke_by: Data set and training → what it broke of them.
        rising: Attacks on an item that broke nothing and ended while the loss still rose.
    """

    name: str
    record: Mapping[str, Any]
    tried: int | None
    broke: int
    skipped: int = 0
    unaffordable: int = 0
    forward: int | None = None
    backward: int | None = None
    broke_by: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rising: int = 0

    @property
    def ran(self) -> bool:
        """Whether it attacked anything; some serve no threat of a run, or found nothing left."""
        return bool(self.tried or self.forward or self.broke)

    @property
    def gradient_free(self) -> bool:
        """Whether it attacked without taking any gradient."""
        return bool(self.forward) and self.backward == 0


@dataclass(frozen=True, kw_only=True)
class SuiteUse:
    """How networks were attacked by one suite.

    Args:
        name: Of the suite.
        members: In their order, the random draws after them.
        items: Attacks on an item: items times radii, summed over networks and threats.
        forward: Forward passes in all, those of random draws and checks among them.
        backward: Backward passes.
        draws: Random changes per item and radius.
        budget: What the attacks of a cell might spend; None without a limit.
        untried: Kinds of attack of the larger suites that this one lacks.
        unused: Kinds of gradient rule of the larger suites that this one lacks.
    """

    name: str
    members: tuple[MemberUse, ...]
    items: int
    forward: int
    backward: int
    draws: int | None = None
    budget: str | None = None
    untried: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def gradient_free(self) -> tuple[MemberUse, ...]:
        """Members that attacked without any gradient."""
        return tuple(member for member in self.members if member.gradient_free)


def suites_used(cells: Sequence[CellRecord]) -> tuple[SuiteUse, ...]:
    """Return what each suite of a run did, from the records of its attack cells.

    Args:
        cells: The completed cells.
    """
    attacks = [cell for cell in cells if cell.kind == "attack"]
    names = dict.fromkeys(_suite_name(cell) for cell in attacks)
    return tuple(
        _used(name, [cell for cell in attacks if _suite_name(cell) == name]) for name in names
    )


def _suite_name(cell: CellRecord) -> str:
    return str(cell.cell.get("suite", {}).get("name", "of its own"))


def _used(name: str, cells: Sequence[CellRecord]) -> SuiteUse:
    """One suite over all cells that it attacked."""
    passes = [cell.result.get("passes", {}) for cell in cells]
    kinds, rules = _lacking(name, cells[0].cell.get("suite", {}).get("members", ()))
    return SuiteUse(
        name=name,
        members=_members(cells),
        items=sum(int(c.result["n"]) * len(c.cell["threat"]["radii"]) for c in cells),
        forward=sum(int(one.get("forward", 0)) for one in passes),
        backward=sum(int(one.get("backward", 0)) for one in passes),
        draws=next((int(c.cell["draws"]) for c in cells if "draws" in c.cell), None),
        budget=next((str(c.cell["budget"]) for c in cells if c.cell.get("budget")), None),
        untried=kinds,
        unused=rules,
    )


def _members(cells: Sequence[CellRecord]) -> tuple[MemberUse, ...]:
    """The members, summed over cells: two of one name differ by their places."""
    sums: dict[tuple[int, str], dict[str, Any]] = {}
    for cell in cells:
        asked = cell.cell.get("suite", {}).get("members", ())
        records = _matched(cell.result.get("members", ()), asked)
        for place, member in enumerate(cell.result.get("members", ())):
            name = str(member["name"])
            total = sums.setdefault((place, name), {"record": records[place], "by": {}})
            counts = {"broke": sum(member.get("first_breaks", ())), **member}
            for key in _COUNTS:
                if counts.get(key) is not None:
                    total[key] = total.get(key, 0) + int(counts[key])
            where = (cell.data, cell.training)
            total["by"][where] = total["by"].get(where, 0) + int(counts["broke"])
    return tuple(
        MemberUse(
            name=name,
            record=total["record"],
            tried=total.get("tried"),
            broke=total.get("broke", 0),
            skipped=total.get("skipped", 0),
            unaffordable=total.get("unaffordable", 0),
            forward=total.get("forward"),
            backward=total.get("backward"),
            broke_by=total["by"],
            rising=total.get("rising", 0),
        )
        for (_, name), total in sums.items()
    )


def _matched(
    done: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The record of each member that has one: by its name, or as the suite was fitted to a network
    (under the network's own gradient, or averaged over draws) by its attack and loss."""
    free = {str(record.get("name")): record for record in asked}
    found = []
    for member in done:
        name = str(member["name"])
        ends = name.split()[0], name.split()[-1]
        fitting = [
            other
            for other, record in free.items()
            if ((record.get("attack") or {}).get("kind"), record.get("loss")) == ends
        ]
        key = name if name in free else next(iter(fitting), None)
        found.append({} if key is None else free.pop(key))
    return found


def breaks(cells: Iterable[CellRecord]) -> Iterator[dict[str, Any]]:
    """Yield a row per attack cell, radius and member: who was first to break how many items.

    Args:
        cells: Completed cells; those that are no attacks are passed over.
    """
    for cell in (cell for cell in cells if cell.kind == "attack"):
        threat = cell.cell["threat"]
        for member in cell.result.get("members", ()):
            for level, count in enumerate(member.get("first_breaks", ())):
                yield {
                    "data": cell.data,
                    "training": cell.training,
                    "seed": cell.seed,
                    "threat": str(threat["name"]),
                    "radius": float(threat["radii"][level]),
                    "member": str(member["name"]),
                    "first_breaks": int(count),
                    "turns_all_radii": member.get("tried"),
                    "forward_all_radii": member.get("forward"),
                    "backward_all_radii": member.get("backward"),
                    "suite": (cell.cell.get("suite") or {}).get("name"),
                    "cell": cell.id,
                }


def _lacking(name: str, members: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """Kinds of attack, and of gradient rule, of larger suites that this one does not hold."""
    from spikeproof.attacks import SUITES  # takes torch, and only what is told of suites needs it

    names = list(SUITES)
    larger = names[names.index(name) + 1 :] if name in names else names
    records = [one for suite in larger for one in SUITES[suite].record()["members"]]
    return tuple(
        tuple(sorted(_kinds(records, key) - _kinds(members, key))) for key in ("attack", "gradient")
    )


def _kinds(members: Sequence[Mapping[str, Any]], key: str) -> set[str]:
    """Every kind of attack or gradient rule in members, also inside others."""
    found: set[str] = set()
    for member in members:
        inner = member.get(key)
        while isinstance(inner, Mapping):
            found.add(str(inner.get("kind", "")))
            inner = inner.get(key)
    return found - {""}
