"""Goals: who has won, and losses whose values and gradients are known by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from spikeproof.base import InputError, SettingError
from spikeproof.threats import LOSSES, Misclassification

Z = torch.tensor([[5.0, 3.0, 2.0, 1.0]], dtype=torch.float64)


def one(y: int) -> Tensor:
    """The label of a single item."""
    return torch.tensor([y])


def slope(goal: Misclassification, logits: Tensor) -> Tensor:
    """Gradient of the score with respect to the logits."""
    z = logits.clone().requires_grad_(True)
    (grad,) = torch.autograd.grad(goal.score(z).sum(), z)
    return grad


@pytest.mark.parametrize(
    ("goal", "score"),
    [
        (Misclassification(one(0)), -2.0),
        (Misclassification(one(1)), 2.0),
        (Misclassification(one(2), targeted=True), -3.0),
        (Misclassification(one(0), rival=one(3)), -4.0),
        (Misclassification(one(0), loss="dlr"), (3 - 5) / (5 - 2)),
        (Misclassification(one(2), loss="dlr"), (5 - 2) / (5 - 2)),
        (Misclassification(one(0), loss="dlr", rival=one(2)), (2 - 5) / (5 - 1.5)),
        (Misclassification(one(1), loss="dlr", targeted=True), (3 - 5) / (5 - 1.5)),
        (Misclassification(one(0), loss="dlr", targeted=True), (5 - 3) / (5 - 1.5)),
        *(
            (goal, (math.exp(up) - math.exp(down)) / sum(map(math.exp, Z[0].tolist())))
            for goal, up, down in (
                (Misclassification(one(0), loss="probability_margin"), 3, 5),
                (Misclassification(one(2), loss="probability_margin"), 5, 2),
                (Misclassification(one(0), loss="probability_margin", rival=one(2)), 2, 5),
                (Misclassification(one(1), loss="probability_margin", targeted=True), 3, 5),
                (Misclassification(one(0), loss="probability_margin", targeted=True), 5, 3),
            )
        ),
    ],
)
def test_scores_are_the_ones_computed_by_hand(goal: Misclassification, score: float) -> None:
    assert goal.score(Z).item() == pytest.approx(score, rel=1e-12)


def test_cross_entropy_rises_away_from_the_truth_and_falls_towards_a_wanted_class() -> None:
    log_p = Z.log_softmax(1)[0]
    assert torch.equal(Misclassification(one(0), loss="cross_entropy").score(Z), -log_p[:1])
    assert torch.equal(
        Misclassification(one(2), loss="cross_entropy", rival=None).score(Z), -log_p[2:3]
    )
    assert torch.equal(
        Misclassification(one(0), loss="cross_entropy", rival=one(2)).score(Z), log_p[2:3]
    )
    assert torch.equal(
        Misclassification(one(2), loss="cross_entropy", targeted=True).score(Z), log_p[2:3]
    )


def goals(y: Tensor, rival: Tensor) -> list[Misclassification]:
    """Every kind of goal with every loss."""
    return [
        goal
        for loss in LOSSES
        for goal in (
            Misclassification(y, loss=loss),
            Misclassification(y, targeted=True, loss=loss),
            Misclassification(y, loss=loss, rival=rival),
        )
    ]


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
def test_the_margin_is_positive_exactly_when_the_attacker_has_won(classes: int) -> None:
    generator = torch.Generator().manual_seed(classes)
    z = torch.randint(0, 3, (400, classes), generator=generator).double()  # many ties
    y = torch.randint(0, classes, (400,), generator=generator)
    rival = (y + 1) % classes
    top = z.amax(1)
    own = z.gather(1, y[:, None]).squeeze(1)
    others = z.scatter(1, y[:, None], -torch.inf).amax(1)
    assert (own == top).any() and (own == others).any() and (own < top).any()
    for goal in goals(y, rival):
        won = own >= others if goal.targeted else others >= own
        assert torch.equal(goal.margin(z) > 0, won)


@pytest.mark.parametrize("classes", [2, 3, 4, 7])
def test_gradients_agree_with_finite_differences(classes: int) -> None:
    z = torch.randn(4, classes, dtype=torch.float64, requires_grad=True)
    y = torch.arange(4) % classes
    for goal in goals(y, (y + 1) % classes):
        # Towards the last of three classes the ratio is -1 for good, and the denominator held.
        fixed = goal.loss == "dlr" and classes == 3 and (goal.targeted or goal.rival is not None)
        assert fixed or torch.autograd.gradcheck(goal.score, (z,))


@pytest.mark.parametrize("classes", [3, 4, 7])
def test_dlr_does_not_change_when_the_logits_are_scaled_or_shifted(classes: int) -> None:
    z = torch.randn(50, classes, dtype=torch.float64)
    y = torch.arange(50) % classes
    for goal in goals(y, (y + 1) % classes):
        if goal.loss == "dlr":
            torch.testing.assert_close(goal.score(1e-6 * z), goal.score(z))
            torch.testing.assert_close(goal.score(1e6 * z + 1e3), goal.score(z))


@pytest.mark.parametrize("gap", [20.0, 60.0, 300.0, 1e4])
@pytest.mark.parametrize(
    "goal",
    [
        Misclassification(one(0), loss="probability_margin"),
        Misclassification(one(0), loss="probability_margin", rival=one(1)),
        Misclassification(one(1), loss="probability_margin", targeted=True),
    ],
    ids=["untargeted", "rival", "targeted"],
)
def test_a_saturated_probability_margin_keeps_its_value_and_direction(
    goal: Misclassification, gap: float
) -> None:
    # p = (1 - q, r q, (1 - r) q) with r = e / (1 + e). As q goes to 0 the gradient of p_1 - p_0,
    # divided by q, goes to (-(1 + r), 2 r ... ) by hand: p_1 (e_1 - p) + q ((0, r, 1 - r) - p).
    r = math.e / (1 + math.e)
    z = torch.tensor([[gap, 1.0, 0.0]])
    grad = slope(goal, z)[0]
    direction = torch.tensor([-(1 + r), 2 * r, 1 - r])
    assert goal.score(z).item() == pytest.approx(-1.0, abs=1e-6)
    q = max((1 + math.e) * math.exp(-gap), 1e-12)
    assert torch.allclose(grad, q * direction, rtol=4e-3, atol=0)


def test_tied_rivals_share_the_gradient_of_the_probability_margin() -> None:
    z = torch.tensor([[4.0, 1.0, 1.0]], dtype=torch.float64)
    grad = slope(Misclassification(one(0), loss="probability_margin"), z)[0]
    assert grad[1] == grad[2] > 0 > grad[0]


def test_dlr_of_two_classes_is_the_difference_of_logits() -> None:
    z, y = torch.randn(20, 2), torch.arange(20) % 2
    for targeted in (False, True):
        dlr, margin = Misclassification(y, targeted, "dlr"), Misclassification(y, targeted)
        assert torch.equal(dlr.score(z), margin.score(z))


def test_targeted_dlr_of_three_classes_takes_the_third_logit_as_the_lowest() -> None:
    goal = Misclassification(one(0), loss="dlr", rival=one(1))
    assert goal.score(Z[:, :3]).item() == pytest.approx((3 - 5) / (5 - 2))


def test_tied_rivals_share_the_gradient_of_the_margin() -> None:
    counts = torch.tensor([[4.0, 1.0, 1.0, 0.0]])
    assert slope(Misclassification(one(0)), counts).tolist() == [[-1.0, 0.5, 0.5, 0.0]]
    assert slope(
        Misclassification(one(3), targeted=True), torch.tensor([[2.0, 2.0, 0.0, 1.0]])
    ).tolist() == [[-0.5, -0.5, 0.0, 1.0]]


PLAIN, RIVAL = (
    Misclassification(one(0), loss="dlr"),
    Misclassification(one(0), loss="dlr", rival=one(1)),
)
WANTED = Misclassification(one(1), loss="dlr", targeted=True)


@pytest.mark.parametrize(
    ("counts", "goals"),
    [
        # Every rival silent: the ratio is -1 whatever the true class does.
        ([4.0, 0.0, 0.0, 0.0], (PLAIN, RIVAL, WANTED)),
        ([4.0, 1.0, 1.0, 0.0], (PLAIN, WANTED)),
        # The denominator is 0.
        ([3.0, 3.0, 3.0, 3.0], (PLAIN, RIVAL, WANTED)),
        ([2.0, 3.0, 3.0, 3.0], (PLAIN,)),
        # Towards the last of three classes the ratio is -1 for good.
        ([4.0, 1.0, 2.0], (RIVAL, WANTED)),
    ],
)
def test_dlr_of_tied_counts_still_lowers_the_true_class(
    counts: list[float], goals: tuple[Misclassification, ...]
) -> None:
    for goal in goals:
        grad = slope(goal, torch.tensor([counts]))
        assert grad.isfinite().all()
        assert grad[0, 0] < 0 < grad[0, 1]


def test_nearly_tied_logits_give_no_infinite_gradient() -> None:
    z = torch.tensor([[1.0, 1.0 - 6e-8, 1.0 - 6e-8, 0.0], [1e-38, 5e-39, 2e-39, 0.0]])
    for goal in goals(torch.tensor([0, 0]), torch.tensor([1, 2])):
        assert slope(goal, z).isfinite().all()


def test_choosing_items_keeps_their_rivals() -> None:
    goal = Misclassification(torch.tensor([0, 1, 2]), loss="dlr", rival=torch.tensor([1, 2, 0]))
    part = goal[torch.tensor([2, 0])]
    assert part.y.tolist() == [2, 0] and part.loss == "dlr"
    assert part.rival is not None and part.rival.tolist() == [0, 1]


def test_goals_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingError, match="cross_entropy"):
        Misclassification(one(0), loss="cross_entropi")
    with pytest.raises(SettingError, match="rival"):
        Misclassification(one(0), targeted=True, rival=one(1))
    with pytest.raises(InputError, match="item 1 has class 2"):
        Misclassification(torch.tensor([0, 2]), rival=torch.tensor([1, 2]))
    with pytest.raises(InputError, match="Labels must lie in 0..3"):
        Misclassification(one(0), rival=one(4)).score(Z)
    with pytest.raises(InputError, match="K >= 2"):
        Misclassification(one(0), loss="dlr").score(Z[:, :1])
