"""Modes of torch functions: kept out of spiking layers where the package's own one is open."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from spikeproof.neurons import LIF, Spiking, layers_unseen
from spikeproof.oracle import ASSG


class Counting(TorchFunctionMode):
    """How many calls it saw."""

    calls = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def test_a_mode_sees_into_layers_outside_of_the_scope_only() -> None:
    layer, currents = Spiking(LIF()), torch.rand(3, 2, 4)
    with Counting() as outside:
        seen = layer(currents)
    with Counting() as inside, layers_unseen():
        unseen = layer(currents)
    assert outside.calls > 0 and inside.calls == 0
    assert torch.equal(seen, unseen)


@pytest.mark.parametrize("rule", [None, ASSG()])
def test_answers_and_gradients_of_an_attack_are_those_without_a_mode(rule: ASSG | None) -> None:
    import spikeproof as sp

    torch.manual_seed(0)
    model = nn.Sequential(Frames(), Spiking(LIF()), Mean(), nn.Linear(5, 3)).eval()
    x, y = torch.rand(4, 6, 5), torch.tensor([0, 1, 2, 0])
    goal = sp.Misclassification(y)
    with sp.Oracle(model, gradient=rule) as oracle:
        logits, grad = oracle.logits_and_grad(x, goal.score)
    if rule is None:
        z = x.clone().requires_grad_(True)
        plain = model(z)
        assert torch.equal(logits, plain)
        assert torch.equal(grad, torch.autograd.grad(goal.score(plain).sum(), z)[0])
    assert grad.abs().sum() > 0


class Frames(nn.Module):
    """Time first, and currents strong enough to fire."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x.transpose(0, 1)


class Mean(nn.Module):
    """The mean over time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(0)
