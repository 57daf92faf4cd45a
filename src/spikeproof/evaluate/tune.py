"""Find the sharpness of a gradient rule that breaks most, on items held out from the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from torch import Tensor, nn

from spikeproof.attacks import PGD, Attack
from spikeproof.base import InputError, Seeds, SettingError
from spikeproof.neurons import Surrogate
from spikeproof.oracle import HART, Oracle
from spikeproof.threats import Misclassification, Threat

__all__ = ["WIDTHS", "tune"]

# The published grid of triangle widths, .10 to 2.45.
WIDTHS = tuple(round(0.10 + 0.05 * k, 2) for k in range(48))

P = TypeVar("P", Surrogate, HART)


def tune(
    gradient: P,
    model: nn.Module,
    items: tuple[Tensor, Tensor],
    threat: Threat,
    *,
    seeds: Seeds,
    attack: Attack | None = None,
    widths: Sequence[float] = WIDTHS,
) -> P:
    r"""Return the gradient rule with the sharpness, 1 / width, that breaks most items.

    Each width attacks all items with the same seeds. Of equally many broken items the larger mean
    margin decides, and then the earlier width. Use items that the verdict is not given on.

    Args:
        gradient: ``HART()`` or a ``Surrogate``; all its other settings stay.
        model: Maps ``(N, *shape)`` to logits ``(N, K)``; left as it was.
        items: Inputs ``(N, *shape)`` and true classes ``(N,)``.
        threat: What the attacker may do.
        seeds: One key per item.
        attack: Tries each width; 10 steps of PGD where absent.
        widths: What is tried, each above zero.
    Raises:
        SettingError: no widths, or one that is not positive.
        InputError: items, labels and seeds that do not fit.
    Cost:
        ``len(widths)`` attacks and as many forward passes.
    Differs from the paper:
        Which attack decides, and on which items, is the caller's choice.
    Example:
        >>> import spikeproof as sp
        >>> data = sp.load("digits")
        >>> model = sp.build("cnn-small", data, width=2, timesteps=1, seed=0)
        >>> items = data.validation.x[:4], data.validation.y[:4]
        >>> threat = Threat(sp.Linf(), 0.1, data.domain)
        >>> quick = {"attack": sp.PGD(steps=2), "widths": [0.5, 1.0]}
        >>> tune(HART(), model, items, threat, seeds=sp.seeds(0, n=4), **quick)
        HART(sharpness=2.0)

    References:
        hao2024hart
    """
    if not widths or not all(0 < width < float("inf") for width in widths):
        raise SettingError(f"tune: widths must be positive, at least one of them; got {widths!r}.")
    x, y = items
    if not len(x) == len(y) == len(seeds):
        raise InputError(
            f"tune needs a label and a key per item; got {len(x)} items, {len(y)} labels and "
            f"{len(seeds)} keys."
        )
    attack = PGD(steps=10, step_size=0.5, last=0.2) if attack is None else attack
    goal, best, found = Misclassification(y), gradient, (-1, 0.0)
    for width in widths:
        tried = replace(gradient, sharpness=1 / width)
        with Oracle(model, gradient=tried, seeds=seeds) as oracle:
            x_adv = attack(oracle, x, goal, threat, seeds=seeds)
            margin = goal.margin(oracle.logits(x_adv)).double()
        reached = (int((margin > 0).sum()), float(margin.mean()))
        if reached > found:
            best, found = tried, reached
    return best
