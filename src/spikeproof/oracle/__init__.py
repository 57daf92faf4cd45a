"""How the attacker sees a model."""

from spikeproof.oracle.oracle import Oracle, Passes

__all__ = ["Oracle", "Passes"]
