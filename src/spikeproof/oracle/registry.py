"""Kinds of gradient rule, and the plain records that configuration files and results hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spikeproof.base import Registry
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


GRADIENTS: Registry[GradientRule] = Registry(
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
    group="spikeproof.gradients",
    of=GradientRule,
    bare="surrogate",  # older records hold the settings of a surrogate alone
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
    return None if record is None else GRADIENTS.build(record, place=where)
