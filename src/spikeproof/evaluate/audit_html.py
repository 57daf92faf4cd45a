"""An audit as a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikeproof.base import html_table
from spikeproof.names import radius_text

__all__ = ["audit_html"]

_HEADS = ("threat", "radius", "random %", "robust %", "95 % interval")


def audit_html(content: Mapping[str, Any], lines: Sequence[str] = ()) -> str:
    """Return the table of an audit as HTML; every text in it is escaped, and nothing is loaded.

    Args:
        content: What ``Audit.to_dict`` returned.
        lines: What stands below: flags, and what a budget left.
    """
    rows = [_row("clean", "", None, content["clean_accuracy"], content["clean_interval"])]
    for threat in content["threats"]:
        for row in threat["rows"]:
            numbers = row["random"], row["robust"], row["interval"]
            level = f" ({row['level']})" if "level" in row else ""
            rows.append(_row(threat["name"], radius_text(row["radius"]) + level, *numbers))
    rows.append(_row("union", "", None, content["union_accuracy"], content["union_interval"]))
    caption = (
        f"{content['data']}: {content['n']} test items, suite {content['suite']}, "
        f"seed {content['seed']}"
    )
    return html_table(_HEADS, rows, caption=caption, notes="\n".join(lines))


def _row(
    name: str,
    radius: str,
    random: float | None,
    robust: float | None,
    ends: Sequence[float] | None,
) -> list[str]:
    """A row of the table."""
    drawn = "" if random is None else f"{100 * random:.1f}"
    if robust is None or ends is None:
        return [name, radius, drawn, "withheld", ""]
    low, high = (100 * end for end in ends)
    return [name, radius, drawn, f"{100 * robust:.1f}", f"{low:.1f} to {high:.1f}"]
