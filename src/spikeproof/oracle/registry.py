"""Kinds of gradient rule, and the plain records that configuration files and results hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry, settings_from
from spikeproof.neurons import Surrogate
from spikeproof.oracle.gradient import GradientRule
from spikeproof.oracle.gradients.assg import ASSG
from spikeproof.oracle.gradients.bptr import BPTR
from spikeproof.oracle.gradients.conversion import Conversion
from spikeproof.oracle.gradients.expectation import (
    CommonRandomNumbers,
    Expectation,
    ExpectedNetwork,
)
from spikeproof.oracle.gradients.hart import HART
from spikeproof.oracle.gradients.mixture import Mixture
from spikeproof.oracle.gradients.pdsg import PDSG
from spikeproof.oracle.gradients.rga import RGA
from spikeproof.oracle.gradients.smoothing import Smoothing

__all__ = ["GRADIENTS", "gradient_from", "gradient_record"]


class _Gradients(Registry[GradientRule]):
    """A registry that also knows the rules inside a rule."""

    def build(self, record: Mapping[str, Any] | str) -> GradientRule:
        """Build a gradient rule from its record or its bare kind."""
        values: dict[str, Any] = {"kind": record} if isinstance(record, str) else dict(record)
        if "gradient" in values:
            values["gradient"] = gradient_from(values["gradient"])
        if "gradients" in values:
            values["gradients"] = tuple(gradient_from(part) for part in values["gradients"])
        return super().build(values)

    def record(self, member: GradientRule) -> dict[str, Any]:
        """Return the plain record of a gradient rule."""
        kind, values = self.kind(member), {}
        for field in dataclasses.fields(member):  # type: ignore[arg-type]
            value = getattr(member, field.name)
            if field.name == "gradient":
                value = gradient_record(value)
            elif field.name == "gradients":
                value = [self.record(part) for part in value]
            values[field.name] = value
        return {"kind": kind, **values}


GRADIENTS: Registry[GradientRule] = _Gradients(
    "gradient",
    {
        "assg": ASSG,
        "bptr": BPTR,
        "conversion": Conversion,
        "expectation": Expectation,
        "hart": HART,
        "expected_network": ExpectedNetwork,
        "mixture": Mixture,
        "pdsg": PDSG,
        "common_random_numbers": CommonRandomNumbers,
        "rga": RGA,
        "smoothing": Smoothing,
        "surrogate": Surrogate,
    },
)


def gradient_record(gradient: GradientRule | None) -> dict[str, Any] | None:
    """Return the plain record of a gradient rule; None, the network's own surrogates, stays None.

    Example:
        >>> gradient_record(HART(sharpness=2.0))
        {'kind': 'hart', 'sharpness': 2.0}
    """
    return None if gradient is None else GRADIENTS.record(gradient)


def gradient_from(
    record: Mapping[str, Any] | str | None, where: str = "gradient"
) -> GradientRule | None:
    """Build a gradient rule from its record; a record without a kind is that of a plain surrogate.

    Args:
        record: What ``gradient_record`` returned, a bare kind, or the three settings of a
            surrogate.
        where: What to call the place in an error about a plain surrogate.
    """
    if record is None:
        return None
    if isinstance(record, str) or "kind" in record:
        return GRADIENTS.build(record)
    return settings_from(Surrogate, record, where)
