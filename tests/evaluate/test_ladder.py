"""Climbing a ladder: known answers, what counts as broken, and what is not attacked again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import PGD, Member, MemberStats, SuccessCriterion, Suite, SuiteResult, suite
from spikeproof.attacks.suite.budget import Spending
from spikeproof.base import BatchSize, IllegalAdversarial, InputError, Seeds, SettingError, seeds
from spikeproof.data import Domain, Split, load
from spikeproof.evaluate import Outcome, evaluate_ladder, open_test
from spikeproof.models import Network, build
from spikeproof.oracle import Passes
from spikeproof.threats import L1, L2, Counts, Geometry, Linf, Threat, standard_threats
from spikeproof.train import CrossEntropy, Objective, fit

FREE = Domain.unbounded((6,))


class Plane(nn.Module):
    """Two classes on either side of a plane: the distance to the border has a closed form."""

    def __init__(self) -> None:
        super().__init__()
        self.normal = nn.Parameter(torch.tensor([3.0, -2.0, 1.0, 0.5, 0.0, -0.25]).double())

    def forward(self, x: Tensor) -> Tensor:
        score = x @ self.normal
        return torch.stack([score, -score], 1)


def points(n: int = 40) -> Split:
    """Random points; about a tenth carries the wrong label."""
    x = seeds(3, n=n).normal((6,), torch.float64)
    y = (x @ Plane().normal.detach() < 0).long()
    y[::10] = 1 - y[::10]
    return Split(x, y, torch.arange(100, 100 + n))


def ladder(geometry: Geometry, *radii: float, domain: Domain = FREE) -> list[Threat]:
    return [Threat(geometry, radius, domain) for radius in radii]


@pytest.mark.parametrize(
    ("geometry", "dual"),
    [(Linf(), 1.0), (L2(), 2.0), (L1(), float("inf"))],
    ids=["linf", "l2", "l1"],
)
def test_on_a_plane_an_item_breaks_exactly_where_its_distance_says(
    geometry: Geometry, dual: float
) -> None:
    split, model = points(), Plane()
    normal = model.normal.detach()
    reach = (split.x @ normal).abs() / normal.norm(p=dual)
    radii = sorted(torch.quantile(reach, torch.tensor([0.2, 0.5, 0.8]).double()).tolist())
    outcome = evaluate_ladder(
        model, split, ladder(geometry, *radii), suite("quick"), seed=0, draws=3
    )
    wrong = ((split.x @ normal < 0).long() != split.y).numpy()
    for number, radius in enumerate(radii):
        # Gradient attacks reach the closed form up to a few hundredths, and never go beyond it.
        near = (reach.numpy() > 0.97 * radius) & (reach.numpy() <= radius * (1 + 1e-6))
        expected = wrong | (reach.numpy() <= radius)
        assert (outcome.broken[number] == expected)[~near].all()
    assert outcome.correct.tolist() == (~wrong).tolist()
    assert outcome.clean_accuracy == pytest.approx(1 - wrong.mean())
    right_and_broken = outcome.broken & outcome.correct
    assert (outcome.distance[right_and_broken] > 0).all()
    allowed = np.array(radii)[:, None] * (1 + 1e-6)
    assert (outcome.distance <= allowed).all()


class Scripted:
    """A suite that does as told and remembers what it was given."""

    members = (Member(),)
    averages = False

    def __init__(self, move: Callable[[Tensor, Threat], Tensor], *, claim: bool = True) -> None:
        self.move, self.claim = move, claim
        self.asked: list[int] = []

    def made_for(self, threat: Threat) -> Scripted:
        return self

    def fitted(self, model: nn.Module, x: Tensor) -> Scripted:
        return self

    def __call__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        threat: Threat,
        *,
        seeds: Seeds,
        is_adversarial: SuccessCriterion | None = None,
        batch_size: BatchSize,
        spending: Spending | None = None,
    ) -> SuiteResult:
        assert is_adversarial is None and spending is None
        self.asked.append(len(x))
        assert len(seeds) == len(x)
        won = torch.full_like(y, self.claim, dtype=torch.bool)
        member = torch.where(won, 0, -1)
        spent = Passes(len(x), len(x))
        tally = MemberStats(tried=len(x), broke=int(won.sum()), passes=spent)
        return SuiteResult(self.move(x, threat), won, member, spent, (tally,), won[None])


def climbed(split: Split, rungs: list[Threat], attacks: object, draws: int = 0) -> Outcome:
    return evaluate_ladder(Plane(), split, rungs, attacks, seed=0, draws=draws)  # type: ignore[arg-type]


def test_items_wrong_when_clean_are_broken_everywhere_and_never_attacked() -> None:
    split = points()
    attacks = Scripted(lambda x, threat: x)
    outcome = climbed(split, ladder(Linf(), 0.1, 0.2), attacks)
    assert attacks.asked == [36, 36]
    wrong = ~outcome.correct
    assert wrong.sum() == 4
    assert outcome.broken[:, wrong].all()
    assert (outcome.distance[:, wrong] == 0).all()
    assert (outcome.member[:, wrong] == -1).all()
    assert outcome.robust_accuracy == [0.9, 0.9]


def test_a_broken_item_stays_broken_with_its_input_and_is_not_attacked_again() -> None:
    split = points()
    normal = Plane().normal.detach()

    def once(x: Tensor, threat: Threat) -> Tensor:
        """Cross the border with the first half at the smallest radius, then do nothing."""
        side = (x @ normal).sign()[:, None] * normal.sign()
        moved = x - threat.radius * side
        moved[len(x) // 2 :] = x[len(x) // 2 :]
        return moved if threat.radius == 2.0 else x

    attacks = Scripted(once)
    outcome = climbed(split, ladder(Linf(), 2.0, 3.0, 4.0), attacks)
    fresh = outcome.broken[0] & outcome.correct
    assert 0 < fresh.sum() <= 18
    assert attacks.asked == [36, 36 - fresh.sum(), 36 - fresh.sum()]
    assert (outcome.broken[1:] == outcome.broken[0]).all()
    assert (outcome.distance[:, fresh] == outcome.distance[0, fresh]).all()
    assert outcome.first_breaks()[0]["first_breaks"] == [fresh.sum(), 0, 0]


def test_an_attack_that_claims_a_success_it_does_not_have_is_not_believed() -> None:
    outcome = climbed(points(), ladder(L2(), 1e-9), Scripted(lambda x, threat: x, claim=True))
    assert outcome.robust_accuracy == [0.9]
    assert (outcome.member == -1).all()


@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (lambda x, threat: x + 0.2, "Item 101 moved 0.2"),
        (lambda x, threat: x * torch.nan, "Item 101 holds values that are not finite"),
    ],
)
def test_an_illegal_point_ends_the_evaluation_naming_item_and_threat(
    move: Callable[[Tensor, Threat], Tensor], sentence: str
) -> None:
    with pytest.raises(IllegalAdversarial, match=sentence):
        climbed(points(), ladder(Linf(), 0.1), Scripted(move))


def test_a_failed_attack_is_verified_too() -> None:
    with pytest.raises(IllegalAdversarial, match=r"under l1 where 0\.1 is allowed"):
        climbed(points(), ladder(L1(), 0.1), Scripted(lambda x, threat: x + 0.2, claim=False))


def test_off_grid_points_are_refused() -> None:
    domain = Domain(kind="events", shape=(6, 1, 1, 1), high=9.0, integer=True)

    class Summed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.stack([x.flatten(1).sum(1), torch.full((len(x),), -1.0)], 1)

    split = Split(torch.ones(2, 6, 1, 1, 1), torch.zeros(2, dtype=torch.int64), torch.arange(2))
    attacks = Scripted(lambda x, threat: x + 0.5)
    with pytest.raises(IllegalAdversarial, match="off its grid"):
        evaluate_ladder(Summed(), split, ladder(Counts(), 4, domain=domain), attacks, seed=0)  # type: ignore[arg-type]


def test_a_random_draw_that_breaks_an_item_counts_and_saves_the_attack() -> None:
    split = points()
    attacks = Scripted(lambda x, threat: x)
    outcome = climbed(split, ladder(Linf(), 0.01, 1000.0), attacks, draws=12)
    assert outcome.random_correct[0].mean() == pytest.approx(0.9, abs=0.05)
    assert outcome.random_correct[1].mean() == pytest.approx(0.5, abs=0.1)
    assert outcome.robust_accuracy[1] < 0.1
    by_draws = outcome.first_breaks()[-1]
    assert by_draws["name"] == "random draws"
    assert sum(by_draws["first_breaks"]) == (outcome.broken[1] & outcome.correct).sum()
    assert all(
        r >= a for r, a in zip(outcome.random_accuracy, outcome.robust_accuracy, strict=True)
    )


def test_other_items_and_other_radii_do_not_change_what_an_item_meets() -> None:
    split, model = points(), Plane()
    rungs = ladder(L2(), 0.3, 0.6, 1.2)
    whole = evaluate_ladder(model, split, rungs, suite("quick"), seed=1)
    order = torch.arange(len(split) - 1, -1, -2)
    part = evaluate_ladder(model, split[order], rungs[1:], suite("quick"), seed=1)
    assert np.array_equal(part.correct, whole.correct[order.numpy()])
    assert np.array_equal(part.random_correct, whole.random_correct[1:, order.numpy()])
    # An adversarial input of the smaller radius was not there to be carried up.
    assert (part.broken <= whole.broken[1:, order.numpy()]).all()
    assert part.broken.sum() == whole.broken[1:, order.numpy()].sum()


@pytest.mark.parametrize(
    "rungs",
    [
        [],
        ladder(Linf(), 0.2, 0.1),
        ladder(Linf(), 0.1, 0.1),
        [Threat(Linf(), 0.1, FREE), Threat(L2(), 0.2, FREE)],
    ],
    ids=["empty", "descending", "twice", "mixed"],
)
def test_what_is_not_a_ladder_is_refused(rungs: list[Threat]) -> None:
    with pytest.raises(SettingError, match="ladder"):
        climbed(points(), rungs, suite("quick"))


def test_items_outside_the_domain_and_bad_labels_are_refused() -> None:
    split = points()
    image = Domain(kind="audio", shape=(6,))
    with pytest.raises(InputError, match="It looks normalised"):
        climbed(split, ladder(Linf(), 0.1, domain=image), suite("quick"))
    bad = Split(split.x, split.y + 1, split.items)
    with pytest.raises(InputError, match=r"Labels must lie in 0\.\.1"):
        climbed(bad, ladder(Linf(), 0.1), suite("quick"))


@pytest.fixture(scope="module")
def spiking() -> Network:
    """A small spiking network that has learnt the digits."""
    data = load("digits")
    model = build("cnn-small", data, timesteps=2, width=4, seed=0)
    fit(model, data, Objective({"error": (1.0, CrossEntropy())}), epochs=4, progress=False)
    return model


def test_the_cascade_costs_less_than_half_of_independent_attacks_with_equal_verdicts(
    spiking: Network,
) -> None:
    data = load("digits")
    split = open_test(data, 30)
    attacks = Suite(tuple(Member(attack=PGD(steps=4, step_size=0.5), gradient=m.gradient)
                          for m in suite("standard").members))  # fmt: skip
    spent, alone_spent = Passes(), Passes()
    for rungs in standard_threats(data).values():
        outcome = evaluate_ladder(spiking, split, rungs, attacks, seed=0, draws=0)
        alone, passes = independent(spiking, split, rungs, attacks)
        assert np.array_equal(outcome.broken, alone), rungs[0].name
        spent, alone_spent = spent + outcome.passes, alone_spent + passes
    assert spent.backward < 0.5 * alone_spent.backward
    assert spent.forward < 0.5 * alone_spent.forward


def independent(
    model: Network, split: Split, rungs: tuple[Threat, ...], attacks: Suite
) -> tuple[np.ndarray, Passes]:
    """Every member on every item at every radius; broken at a radius by any input inside it."""
    from spikeproof.evaluate import plain_logits
    from spikeproof.oracle import Oracle
    from spikeproof.threats import Misclassification

    goal, spent = Misclassification(split.y), Passes()
    broken = goal.margin(plain_logits(model, split.x)) > 0
    rows = []
    for threat in rungs:
        keys = seeds(0, items=split.items).child(threat.name, repr(threat.radius)).child("attack")
        for number, member in enumerate(attacks.members):
            if not getattr(member.attack, "serves", lambda _: True)(threat):
                continue
            with Oracle(model, gradient=member.gradient) as oracle:
                own = keys.child("member", number)
                aim = Misclassification(split.y, loss=member.loss)
                x_adv = member.attack(oracle, split.x, aim, threat, seeds=own)
                broken = broken | (goal.margin(oracle.logits(x_adv)) > 0)
                spent += oracle.passes
        rows.append(broken.numpy())
    return np.stack(rows), spent
