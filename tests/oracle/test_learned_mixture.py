"""The learned mixture: its update by hand, its memory of items, and what overflows elsewhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from spikeproof.base import SettingError
from spikeproof.oracle import BPTR, LearnedMixture, Oracle
from spikeproof.oracle.gradient import GradientEstimator, Question
from spikeproof.oracle.gradients.learned_mixture import weight_gradient


class Fixed:
    """A rule whose gradient is given, and whatever the network's is counts for nothing."""

    def __init__(self, *grad: float) -> None:
        self.grad = torch.tensor([grad], dtype=torch.float64)

    def open(self) -> GradientEstimator:
        """Itself: it remembers nothing."""
        return self

    def logits(self, question: Question) -> Tensor:
        """One forward pass."""
        return question.logits()

    def logits_and_grad(self, question: Question) -> tuple[Tensor, Tensor]:
        """The given gradient for every item."""
        question.score(question.logits())
        return question.logits(), self.grad.expand(len(question.x), -1).clone()


class Square(nn.Module):
    """Two logits whose gradients hang on the place."""

    def forward(self, x: Tensor) -> Tensor:
        """The squares."""
        return x.square()


def first(logits: Tensor) -> Tensor:
    """The sum of both."""
    return logits.sum(1)


def test_the_derivative_is_that_of_the_smoothed_step() -> None:
    generator = torch.Generator().manual_seed(0)
    grads = torch.randn(3, 2, 5, dtype=torch.float64, generator=generator)
    weights = torch.randn(3, 2, 5, dtype=torch.float64, generator=generator).requires_grad_(True)
    matrix = torch.randn(5, 5, dtype=torch.float64, generator=generator)
    ahead = torch.tanh(0.7 * (weights * grads).sum(0))
    values = (ahead @ matrix).square().sum()
    (exact,) = torch.autograd.grad(values, weights)
    slope = 2 * ahead.detach() @ matrix @ matrix.T
    torch.testing.assert_close(weight_gradient(slope, grads, weights.detach(), 0.7), exact)


@pytest.mark.parametrize("size", [1.0, 50.0, 2e4, 1e30])
def test_it_stays_finite_where_the_published_formula_overflows(size: float) -> None:
    grads = torch.tensor([[[1.0, -1.0]], [[1.0, 1.0]]])
    weights = torch.full((2, 1, 2), size)
    bent = 50.0 * (weights * grads).sum(0)
    assert bent.abs().max() == 100 * size
    published = 4 * (2 * bent).exp() / ((2 * bent).exp() + 1).square()
    gain = weight_gradient(torch.ones(1, 2), grads, weights, 50.0)
    assert torch.isfinite(gain).all() and (gain[:, 0, 0].abs() < 1e-30).all()
    assert not torch.isfinite(published).all()
    # The second coordinates cancel: sech^2(0) is 1.
    assert gain[:, 0, 1].tolist() == [-50.0, 50.0]


def test_two_questions_by_hand() -> None:
    rule = LearnedMixture(gradients=(None, Fixed(1.0, -1.0)), step=0.5, fit=1.0, rate=0.25)  # type: ignore[arg-type]
    x = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    with Oracle(Square(), gradient=rule) as oracle:
        _, grad = oracle.logits_and_grad(x, first)
        _, again = oracle.logits_and_grad(x, first)
    # Both rules have root mean square 1: (1, 1) and (1, -1); weights 1/2 make (1, 0); x' is
    # (1.5, 1), the slope there (3, 2), scaled by sqrt(2 / 13); sech^2(1) and sech^2(0) = 1.
    scale, bend = (2 / 13) ** 0.5, 1 / torch.tensor(1.0).double().cosh().item() ** 2
    up = 0.25 * 3 * scale * bend, 0.25 * 2 * scale
    a = [[0.5 + up[0], 0.5 + up[1]], [0.5 + up[0], 0.5 - up[1]]]
    by_hand = [a[0][0] + a[1][0], a[0][1] - a[1][1]]
    assert grad[0].tolist() == pytest.approx(by_hand)
    # The second question goes on from there.
    assert again[0, 0] > grad[0, 0] > 1 and again[0, 1] > grad[0, 1] > 0


def test_opening_and_resetting_forget_the_weights() -> None:
    rule = LearnedMixture(gradients=(None, Fixed(1.0, -2.0)))  # type: ignore[arg-type]
    x = torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    seen = []
    for _ in range(2):
        with Oracle(Square(), gradient=rule) as oracle:
            seen.append([oracle.logits_and_grad(x, first)[1] for _ in range(2)])
            seen[-1].append(oracle.reset_memory().logits_and_grad(x, first)[1])
    assert torch.equal(seen[0][0], seen[1][0]) and torch.equal(seen[0][1], seen[1][1])
    assert not torch.equal(seen[0][0], seen[0][1]) and torch.equal(seen[0][0], seen[0][2])


def test_weights_belong_to_items_whatever_stands_beside_them() -> None:
    rule = LearnedMixture(gradients=(None, Fixed(1.0, -2.0)))  # type: ignore[arg-type]
    x = torch.tensor([[1.0, 3.0], [0.5, 0.2], [2.0, -1.0]], dtype=torch.float64)
    with Oracle(Square(), gradient=rule) as oracle:
        whole = [oracle.logits_and_grad(x, first)[1] for _ in range(2)]
    with Oracle(Square(), gradient=rule) as oracle:
        oracle.logits_and_grad(x[2:], first, torch.tensor([2]))
        oracle.logits_and_grad(x[:1], first, torch.tensor([0]))
        turned = oracle.logits_and_grad(x[[2, 0]], first, torch.tensor([2, 0]))[1]
    assert torch.equal(turned, whole[1][[2, 0]])


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingError, match="LearnedMixture needs at least one gradient rule"):
        LearnedMixture(gradients=())
    for setting in ("step", "fit", "rate"):
        with pytest.raises(SettingError, match=f"LearnedMixture.{setting} must be"):
            LearnedMixture(gradients=(BPTR(),), **{setting: 0.0})
