"""Checks of what was given: items, radius, number types, and adversarial inputs of others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from spikeproof.data import Domain, Views
from spikeproof.evaluate.doctor.check import Check, Inquiry
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.subject import Subject, legal
from spikeproof.evaluate.doctor.thresholds import Thresholds
from spikeproof.evaluate.lengths import measured
from spikeproof.models import evaluating, home_of
from spikeproof.neurons import drawing
from spikeproof.oracle import prediction_seeds
from spikeproof.threats import Threat

__all__ = ["given_checks", "input_checks", "radius_check"]

TIES = Inquiry(
    name="ties",
    weight="hint",
    why="A tie counts as wrong here, and an attack on tied spike counts gets no gradient.",
    settles="The attack on the mean membrane of the readout.",
    mend="Read out membranes or means over more steps.",
)
ENCODED = Inquiry(
    name="encoded",
    weight="sign",
    why="The items look like what an encoder made, so the attack changes spikes or frames, and "
    "not what a sensor sees.",
    settles="The attack on the raw input, with the encoder inside the network.",
    mend="Put the encoder into the network, or call the threat one on encoded inputs.",
)
HALF = Inquiry(
    name="half-precision",
    weight="hint",
    why="Gradients of surrogates underflow in 16 bits.",
    settles="The attack on the same weights in 32 bits.",
    mend="Call network.float() before it is attacked.",
)
UNIT = Inquiry(
    name="radius-unit",
    weight="hint",
    why="The radius is out of proportion to how far an item can move at all, as it is where it "
    "was meant for another range or norm.",
    settles="The radius as a share of the range of the items.",
    mend="State the radius in the unit of the items and for this norm (8/255, and not 8).",
)
ILLEGAL = Inquiry(
    name="illegal",
    weight="stop",
    why="What breaks the rules of the threat is no adversarial input under it, so neither success "
    "nor robustness follows.",
    settles="The same attack with every point projected and measured per item.",
    mend="Project every item on ball, range and grid by itself, and verify what is returned.",
)
UNUSED = Inquiry(
    name="unused",
    weight="sign",
    why="The inputs that failed stay well inside the ball, so another radius was attacked.",
    settles="The attack with the radius that is stated.",
    mend="Attack with the stated radius, in the unit of the items.",
)
SEARCHES = Inquiry(
    name="search-inside",
    weight="hint",
    why="A network that searches while it answers moves with every question, and a gradient "
    "through it is not that of its answer.",
    settles="The attack on what the search returns, with a gradient straight through it (BPDA).",
    mend="Attack through the search, or replace its gradient by that of its result.",
)
_SMALL, _LARGE = 0.002, 0.5
_GRADIENTS = (torch.autograd.grad, torch.autograd.backward, Tensor.backward)


def input_checks(
    model: nn.Module, x: Tensor, domain: Domain | Views, logits: Tensor, thresholds: Thresholds
) -> list[Check]:
    """Return the checks of items, answers and weights that need no attack.

    Args:
        model: The network.
        x: Items, right and wrong ones, ``(N, *shape)``.
        domain: Legal inputs.
        logits: What it answers, ``(N, K)``.
        thresholds: Where checks begin to count.
    """
    top = logits.topk(2, dim=1).values
    ties = float((top[:, 0] == top[:, 1]).double().mean())
    weights = [each for each in model.parameters() if each.is_floating_point()]
    total = sum(each.numel() for each in weights)
    half = sum(each.numel() for each in weights if each.element_size() < 4)
    return [
        TIES.found(ties, f"{100 * ties:.0f} % of {len(x)} items have two largest logits.",
                   thresholds),
        _encoded(x, domain, thresholds),
        _searches(model, x[:2], thresholds),
        HALF.found(half / max(1, total), f"{half} of {total} weights have 16 bits or fewer.",
                   thresholds),
    ]  # fmt: skip


class _Watching(TorchFunctionMode):
    """Counts how often gradients are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.asked += func in _GRADIENTS
        return func(*args, **(kwargs or {}))


