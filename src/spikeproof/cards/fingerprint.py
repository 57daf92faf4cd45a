"""The forward fingerprint of a network: what it answers to a few inputs that a formula makes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spikeproof.evaluate import plain_logits
from spikeproof.models import Network
from spikeproof.rescore import StoredNetwork

__all__ = ["fingerprint", "fingerprint_inputs", "same_fingerprint"]

Array = np.ndarray[Any, Any]
_INPUTS, _DIGITS = 8, 5
_GOLDEN = (math.sqrt(5.0) - 1) / 2
_NEAR, _SLACK = 1e-5, 1e-3
_MAY_TURN = 2  # inputs whose answer rounding may turn where no second forward pass decides


def fingerprint_inputs(domain: Mapping[str, Any]) -> Array:
    """Return the eight inputs of a fingerprint, a pure function of the domain.

    Value number k of all inputs, counted from 1, lies at the fractional part of k times the golden
    ratio between the ends of its box, which fills the box evenly; whole numbers are rounded down.

    Args:
        domain: Record of the legal inputs.
    Returns:
        float32 ``(8, *shape)``.
    Example:
        >>> x = fingerprint_inputs({"kind": "real", "shape": [2], "low": 0.0, "high": 1.0})
        >>> x.shape, [round(float(v), 3) for v in x[0]]
        ((8, 2), [0.618, 0.236])
    """
    parts = [part for _, part in domain["views"]] if "views" in domain else [domain]
    sizes = [math.prod(part["shape"]) for part in parts]
    share = np.modf(np.arange(1, _INPUTS * sum(sizes) + 1, dtype=np.float64) * _GOLDEN)[0]
    share = share.reshape(_INPUTS, -1)
    columns, begin = [], 0
    for part, size in zip(parts, sizes, strict=True):
        low, high = float(part.get("low", 0.0)), float(part.get("high", 1.0))
        own = share[:, begin : begin + size]
        if part.get("integer"):
            columns.append(np.minimum(np.floor(low + own * (high - low + 1)), high))
        else:
            columns.append(low + own * (high - low))
        begin += size
    flat = np.concatenate(columns, axis=1).astype(np.float32)
    return flat if "views" in domain else flat.reshape(_INPUTS, *domain["shape"])


def fingerprint(network: Network, domain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the logits of the plain forward pass on the inputs of the fingerprint.

    Args:
        network: The network.
        domain: Record of its legal inputs.
    Cost:
        Eight forward passes of single items.
    """
    logits = plain_logits(network, torch.from_numpy(fingerprint_inputs(domain))).double().numpy()
    return {"inputs": _INPUTS, "logits": np.round(logits, _DIGITS).tolist()}


def same_fingerprint(
    stated: Mapping[str, Any], network: Network, model: Path, domain: Mapping[str, Any]
) -> bool:
    """Whether a network answers as its fingerprint says.

    A forward pass that shares no code with the package decides where the network is of a kind that
    it knows; an input on which a membrane comes within 1e-5 of its threshold may then be answered
    otherwise. Where there is none, the plain forward pass decides, and up to two of the eight
    inputs may differ, as other machines round otherwise.

    Args:
        stated: What ``fingerprint`` returned.
        network: The network.
        model: Its file, compared with its hash.
        domain: Record of its legal inputs.
    """
    x = fingerprint_inputs(domain)
    found = np.asarray(fingerprint(network, domain)["logits"])
    logits = np.asarray(stated["logits"], dtype=np.float64)
    if stated["inputs"] != _INPUTS or set(stated) != {"inputs", "logits"}:
        return False
    if logits.shape != found.shape or not np.isfinite(logits).all():
        return False
    own = StoredNetwork.read(model)
    if own is None:
        return int((~_close(logits, found)).sum()) <= _MAY_TURN
    second, nearest = own.logits(x)
    return bool((_close(logits, second) | ((nearest < _NEAR) & _close(logits, found))).all())


def _close(one: Array, other: Array) -> Array:
    """Which rows of logits agree, but for rounding."""
    return np.asarray((np.abs(one - other) <= _SLACK * (1 + np.abs(other))).all(1))
