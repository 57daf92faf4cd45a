"""Kinds of terms; each registers itself, and the room's ``__init__`` imports them all."""

from __future__ import annotations

from spikeproof.base import Registry
from spikeproof.train.terms.forward import Term

__all__ = ["TERMS"]

TERMS: Registry[Term] = Registry("term", group="spikeproof.terms", of=Term)
