"""Checks of how the claimed attack went: whether it had arrived where it ended."""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.subject import Ran
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.threats import Threat

__all__ = ["convergence_checks", "stationarity"]

SILENT = Inquiry(
    name="silent",
    weight="sign",
    symptom=True,
    why="The attack had won and returned another point, so its robust accuracy is too high.",
    settles="The same attack, keeping the best point that it visits.",
    mend="Return the best visited point; judge a stochastic network by the mean of its draws.",
)
RISING = Inquiry(
    name="rising",
    weight="hint",
    symptom=True,
    why="The loss had not stopped rising, so more steps would break more.",
    settles="The same attack with ten times as many steps.",
    mend="Take more steps, or larger ones.",
)
STATIONARITY = Inquiry(
    name="stationarity",
    weight="hint",
    symptom=True,
    why="At a first-order stationary point no legal change raises the loss to first order; the "
    "attack ended far from one.",
    settles="More steps of falling length (APGD).",
    mend="Let the steps become shorter towards the end.",
)
COSINE = Inquiry(
    name="cosine",
    weight="hint",
    symptom=True,
    below=True,
    why="Successive gradients point elsewhere, so a step undoes the one before (shattered "
    "gradients).",
    settles="Gradients averaged over a neighbourhood (Smoothing), or a wider surrogate.",
    mend="Attack through a wider surrogate or averaged gradients.",
)


def convergence_checks(evidence: AttackEvidence, thresholds: Thresholds) -> list[Check]:
    """Return the checks of the way that the claimed attack went.

    Args:
        evidence: What the attacks did.
        thresholds: Where checks begin to count.
    References:
        pintor2022indicators, wang2019convergence
    """
    inquiries, ran = (SILENT, RISING, STATIONARITY, COSINE), evidence.claimed
    if ran is None:
        return [inquiry.not_made(evidence.blocked) for inquiry in inquiries]
    left = ~ran.won
    silent = int((ran.path.won & left).sum())
    checks = [
        SILENT.found(
            silent / len(left),
            f"The attack visited adversarial inputs of {silent} of {len(left)} items and returned "
            "none.",
            thresholds,
        )
    ]
    if not left.any():
        return [*checks, *(one.not_made("The attack broke every item.") for one in inquiries[1:])]
    if ran.path.last_grad is None:
        return [*checks, *(one.not_made("The attack took no gradient.") for one in inquiries[1:])]
    rising = int((ran.rising & left).sum())
    return [
        *checks,
        RISING.found(
            rising / int(left.sum()),
            f"The loss was still rising on {rising} of {int(left.sum())} items that the attack "
            "left.",
            thresholds,
        ),
        _stationary(ran, evidence.threat, left, thresholds),
        _turning(ran, left, thresholds),
    ]


def stationarity(x_last: Tensor, grad: Tensor, x: Tensor, threat: Threat) -> Tensor:
    r"""How far each point is from first-order stationary, as a share of what there was to gain.

    .. math::
        c(z) = \frac{\max_{u \in B} \langle u - z, g \rangle}{\max_{u \in B} \langle u - x, g
        \rangle}

    0 where no legal point is better to first order than :math:`z`, 1 where :math:`z` is no better
    than :math:`x`. The numerator is the published measure.

    Args:
        x_last: Points :math:`z`, ``(N, *shape)``.
        grad: Gradients :math:`g` of what is maximised there.
        x: Clean inputs.
        threat: Its ball and box are :math:`B`; the best point to first order is its step from
            :math:`x`, made legal.
    Returns:
        float64 ``(N,)``; NaN where the gradient promises nothing.
    Example:
        >>> from spikeproof.data import Domain
        >>> from spikeproof.threats import Linf
        >>> threat = Threat(Linf(), 0.1, Domain(kind="real", shape=(2,), low=-1.0))
        >>> x, grad = torch.zeros(3, 2), torch.ones(3, 2)
        >>> z = torch.tensor([[0.1, 0.1], [0.0, 0.0], [-0.1, -0.1]])
        >>> stationarity(z, grad, x, threat).round(decimals=3).abs()
        tensor([0., 1., 2.], dtype=torch.float64)

    References:
        wang2019convergence
    """
    best = threat.project(x + threat.step(grad, x, x), x)
    g = grad.double().flatten(1)
    most = ((best - x).double().flatten(1) * g).sum(1)
    gained = ((x_last - x).double().flatten(1) * g).sum(1)
    return torch.where(most > 0, (most - gained) / most, torch.nan)


def _stationary(ran: Ran, threat: Threat, left: Tensor, thresholds: Thresholds) -> Check:
    """The median over the items that the attack left."""
    assert ran.path.last_x is not None
    assert ran.path.last_grad is not None
    asked = left & ~ran.path.last_x.flatten(1).isnan().any(1)
    z, g = ran.path.last_x[asked], ran.path.last_grad[asked]
    shares = stationarity(z, g, ran.x[asked], threat)
    known = shares[~shares.isnan()]
    if not len(known):
        return STATIONARITY.not_made("The last gradient is zero on every item that was left.")
    middle = float(known.median())
    return STATIONARITY.found(
        middle,
        f"At the last point the gradient still promises {100 * middle:.0f} % of all that it "
        f"promises anywhere in the ball (median of {len(known)} items that were left).",
        thresholds,
    )


def _turning(ran: Ran, left: Tensor, thresholds: Thresholds) -> Check:
    """The mean cosine of successive gradients."""
    mean = ran.path.mean_cosine(left)
    if mean is None:
        return COSINE.not_made("No item that was left has two gradients that are not zero.")
    return COSINE.found(
        mean,
        f"Successive gradients of the attack have a cosine of {mean:.2f} in the mean.",
        thresholds,
    )
