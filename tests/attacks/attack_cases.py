"""What the tests of several attacks ask: labels of a network's own, and what stopping saves."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from spikeproof.attacks import Attack
from spikeproof.base import seeds
from spikeproof.oracle import Oracle
from spikeproof.threats import Goal, Threat


def settled_answers(model: nn.Module, x: Tensor, *, wrong: int) -> Tensor:
    """The answers of a network whose statistics ``x`` has settled, every ``wrong``-th changed."""
    for _ in range(40):  # without settled statistics no neuron would fire
        model(x)
    with Oracle(model) as oracle:
        logits = oracle.logits(x)
    y = logits.argmax(1)
    y[::wrong] = (y[::wrong] + 1) % logits.shape[1]
    return y


def check_stopping(attack: Attack, model: nn.Module, x: Tensor, goal: Goal, threat: Threat) -> None:
    """Leaving won items alone saves passes and changes no verdict."""
    won, backward = [], []
    for stop in (False, True):
        with Oracle(model) as oracle:
            x_adv = replace(attack, stop=stop)(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))
            backward.append(oracle.passes.backward)
            won.append(goal.margin(oracle.logits(x_adv)) > 0)
    assert torch.equal(*won)
    assert won[0].any() and not won[0].all()
    assert backward[1] < backward[0]
