"""The paragraph about flags on healthy networks says what was measured, and no stop was wrong."""

from __future__ import annotations

import json
from typing import Any

from research.pages import alarms


def flag(name: str, **more: Any) -> dict[str, Any]:
    """A flag as the result holds it."""
    return {"name": name, "stop": False, "expected": False, **more}


def check(more: int) -> dict[str, Any]:
    """What the larger suite said."""
    return {"threat": "linf", "check": {"standing": 8, "more": more, "seconds": 1.0}}


def test_flags_are_counted_by_whether_they_hold() -> None:
    after = [flag("rising", **check(0)), flag("rising", threat="l2")]
    rows = [
        {"flags": [flag("rules", expected=True), flag("rising", **check(2))]},
        {"flags": [*after, flag("state", stop=True), flag("chance")]},
    ]
    assert alarms.counts(rows) == {
        "networks": 2,
        "stops": 1,
        "flags": 5,
        "expected": 1,
        "after": 3,
        "checked": 2,
        "held": 1,
        "others": 2,
    }


def test_the_page_is_current_and_no_healthy_network_is_stopped() -> None:
    assert alarms.PAGE.read_text(encoding="utf-8") == alarms.page()
    rows = json.loads(alarms.RESULT.read_text(encoding="utf-8"))["rows"]
    assert len(rows) >= 12 and len({row["data"] for row in rows}) >= 3
    assert not [f for row in rows for f in row["flags"] if f["stop"] and not f["expected"]]
