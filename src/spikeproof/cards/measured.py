"""Every number of a card, computed from its evidence, its weights and the data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikeproof.base import FileProblem, digest_arrays
from spikeproof.cards.evidence import Evidence
from spikeproof.data import Dataset, Split, domain_record
from spikeproof.evaluate import rescore_ladder
from spikeproof.metrics import Intervals
from spikeproof.models import Network, model_digest
from spikeproof.names import counted
from spikeproof.rescore import Rescored

__all__ = ["SecondLook", "data_facts", "network_facts", "scored"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class SecondLook:
    """What scoring the evidence of a card again gave.

    Args:
        numbers: ``clean``, ``threats`` and ``union`` of the card.
        inputs: Adversarial inputs that were scored.
        rounding: Answers that hang on the rounding of single precision.
        own: Whether a forward pass of its own decided.
    """

    numbers: dict[str, Any]
    inputs: int
    rounding: int
    own: bool


def network_facts(network: Network) -> dict[str, Any]:
    """What a network is, from the network itself."""
    return {
        "architecture": network.spec.record(),
        "parameters": sum(each.numel() for each in network.parameters()),
        "sha256": model_digest(network),
    }


def data_facts(data: Dataset, split: Split) -> dict[str, Any]:
    """What the items are, from the data set itself."""
    spec = data.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "sha256": spec.sha256,
        "modality": spec.modality,
        "classes": spec.classes,
        "licence": spec.licence,
        "source": spec.source,
        "domain": domain_record(data.domain),
        "train": len(data.train),
        "validation": len(data.validation),
        "items": len(split),
        "items_sha256": digest_arrays({"items": split.items.numpy()}),
    }


def scored(evidence: Evidence, split: Split, model: Path, domain: Mapping[str, Any]) -> SecondLook:
    """Score all evidence again and compute the numbers that follow from it.

    Args:
        evidence: The arrays of the card.
        split: The items that they are about.
        model: File of the network, compared with its hash.
        domain: Record of the legal inputs.
    Returns:
        The numbers.
    Raises:
        FileProblem: an input does not break its item, is illegal, or is missing; an item is not
            right, or wrong, as the arrays say; the first of these is named.
    Cost:
        One forward pass per input, and one per item and threat.
    """
    if not np.array_equal(evidence.items, split.items.numpy()):
        raise FileProblem(f"The evidence beside {model} is about other items than its card.")
    looks = [
        _held(rescore_ladder(evidence.kept(ladder, domain), split, model), model, ladder)
        for ladder in evidence.ladders or (None,)
    ]
    threats = [
        [
            {"radius": float(radius), **_share(evidence.correct & ~broken)}
            for radius, broken in zip(one.threat["radii"], one.broken, strict=True)
        ]
        for one in evidence.ladders
    ]
    numbers = {"clean": _share(evidence.correct), "threats": threats, "union": _union(evidence)}
    return SecondLook(
        numbers=numbers,
        inputs=sum(look.inputs for look in looks),
        rounding=sum(look.rounding for look in looks),
        own=all(look.own for look in looks),
    )


def _held(look: Rescored, model: Path, ladder: Any) -> Rescored:
    """A second look that agrees with what was said; FileProblem where it does not."""
    if look.holds:
        return look
    under = "" if ladder is None else f" under {ladder.threat['name']}"
    first = f": {look.disagreements[0]}" if look.disagreements else ""
    count = counted(len(look.disagreements), "item")
    raise FileProblem(
        f"The evidence beside {model}{under} does not hold for {count}{first}; the network, the "
        "inputs or the record were changed, or belong to another card."
    )


def _union(evidence: Evidence) -> dict[str, Any] | None:
    """Survival of every threat at once, at its middle radius; None where nothing attacked."""
    if not evidence.ladders:
        return None
    alive, members = evidence.correct.copy(), []
    for one in evidence.ladders:
        middle = len(one.threat["radii"]) // 2
        alive &= ~one.broken[middle]
        members.append([str(one.threat["name"]), float(one.threat["radii"][middle])])
    return {"members": members, **_share(alive)}


def _share(alive: Array) -> dict[str, Any]:
    """A share of items with its interval over items, as reports of one network have it."""
    found = Intervals(1, len(alive)).share(alive[None].astype(np.float64))
    return {"accuracy": found.value, "low": found.low, "high": found.high}
