"""Checks of the gradient at the items: is it there, does it tell the truth, does the loss jump?"""

from __future__ import annotations

import torch
from torch import Tensor

from spikeproof.base import InputError, computing
from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.subject import Subject
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.forward import margins
from spikeproof.models import evaluating, home_of
from spikeproof.oracle import Oracle, Passes
from spikeproof.threats import Misclassification, Threat

__all__ = ["own_gradient", "slope_checks"]

ZERO = Inquiry(
    name="zero-gradient",
    weight="sign",
    why="Attacks by the network's own gradient stand still there, and what they leave is counted "
    "as robust.",
    settles="The attack through a wider surrogate, and a search without gradients.",
    mend="Use a wider surrogate, or logits in place of probabilities.",
)
AGREEMENT = Inquiry(
    name="gradient-agreement",
    weight="sign",
    below=True,
    needed=True,
    why="A step along the gradient must raise the margin more than a step against it; where it "
    "does not, the gradient is not the network's.",
    settles="Ascent along differences of outputs (Smoothing) and a search without gradients.",
    mend="Look for a surrogate that is too narrow or off centre, or an encoder that is detached.",
)
PARTIAL = Inquiry(
    name="partial-gradient",
    weight="sign",
    why="An attack by gradient leaves those features as they are, whatever they could do.",
    settles="Ascent along differences of outputs (Smoothing) and a search without gradients.",
    mend="Look for .detach(), rounding or a comparison on the way of these features, and give it a "
    "surrogate.",
)
UNSTABLE = Inquiry(
    name="unstable",
    weight="hint",
    symptom=True,
    why="The loss jumps under changes of a hundredth of the radius, so its gradient says little.",
    settles="Gradients averaged over a neighbourhood (Smoothing) or over draws (Expectation).",
    mend="Attack with averaged gradients.",
)
_TINY, _STEP, _DRAWS, _MOVES = 0.01, 0.5, 8, 4


def own_gradient(subject: Subject) -> Tensor | None:
    """The gradient of the margin at the items, ``(N, *shape)``; None where none reaches them."""
    home, grad = home_of(subject.model), torch.zeros_like(subject.x)

    def work(part: Tensor) -> tuple[Tensor, Passes]:
        goal = Misclassification(subject.y[part].to(home))
        with Oracle(subject.model, seeds=subject.keys("slope")[part]) as oracle:
            _, found = oracle.logits_and_grad(subject.x[part].to(home), goal.score)
        return found.cpu(), oracle.passes

    try:
        with computing(home):
            for part, (found, passes) in subject.size.each(torch.arange(len(subject)), work):
                grad[part] = found
                subject.spend(passes)
    except InputError as problem:
        if not str(problem).startswith("No gradient reaches"):
            raise
        return None
    return grad


def slope_checks(subject: Subject, threat: Threat, thresholds: Thresholds) -> list[Check]:
    """Return the checks of the network's own gradient at the right items.

    Args:
        subject: Network and right items.
        threat: In whose ball steps are made.
        thresholds: Where checks begin to count.
    Cost:
        One forward and one backward pass, and eleven forward passes, per item; nine more where
        some features have no gradient at all.
    """
    grad = own_gradient(subject)
    with evaluating(subject.model):
        shaky = _unstable(subject, threat, thresholds)
        if grad is None:
            lacking = "No gradient reaches the input."
            return [
                *(inquiry.not_made(lacking) for inquiry in (ZERO, AGREEMENT, PARTIAL)),
                shaky,
            ]
        return [
            _zero(grad, thresholds),
            _agreement(subject, threat, grad, thresholds),
            _partial(subject, threat, grad, thresholds),
            shaky,
        ]


def _zero(grad: Tensor, thresholds: Thresholds) -> Check:
    """The share of items without any gradient."""
    zero = int((grad.flatten(1) == 0).all(1).sum())
    return ZERO.found(
        zero / len(grad),
        f"The network's own gradient of the margin is exactly zero on {zero} of {len(grad)} items.",
        thresholds,
    )


def _agreement(subject: Subject, threat: Threat, grad: Tensor, thresholds: Thresholds) -> Check:
    """The share of items whose margin moves as the gradient says; one that stands counts half."""
    x = subject.x
    ahead, back = (
        threat.project(x + _STEP * threat.step(sign * grad, x, x), x) for sign in (1.0, -1.0)
    )
    rise = margins(subject.logits(ahead), subject.y) - margins(subject.logits(back), subject.y)
    share = float(((rise > 0).double() + 0.5 * (rise == 0).double()).mean())
    return AGREEMENT.found(
        share,
        f"Half a radius along the gradient the margin is above that half a radius against it on "
        f"{int((rise > 0).sum())} of {len(x)} items, equal on {int((rise == 0).sum())}.",
        thresholds,
    )


def _partial(subject: Subject, threat: Threat, grad: Tensor, thresholds: Thresholds) -> Check:
    """How far features move the margin that have no gradient on any item, beside all features.

    A gradient may vanish on a feature of one item by chance, and on every item where the feature
    does not count; only a feature that counts and has none on any is cut off.
    """
    lit = (grad.flatten(1) != 0).any(1)
    if int(lit.sum()) < thresholds.fewest:
        return PARTIAL.not_made(
            f"{int(lit.sum())} items have a gradient, of the {thresholds.fewest} that are needed."
        )
    blind, x, keys = (grad[lit] == 0).all(0), subject.x, subject.keys("partial")
    if not blind.any():
        return PARTIAL.found(0.0, "Every feature has a gradient on some item.", thresholds)
    before = margins(subject.logits(x), subject.y)
    moved = torch.zeros(2, dtype=torch.float64)
    for number in range(_MOVES):
        draw = threat.draw(x, keys.child(number))
        for which, part in enumerate((draw * blind, draw)):
            near = threat.project(x + part, x)
            moved[which] += (
                (margins(subject.logits(near), subject.y) - before).abs().double().mean()
            )
    share = float(moved[0] / moved[1]) if moved[1] > 0 else 0.0
    return PARTIAL.found(
        share,
        f"{int(blind.sum())} of {blind.numel()} features have no gradient on any item, and random "
        f"changes of these alone move the margin {100 * share:.0f} % as far as changes of all do.",
        thresholds,
    )


def _unstable(subject: Subject, threat: Threat, thresholds: Thresholds) -> Check:
    """The relative change of the margin under tiny random changes, the median item's."""
    x, keys = subject.x, subject.keys("unstable")
    before = margins(subject.logits(x), subject.y)
    moved = torch.zeros_like(before)
    for number in range(_DRAWS):
        draw = threat.draw(x, keys.child(number)) * _TINY
        near = threat.project(x + draw, x)
        moved += (margins(subject.logits(near), subject.y) - before).abs() / _DRAWS
    middle = float((moved / before.abs().clamp(min=1e-12)).median())
    return UNSTABLE.found(
        middle,
        f"Random changes of a hundredth of the radius move the margin by {100 * middle:.1f} % in "
        "the middle item.",
        thresholds,
    )
