"""Measure again what an attack returned, trusting nothing it claims."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spikeproof.base import (
    MOST_ROWS,
    BatchSize,
    IllegalAdversarial,
    InputError,
    all_finite,
    check_labels,
    class_numbers,
)
from spikeproof.evaluate.forward import margins, plain_logits
from spikeproof.evaluate.lengths import allowance, euclidean, legal_places, measured
from spikeproof.threats import Threat

__all__ = ["Verified", "verify"]


@dataclass(frozen=True)
class Verified:
    """What a second look found, per item, on the CPU; every point was legal.

    Args:
        margin: Best wrong logit minus the true one under the plain forward pass, float64 ``(N,)``.
        won: Whether the answer counts as wrong (a tie does), bool ``(N,)``.
        distance: Length in the unit of the threat's radius, float64 ``(N,)``.
        length: l_2 length, float64 ``(N,)``.
        predicted: Class the model answers, int64 ``(N,)``.
    """

    margin: Tensor
    won: Tensor
    distance: Tensor
    length: Tensor
    predicted: Tensor


def verify(
    model: nn.Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    threat: Threat,
    *,
    items: Tensor | None = None,
    samples: int = 1,
    batch_size: int | BatchSize = MOST_ROWS,
) -> Verified:
    """Measure adversarial inputs again, and refuse them where one is illegal.

    Distance in float64 by an implementation that shares no code with the threat; box, grid and
    finiteness value by value; success by the plain forward pass in evaluation mode, without an
    oracle and without a surrogate. Real-valued norms may exceed the radius by a factor
    ``1 + 1e-6``; pixels, features and counts not at all.

    Args:
        model: Maps ``(N, ...)`` to logits ``(N, K)``.
        x: Clean inputs, ``(N, *shape)``.
        x_adv: What the attack returned, the shape of ``x``.
        y: True classes, int64 ``(N,)``.
        threat: What the attack was allowed to do.
        items: Numbers of the items, ``(N,)``; 0..N-1 where absent. Errors name them, and the
            draws of a stochastic network follow from them.
        samples: Draws that make one prediction of a stochastic network (see ``plain_logits``).
        batch_size: Points that the model is asked about at a time.
    Returns:
        The measurements.
    Raises:
        IllegalAdversarial: a point outside ball, box or grid, or not finite; item, threat, and
            measured and allowed length are named.
        InputError: shapes or labels that do not fit.
    Cost:
        ``samples`` forward passes per item.
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf
        >>> threat = Threat(Linf(), 0.1, Domain(kind="audio", shape=(2,)))
        >>> x, y = torch.full((1, 2), 0.5), torch.tensor([0])
        >>> verify(torch.nn.Identity(), x, x + torch.tensor([-0.1, 0.1]), y, threat).won
        tensor([True])
        >>> verify(torch.nn.Identity(), x, x + 0.25, y, threat)
        Traceback (most recent call last):
        ...
        spikeproof.base.errors.IllegalAdversarial: Item 0 moved 0.25 under linf where 0.1 is \
allowed; the attack's result is refused.
    """
    if x_adv.shape != x.shape:
        raise InputError(
            f"Adversarial inputs must have the shape of x, {tuple(x.shape)}; got "
            f"{tuple(x_adv.shape)}."
        )
    y = class_numbers(y)
    # Measured on the CPU, wherever the attack and the model were: in one place, by plain numpy.
    x, x_adv, y = (tensor.detach().cpu() for tensor in (x, x_adv, y))
    items = torch.arange(len(x)) if items is None else items.cpu()
    _refuse_places(x_adv, threat, items)
    distance = measured(threat, x_adv, x)
    _refuse_lengths(distance, threat, items)
    logits = plain_logits(model, x_adv, items=items, samples=samples, batch_size=batch_size)
    check_labels(y, logits.shape[1], len(x))
    margin = margins(logits, y)
    return Verified(
        margin=margin,
        won=margin > 0,
        distance=torch.from_numpy(distance),
        length=torch.from_numpy(euclidean(x_adv, x)),
        predicted=logits.argmax(1),
    )


def _refuse_places(x_adv: Tensor, threat: Threat, items: Tensor) -> None:
    """Raise where an item left the domain."""
    legal = legal_places(x_adv, threat.domain)
    if legal.all():
        return
    bad = int(np.flatnonzero(~legal)[0])
    z = x_adv[bad].double()
    if not all_finite(z):
        what = "holds values that are not finite"
    else:
        what = f"lies outside the domain (values {float(z.min()):.6g}..{float(z.max()):.6g})"
        if threat.domain.integer:
            what += " or off its grid of whole numbers"
    raise IllegalAdversarial(
        f"Item {int(items[bad])} {what} under {threat.name} with radius {threat.radius:g}; the "
        "attack's result is refused."
    )


def _refuse_lengths(
    distance: np.ndarray[tuple[int], np.dtype[np.float64]], threat: Threat, items: Tensor
) -> None:
    """Raise where an item left the ball; written so that a NaN does not pass."""
    inside = distance <= allowance(threat)
    if not inside.all():
        bad = int(np.flatnonzero(~inside)[0])
        raise IllegalAdversarial(
            f"Item {int(items[bad])} moved {distance[bad]:.9g} under {threat.name} where "
            f"{threat.radius:.9g} is allowed; the attack's result is refused."
        )
