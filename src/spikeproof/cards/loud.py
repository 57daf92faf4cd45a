"""Radii of a card in decibels, where its inputs are sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikeproof.base import FileProblem
from spikeproof.data import domain_from
from spikeproof.names import radius_text
from spikeproof.threats import Threat

__all__ = ["check_decibels", "decibels_at", "told_radius"]


def told_radius(stated: Mapping[str, Any], name: str, radius: float) -> str:
    """Return a radius as text, and behind it its decibels where the card states them.

    Args:
        stated: What the card states.
        name: Name of the threat.
        radius: Its radius.
    Example:
        >>> asked = {"threat": {"name": "linf", "radii": [0.1]}, "decibels": ["-20.0 dBFS"]}
        >>> told_radius({"threats": [asked]}, "linf", 0.1), told_radius({"threats": []}, "l2", 2.0)
        ('0.1 (-20.0 dBFS)', '2')
    """
    text = radius_text(radius)
    for asked in stated["threats"]:
        if asked["threat"]["name"] == name:
            told = zip(asked["threat"]["radii"], asked.get("decibels", ()), strict=False)
            loud = next((one for r, one in told if radius_text(r) == text), "")
            return f"{text} ({loud})" if loud else text
    return text


def check_decibels(asked: Mapping[str, Any], ladder: Sequence[Threat], where: str) -> None:
    """Raise where a card states other decibels than its radii have; cards of before state none.

    Args:
        asked: One threat of the card.
        ladder: The same at each of its radii.
        where: The card, for the error.
    Raises:
        FileProblem: they differ.
    """
    wanted = [threat.level for threat in ladder]
    if asked.get("decibels", wanted) != wanted:
        raise FileProblem(
            f"{where} says that the radii of {ladder[0].name} are {asked['decibels']!r:.100}; they "
            f"are {wanted!r:.100}."
        )


def decibels_at(content: Mapping[str, Any], threat: Mapping[str, Any], radius: float) -> str:
    """Return a radius of a card that holds in decibels, as text; none where it is on no sound.

    Args:
        content: The card.
        threat: Record of the threat, without radii.
        radius: Its radius.
    """
    domain = domain_from(content["computed"]["network"]["architecture"]["domain"])
    return Threat.from_record({**threat, "radius": radius}, domain).level