def _searches(model: nn.Module, x: Tensor, thresholds: Thresholds) -> Check:
    """How often the network asks for gradients while it answers."""
    with (
        evaluating(model),
        _Watching() as watching,
        drawing(prediction_seeds(torch.arange(len(x)))),
    ):
        model(x.to(home_of(model)))
    return SEARCHES.found(
        watching.asked,
        f"The network asked for gradients {watching.asked} times during one forward pass.",
        thresholds,
    )


def _encoded(x: Tensor, domain: Domain | Views, thresholds: Thresholds) -> Check:
    """The share of items that repeat one frame, or hold nothing but 0 and 1 over time."""
    if isinstance(domain, Views) or domain.kind == "image" or x.ndim < 3 or x.shape[1] < 2:
        return ENCODED.not_made("The items have no axis of time on which a code could be seen.")
    flat = x.flatten(2)
    same = (flat == flat[:, :1]).all(2).all(1) & (flat != flat[:, :, :1]).any(2).any(1)
    binary = ((flat == 0) | (flat == 1)).all(2).all(1)
    coded = same if domain.kind == "events" else same | binary
    share = float(coded.double().mean())
    return ENCODED.found(
        share,
        f"{int(coded.sum())} of {len(x)} items repeat one frame at every step, or hold only 0 "
        "and 1 though they are declared real.",
        thresholds,
    )


def radius_check(subject: Subject, threat: Threat, thresholds: Thresholds) -> Check:
    """Return whether the radius fits how far items can move.

    Args:
        subject: Network and right items.
        threat: The threat.
        thresholds: Where the check begins to count.
    """
    reach = float(threat.reach(subject.x).median())
    if not threat.norm or not 0 < reach < float("inf"):
        return UNIT.not_made(f"Under {threat.name} there is no farthest point to compare with.")
    share = threat.radius / reach
    return UNIT.found(
        max(share / _LARGE, _SMALL / share),
        f"The radius {threat.radius:g} is {100 * share:.2g} % of the way to the farthest legal "
        f"input; usual are {100 * _SMALL:g} to {100 * _LARGE:g} %.",
        thresholds,
    )


def given_checks(
    subject: Subject,
    evidence: AttackEvidence,
    given: Tensor | None,
    thresholds: Thresholds,
    *,
    doubted: bool,
) -> list[Check]:
    """Return the checks of the points that the claimed attack, or the caller, has made.

    Args:
        subject: Network and right items.
        evidence: What the attacks did.
        given: Adversarial inputs of the caller for the right items, ``(N, *shape)``.
        thresholds: Where checks begin to count.
        doubted: Whether the caller has named an attack or given inputs.
    """
    threat = evidence.threat
    if given is None:
        ran = evidence.claimed
        if ran is None:
            return [inquiry.not_made(evidence.blocked) for inquiry in (ILLEGAL, UNUSED)]
        broken = _illegal(ran.illegal, len(ran.won), "the attack", thresholds)
        if not doubted:
            return [broken, UNUSED.not_made("Neither an attack nor adversarial inputs were given.")]
        return [broken, _unused(ran.x_adv, ran.x, ~ran.won, threat, thresholds)]
    bad = ~legal(given, subject.x, threat)
    checked = torch.where(bad.view(-1, *[1] * (given.ndim - 1)), subject.x, given)
    failed = ~subject.won(checked, threat)
    return [
        _illegal(float(bad.double().mean()), len(bad), "the caller", thresholds),
        _unused(given, subject.x, failed & ~bad, threat, thresholds),
    ]


def _illegal(share: float, n: int, whose: str, thresholds: Thresholds) -> Check:
    return ILLEGAL.found(
        share,
        f"{round(share * n)} of {n} inputs of {whose} break the rules of the threat: radius, range "
        "or grid.",
        thresholds,
    )


def _unused(
    x_adv: Tensor, x: Tensor, failed: Tensor, threat: Threat, thresholds: Thresholds
) -> Check:
    """How much of the radius the inputs leave unused that failed, the median."""
    if not failed.any():
        return UNUSED.not_made("Every input that is legal broke its item.")
    lengths = torch.from_numpy(measured(threat, x_adv[failed], x[failed])) / threat.radius
    unused = float(1 - lengths.median())
    return UNUSED.found(
        unused,
        f"The median of {int(failed.sum())} inputs that failed leaves {100 * unused:.0f} % of the "
        "radius unused.",
        thresholds,
    )
