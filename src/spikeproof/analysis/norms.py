"""The order of norms in tables, without the geometries themselves, which take torch."""

from __future__ import annotations

from collections.abc import Iterable

from spikeproof.catalogue import norms, rows

__all__ = ["by_order", "order_of"]


def order_of(name: str) -> float | None:
    """Return p of a threat that is an l_p norm, math.inf and 0 included; None for any other.

    Example:
        >>> order_of("linf"), order_of("counts")
        (inf, None)
    """
    known = norms()
    if name in known or name in rows("threats"):
        return known.get(name)
    from spikeproof.threats import shown_facts  # another package's

    return shown_facts(name).order


def by_order(names: Iterable[str]) -> list[str]:
    """Return those of the threats that are an l_p norm, from large to small p.

    Example:
        >>> by_order(["counts", "l0", "linf", "l2"])
        ['linf', 'l2', 'l0']
    """
    orders = {name: order_of(name) for name in names}
    known = [(-order, name) for name, order in orders.items() if order is not None]
    return [name for _, name in sorted(known)]
