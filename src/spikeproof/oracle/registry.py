"""Kinds of gradient paths, and the plain records that configuration files and results hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry, settings_from
from spikeproof.neurons import Surrogate
from spikeproof.oracle.gradient import Path
from spikeproof.oracle.gradients.assg import ASSG
from spikeproof.oracle.gradients.bptr import BPTR
from spikeproof.oracle.gradients.conversion import Conversion
from spikeproof.oracle.gradients.expectation import Expectation, Mean, Replay
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.gradients.mixture import Mixture
from spikeproof.oracle.gradients.pdsg import PDSG
from spikeproof.oracle.gradients.rga import RGA
from spikeproof.oracle.gradients.smoothing import Smoothing

__all__ = ["PATHS", "path_from", "path_record"]


class _Paths(Registry[Path]):
    """A registry that also knows the paths inside a path."""

    def build(self, record: Mapping[str, Any] | str) -> Path:
        """Build a path from its record or its bare kind."""
        values: dict[str, Any] = {"kind": record} if isinstance(record, str) else dict(record)
        if "path" in values:
            values["path"] = path_from(values["path"])
        if "paths" in values:
            values["paths"] = tuple(path_from(part) for part in values["paths"])
        return super().build(values)

    def record(self, member: Path) -> dict[str, Any]:
        """Return the plain record of a path."""
        kind, values = self.kind(member), {}
        for field in dataclasses.fields(member):  # type: ignore[arg-type]
            value = getattr(member, field.name)
            if field.name == "path":
                value = path_record(value)
            elif field.name == "paths":
                value = [self.record(part) for part in value]
            values[field.name] = value
        return {"kind": kind, **values}


PATHS: Registry[Path] = _Paths(
    "path",
    {
        "assg": ASSG,
        "bptr": BPTR,
        "conversion": Conversion,
        "expectation": Expectation,
        "hart": HART,
        "mean": Mean,
        "mixture": Mixture,
        "pdsg": PDSG,
        "replay": Replay,
        "rga": RGA,
        "smoothing": Smoothing,
        "surrogate": Surrogate,
    },
)


def path_record(path: Path | None) -> dict[str, Any] | None:
    """Return the plain record of a path; None, the network's own surrogates, stays None.

    Example:
        >>> path_record(HART(sharpness=2.0))
        {'kind': 'hart', 'sharpness': 2.0}
    """
    return None if path is None else PATHS.record(path)


def path_from(record: Mapping[str, Any] | str | None, where: str = "path") -> Path | None:
    """Build a path from its record; a record without a kind is that of a plain surrogate.

    Args:
        record: What ``path_record`` returned, a bare kind, or the three settings of a surrogate.
        where: What to call the place in an error about a plain surrogate.
    """
    if record is None:
        return None
    if isinstance(record, str) or "kind" in record:
        return PATHS.build(record)
    return settings_from(Surrogate, record, where)
