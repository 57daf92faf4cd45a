"""Joint budgets by how one total is divided over the views, and by their names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from spikeproof.base import SettingError, suggestion
from spikeproof.threats.geometry import Geometry
from spikeproof.threats.joint import Joint
from spikeproof.threats.l2 import L2
from spikeproof.threats.linf import Linf

__all__ = ["equal_totals", "joint_named", "only_view", "split_l2", "split_relative"]

_PARTS = re.compile(r"[0-9]{1,3}(?:-[0-9]{1,3})*")


def only_view(views: Mapping[str, tuple[Geometry, float]], name: str) -> Joint:
    """Return the joint budget that leaves one view to the attacker and every other bit as it was.

    Args:
        views: Name of the view → its geometry and its radius.
        name: The view that may move.
    Raises:
        SettingError: an unknown view.
    Example:
        >>> only_view({"image": (Linf(), 0.1), "audio": (Linf(), 0.01)}, "audio").name
        'joint-only-audio'
    """
    if name not in views:
        raise SettingError(f"joint-only: unknown view {name!r}. {suggestion(name, list(views))}")
    return Joint({name: views[name]}, division=f"only-{name}")


def split_l2(shares: Mapping[str, float]) -> Joint:
    r"""Return l_2 budgets per view whose total length is the radius of the threat.

    .. math:: r_v = R \sqrt{w_v}, \qquad \sum_v w_v = 1

    so that an input that uses every view up has moved by exactly :math:`R` over all views, however
    the budget is divided. A share of 0 leaves the view as it was.

    Args:
        shares: Name of the view → its share :math:`w_v` of the squared total.
    Raises:
        SettingError: a negative share, or shares that do not add up to 1.
    Example:
        >>> split_l2({"image": 0.36, "audio": 0.64}).views
        {'image': (L2(), 0.6), 'audio': (L2(), 0.8)}
    """
    _check_shares(shares)
    radii = {name: (L2(), math.sqrt(share)) for name, share in shares.items() if share}
    return Joint(radii, division="-".join(["l2", *_percents(shares)]))


def split_relative(
    views: Mapping[str, tuple[Geometry, float]], shares: Mapping[str, float]
) -> Joint:
    r"""Return budgets per view that add up to the radius, in multiples of each view's own radius.

    .. math:: r_v = R\,w_v\,\epsilon_v, \qquad \sum_v w_v = 1

    Args:
        views: Name of the view → its geometry and its own radius :math:`\epsilon_v`.
        shares: Name of the view → its share of the total; a view without one stays as it was.
    Raises:
        SettingError: an unknown view, a negative share, or shares that do not add up to 1.
    Example:
        >>> own = {"image": (Linf(), 0.1), "audio": (Linf(), 0.02)}
        >>> split_relative(own, {"image": 0.5, "audio": 0.5}).views
        {'image': (Linf(), 0.05), 'audio': (Linf(), 0.01)}
    """
    _check_shares(shares)
    for name in shares:
        if name not in views:
            raise SettingError(f"A split names {name!r}. {suggestion(name, list(views))}")
    parts = {n: (views[n][0], share * views[n][1]) for n, share in shares.items() if share}
    return Joint(parts, division="-".join(["split", *_percents(shares)]))


def equal_totals(names: tuple[str, str], parts: int) -> Iterator[dict[str, float]]:
    """Yield divisions of one total over two views, from all for the second to all for the first.

    Args:
        names: The two views.
        parts: Into how many equal parts the total is cut, at least 1.
    Raises:
        SettingError: fewer parts than 1, or one view twice.
    Example:
        >>> [shares["image"] for shares in equal_totals(("image", "audio"), 4)]
        [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    first, second = names
    if parts < 1 or first == second:
        raise SettingError(
            f"equal_totals needs two different views and at least one part; got {names} and "
            f"{parts}."
        )
    for part in range(parts + 1):
        yield {first: part / parts, second: (parts - part) / parts}


def joint_named(name: str, own: Mapping[str, float]) -> Joint:
    """Return the joint budget of a name, from the l_inf radii of the views of a data set.

    ``joint`` gives each view its own radius; ``joint-only-VIEW`` one view and no other;
    ``joint-split`` divides one factor equally and ``joint-split-25-75`` in these percents, in the
    order of the views; ``joint-l2`` and ``joint-l2-25-75`` divide one Euclidean length, whose
    square is what the percents are of.

    Args:
        name: The name.
        own: View → its l_inf radius, in the order of the views.
    Raises:
        SettingError: another name, an unknown view, or percents that do not fit.
    Example:
        >>> joint_named("joint-split-25-75", {"image": 0.12, "audio": 0.04}).views
        {'image': (Linf(), 0.03), 'audio': (Linf(), 0.03)}
    """
    views: dict[str, tuple[Geometry, float]] = {v: (Linf(), r) for v, r in own.items()}
    _, _, label = name.partition("-")
    kind, _, rest = label.partition("-")
    if not label:
        return Joint(views)
    if kind == "only" and rest:
        return only_view(views, rest)
    if kind in ("l2", "split") and (not rest or _PARTS.fullmatch(rest)):
        percents = [int(part) for part in rest.split("-")] if rest else []
        shares = [part / 100 for part in percents] or [1 / len(own)] * len(own)
        if len(shares) != len(own):
            raise SettingError(
                f"{name} names {len(shares)} shares for {len(own)} views ({', '.join(own)})."
            )
        of = dict(zip(own, shares, strict=True))
        return split_l2(of) if kind == "l2" else split_relative(views, of)
    known = ["joint", "joint-l2", "joint-split", *(f"joint-only-{view}" for view in own)]
    raise SettingError(f"Unknown threat {name!r}. {suggestion(name, known)}")


def _check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are none."""
    good = all(0 <= share <= 1 for share in shares.values())
    if not shares or not good or abs(sum(shares.values()) - 1) > 1e-9:
        said = ", ".join(f"{name} {share:g}" for name, share in shares.items()) or "none"
        raise SettingError(f"Shares of a budget lie in [0, 1] and add up to 1; got {said}.")


def _percents(shares: Mapping[str, float]) -> list[str]:
    """The shares as a name has them; nothing where all are equal."""
    if max(shares.values()) - min(shares.values()) < 1e-12:
        return []
    return [f"{100 * share:.4g}" for share in shares.values()]
