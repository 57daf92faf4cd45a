"""Sentences about robustness and masking that the verdicts changed; lines of a table."""

from __future__ import annotations

__all__ = ["SENTENCES"]

# Where, before, now, because.
SENTENCES: tuple[tuple[str, str, str, str], ...] = ()
