"""The tables of a plan file, each as its settings object, with its place in every error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from spikeproof.base import SettingError, settings_from
from spikeproof.study.inputs import InputsPlan
from spikeproof.study.timing import TimingPlan

__all__ = ["tables_of"]

T = TypeVar("T")


def tables_of(cls: type[T], values: Mapping[str, Any], key: str, where: str) -> tuple[T, ...]:
    """Return the tables ``[[key]]`` of a plan as settings objects.

    Args:
        cls: Of the objects.
        values: The plan as plain data.
        key: What the tables are headed.
        where: What to call the plan in an error.
    Raises:
        SettingError: no tables, an unknown key, or a value that does not fit; its place is named.
    """
    tables = values.get(key, ())
    if not isinstance(tables, list | tuple) or not all(isinstance(t, Mapping) for t in tables):
        raise SettingError(f"{where}: {key} must be written as tables headed [[{key}]].")
    out = []
    for number, table in enumerate(tables):
        place = f"{where}: [[{key}]] {table.get('name', f'number {number + 1}')!r}"
        table = dict(table)
        if "rules" in table and "hooks" not in table:  # as Plan.record writes it
            table["hooks"] = table.pop("rules")
        if "timing" in table:
            table["timing"] = TimingPlan.from_value(table["timing"], f"{place}: timing")
        if isinstance(table.get("inputs"), Mapping):
            table["inputs"] = InputsPlan.from_table(table["inputs"], f"{place}: inputs")
        threats = table.get("threats", "all")
        if key == "data" and isinstance(threats, str) and threats != "all":
            # By hand: pydantic's sentence for a union says too little.
            raise SettingError(
                f"{place}: threats must be 'all' or a list of names; got {threats!r}."
            )
        out.append(settings_from(cls, table, place))
    return tuple(out)
