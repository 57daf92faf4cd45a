"""Measures of fusion under attack: which view is weaker, what fusion gains, and who rescues whom.

Every one is paired over items: a verdict of two networks, or of one network under two budgets, is
compared item by item. A standing item is right when clean and broken by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikeproof.base import InputError
from spikeproof.metrics.accuracy import Bools
from spikeproof.metrics.estimate import Estimate
from spikeproof.metrics.intervals import Intervals

__all__ = ["cross_modal_rescue", "fusion_gain", "grid_violations", "modality_gap"]


def grid_violations(broken: Bools) -> dict[str, int]:
    """Count the items on which a grid of joint budgets contradicts itself.

    An input that is legal at one budget is legal at every larger one, so an item that is broken
    somewhere is broken wherever both budgets are at least as large; that the joint budget breaks
    whatever one view alone breaks is the case of the other budget being 0.

    Args:
        broken: ``(F, G, N)``, by the budget of the first view, of the second, and item.
    Returns:
        ``"first"`` and ``"second"``: items that stand again as that budget grows; ``"single"``:
        items that one view alone breaks and the joint budget does not. All 0 in a sound grid.
    Raises:
        InputError: another shape.
    Example:
        >>> broken = np.zeros((2, 2, 3), dtype=bool)
        >>> broken[1, 0, 0] = broken[1, 1, 1] = True
        >>> grid_violations(broken)
        {'first': 0, 'second': 1, 'single': 1}
    """
    if broken.ndim != 3:
        raise InputError(f"A grid of budgets is (F, G, items); got {broken.shape}.")
    first = (broken[:-1] & ~broken[1:]).any((0, 1))
    second = (broken[:, :-1] & ~broken[:, 1:]).any((0, 1))
    alone = broken[:, :1] | broken[:1]
    return {
        "first": int(first.sum()),
        "second": int(second.sum()),
        "single": int((alone & ~broken).any((0, 1)).sum()),
    }


def modality_gap(first: Bools, second: Bools) -> Estimate:
    r"""Return how many more items stand when the first view is attacked than when the second is.

    .. math:: \frac1N \sum_i (a_i - b_i)

    with :math:`a_i`, :math:`b_i` whether item i stands under an attack on the first and on the
    second view alone, each with the same multiple of its own radius. Positive: the second view is
    the weaker one.

    Args:
        first: Which items stand with the first view attacked, ``(N,)``.
        second: The same with the second view attacked.
    Example:
        >>> one, two = np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)
        >>> modality_gap(one, two).value
        0.5
    """
    return _paired(first, second)


def fusion_gain(fused: Bools, twins: Mapping[str, Bools]) -> tuple[str, Estimate]:
    """Return how many more items the fusion keeps than the best of its unimodal twins.

    The twin that keeps most is chosen on the same items, which can only lower the gain. Each twin
    meets the budget of its own view, the fusion those of all.

    Args:
        fused: Which items of the fusion stand, ``(N,)``.
        twins: View → which items of its twin stand, ``(N,)``; at least one.
    Returns:
        The view of the best twin, of equal ones the first, and the gain over it.
    Raises:
        InputError: no twin.
    Example:
        >>> fused = np.array([1, 1, 1, 0], bool)
        >>> fusion_gain(fused, {"image": ~fused, "audio": np.array([1, 1, 0, 0], bool)})[0]
        'audio'

    References:
        tian2021can
    """
    if not twins:
        raise InputError("A fusion gain needs the items of at least one unimodal twin; got none.")
    best = max(twins, key=lambda view: float(np.mean(twins[view])))
    return best, _paired(fused, twins[best])


def cross_modal_rescue(fused: Bools, twin_broken: Bools) -> Estimate:
    """Return the share of items broken in the twin of one view that the fusion keeps.

    Both are attacked in that view alone with the same budget: what the fusion keeps, the other
    view has rescued. Items that the twin keeps, or misses when clean, say nothing and are left
    out; NaN where none is left.

    Args:
        fused: Which items of the fusion stand, ``(N,)``.
        twin_broken: Which items the twin has right when clean and loses to the attack, ``(N,)``.
    Example:
        >>> lost = np.array([1, 1, 0, 0], bool)
        >>> cross_modal_rescue(np.array([1, 0, 1, 1], bool), lost).value
        0.5
    """
    fused, lost = _two(fused, twin_broken)
    table = np.where(lost, fused, np.nan)[None]
    return Intervals(1, table.shape[1]).share(table)


def _paired(first: Bools, second: Bools) -> Estimate:
    """The mean difference of two verdicts per item."""
    one, two = _two(first, second)
    return Intervals(1, len(one)).difference(one[None].astype(float), two[None].astype(float))


def _two(first: Bools, second: Bools) -> tuple[Bools, Bools]:
    """Both as arrays over the same items."""
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.ndim != 1 or one.shape != two.shape or not len(one):
        raise InputError(
            f"Paired measures need verdicts on the same items, (N,); got {one.shape} and "
            f"{two.shape}."
        )
    return one, two
