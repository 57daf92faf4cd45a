"""Kinds of attacks, and the plain records that configuration files and results hold.

Each attack registers itself above its class; the room's ``__init__`` imports them all.
"""

from __future__ import annotations

from spikeproof.attacks.attack import Attack
from spikeproof.base import Registry

__all__ = ["ATTACKS"]

ATTACKS: Registry[Attack] = Registry("attack", group="spikeproof.attacks", of=Attack)
