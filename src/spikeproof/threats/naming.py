"""Threats as a person writes them: a norm and a radius in a text."""

from __future__ import annotations

import re
from fractions import Fraction

from spikeproof.base import SettingError
from spikeproof.data import Domain, Views
from spikeproof.threats.registry import geometry_named
from spikeproof.threats.threat import Threat

__all__ = ["radius_of", "threat_from"]

_NUMBER = r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?"
_RADIUS = re.compile(rf"({_NUMBER})(?:/({_NUMBER}))?")
_SPELT = {"inf": "linf", "linfinity": "linf", "0": "l0", "1": "l1", "2": "l2"}


def threat_from(norm: object, radius: object, domain: Domain | Views) -> Threat:
    """Return the threat of a norm and a radius, on the domain that its geometry lives on.

    Args:
        norm: A name such as ``"linf"``, ``"Linf"``, ``"L2"`` or ``"l0-features"``; 1, 2 and
            ``math.inf`` too; or a text that holds the radius as well, ``"linf:8/255"``.
        radius: A number, or a text such as ``"8/255"``; None where the norm holds it.
        domain: Legal inputs.
    Raises:
        SettingError: an unknown norm, no radius or two, or one that makes no sense.
    Example:
        >>> domain = Domain(kind="image", shape=(1, 2, 2))
        >>> threat_from("L2", 0.5, domain).name, threat_from("linf:8/255", None, domain).radius
        ('l2', 0.03137254901960784)
    """
    name, colon, own = str(norm).strip().partition(":")
    if colon and radius is not None:
        raise SettingError(f"The threat {norm!r} has a radius, and {radius!r} is given beside it.")
    chosen = own if colon else radius
    if chosen is None:
        raise SettingError(f"How far may {norm!r} go? Give a radius (eps), such as 8/255.")
    bare = re.sub(r"(?<=^l)_|\.0$", "", name.lower())
    geometry = geometry_named(_SPELT.get(bare, bare))
    far = geometry.radius_from(radius_of(chosen))
    return Threat(geometry, far, domain if geometry.grid else domain.relaxed())


def radius_of(radius: object) -> float:
    """Return a radius as a number; a text may be a decimal or a fraction.

    Raises:
        SettingError: it is neither.
    Example:
        >>> radius_of("8/255") == 8 / 255
        True
    """
    if not isinstance(radius, str):
        item = getattr(radius, "item", None)  # of numpy and of torch
        return item() if callable(item) else radius  # type: ignore[return-value]
    found = _RADIUS.fullmatch(radius.replace(" ", ""))
    try:
        if found is None:
            raise ValueError
        # Divided as Python divides, so that "8/255" is 8 / 255 to the last bit.
        return float(Fraction(found[1]) / Fraction(found[2] or 1))
    except (ArithmeticError, ValueError):
        raise SettingError(
            f"{radius!r} is not a radius; write a number such as 0.1 or a fraction such as 8/255."
        ) from None
