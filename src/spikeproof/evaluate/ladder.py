"""Evaluate a ladder of radii with a suite of attacks, attacking only what still stands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from spikeproof.attacks import Spending, Suite, suite_under
from spikeproof.attacks import suite as make_suite
from spikeproof.base import (
    BatchSize,
    InputError,
    check_at_least,
    check_labels,
    check_seed,
    computing,
    device_of,
)
from spikeproof.data import Split
from spikeproof.evaluate.arguments import ladder_of
from spikeproof.evaluate.footprint import batch_size_for
from spikeproof.evaluate.forward import plain_logits
from spikeproof.evaluate.number_types import together
from spikeproof.evaluate.outcome import Outcome
from spikeproof.evaluate.rungs import LadderEvaluation
from spikeproof.evaluate.step import OnLadderStep, on_suite_step
from spikeproof.models import home_of, on_device
from spikeproof.threats import Threat

__all__ = ["evaluate_ladder"]

# Items that are checked at a time.
_CHECKED = 1024


def evaluate_ladder(
    model: nn.Module,
    split: Split,
    ladder: Threat | Sequence[Threat],
    suite: str | Suite,
    *,
    seed: int,
    draws: int = 10,
    samples: int = 1,
    spending: Spending | None = None,
    keep: bool = False,
    progress: OnLadderStep | None = None,
    device: str | torch.device | None = None,
    batch_size: int | BatchSize | None = None,
) -> Outcome:
    """Evaluate one model on one ladder of radii, smallest first.

    An item that is wrong when clean counts as broken everywhere and is never attacked. An item
    broken at one radius is broken at every larger one, since its adversarial input is legal there;
    it is carried up and not attacked again. Every adversarial input, also of an attack that
    failed, is verified. Random draws are made for every item at every radius, and an item that a
    draw breaks needs no attack.

    Random numbers belong to item, threat and radius, so neither the other items nor the other
    radii change what an item meets, and skipping broken items changes no verdict. They are drawn
    on the CPU, so that every device is given the same ones. The items stay where they are: a batch
    at a time goes to the device of the network, so they need not fit into its memory, nor into any
    where the split reads them from a file.

    Args:
        model: Maps ``(N, *shape)`` to logits ``(N, K)``; left as it was.
        split: The items.
        ladder: Threats of one geometry and domain, ascending in radius; or one alone.
        suite: A name, or the attacks, tried one after the other on the items that still stand.
            Where few inputs are legal (``desync``), all of them are tried instead.
        seed: Of every random number.
        draws: Random perturbations per item and radius; 0 makes none, and their share is NaN.
        samples: Draws that make one prediction of a stochastic network (see ``plain_logits``).
        spending: A budget; every radius has an equal share of what is left.
        keep: Whether to return every input that broke an item, ``Outcome.adversarials``.
        progress: Called before every batch of every attack.
        device: Where to compute, such as ``"cuda"``, on a copy of the model; where the model is if
            absent.
        batch_size: Rows through the network at a time, each an item or a restart of one; what a
            measurement says that memory holds where absent, at most 256.
    Returns:
        Results per item and radius.
    Raises:
        SettingError: a ladder that does not ascend or mixes threats, an unknown suite, or a seed
            or number of draws that is none.
        InputError: no items, items or labels that do not fit, or a model without finite logits.
        IllegalAdversarial: an attack returned a point its threat does not allow.
        OutOfMemory: not even one item at a time fits.
    Cost:
        ``1 + R * draws`` forward passes per item; the suite and one forward for each item and
        radius where it still stands; ``samples`` times the forwards that decide success.
    References:
        croce2020reliable
    """
    ladder = ladder_of(ladder)
    suite = suite_under(make_suite(suite), ladder[0])
    seed = check_seed(seed, "evaluate_ladder: seed")
    draws = check_at_least(0, draws, "evaluate_ladder: draws")
    _check_items(split, ladder[0])
    model = on_device(model, None if device is None else device_of(device))
    model, split = together(model, split)
    size = batch_size_for(model, split.x, batch_size)
    with computing(home_of(model)):
        logits = plain_logits(
            model, split.x, items=split.items, samples=samples, batch_size=size
        ).cpu()
        check_labels(split.y, logits.shape[1], len(split.x))
        climber = LadderEvaluation(
            model, split, suite, seed, draws, samples, logits, size, len(ladder) // 2, keep
        )
        for number, threat in enumerate(ladder):
            if spending is not None:
                climber.spending = spending.part(len(ladder) - number)
            if progress is not None:
                before = climber.passes.forward + climber.passes.backward
                climber.progress = on_suite_step(progress, suite, ladder, number, before=before)
            climber.rung(threat)
    return climber.outcome(ladder)


def _check_items(split: Split, threat: Threat) -> None:
    """Refuse no items, and items that the domain does not allow, a part at a time."""
    if not len(split):
        raise InputError("evaluate_ladder: there are no items to attack; got a split of none.")
    for part in torch.split(torch.arange(len(split)), _CHECKED):
        threat.check(split.x[part[0] : part[-1] + 1])
