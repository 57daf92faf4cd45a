"""Kinds of gradient rule, and the plain records that configuration files and results hold.

Each gradient registers itself above its class; the room's ``__init__`` imports them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry
from spikeproof.neurons import Surrogate
from spikeproof.oracle.gradient import GradientRule

__all__ = ["GRADIENTS", "gradient_from", "gradient_record"]


GRADIENTS: Registry[GradientRule] = Registry(
    "gradient",
    {"surrogate": Surrogate},
    group="spikeproof.gradients",
    of=GradientRule,
    bare="surrogate",  # older records hold the settings of a surrogate alone
    renamed={"mean": "expected_network", "replay": "common_random_numbers"},
)


def gradient_record(gradient: GradientRule | None) -> dict[str, Any] | None:
    """Return the plain record of a gradient rule; None, the network's own surrogates, stays None.

    Example:
        >>> from spikeproof.oracle import HART
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
    return None if record is None else GRADIENTS.build(record, place=where)
