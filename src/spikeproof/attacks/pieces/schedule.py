"""How much a random search changes at a time, as its queries run out."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["share_at"]


def share_at(k: int, steps: int, first: float, marks: Sequence[tuple[int, float]]) -> float:
    """Return the share that step ``k`` of ``steps`` changes.

    The published tables are written for 10 000 queries; they are stretched to ``steps``.

    Args:
        k: Step, from 0.
        steps: How many there will be.
        first: Share at the beginning, in (0, 1].
        marks: Pairs of a query (of 10 000) and the number ``first`` is divided by after it,
            ascending.
    Returns:
        The share.
    Example:
        >>> [share_at(k, 100, 0.8, ((10, 2.0), (5000, 4.0))) for k in (0, 1, 50, 51)]
        [0.8, 0.4, 0.4, 0.2]
    """
    passed = [divisor for mark, divisor in marks if 10_000 * k > mark * steps]
    return first / passed[-1] if passed else first
