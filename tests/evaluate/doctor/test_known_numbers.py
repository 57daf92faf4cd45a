"""Networks built so that the number of each check is known without measuring it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from spikeproof.attacks import FGSM, PGD, Member
from spikeproof.base import BatchSize, Seeds
from spikeproof.data import Domain
from spikeproof.evaluate import Check, Thresholds
from spikeproof.evaluate.doctor.convergence import convergence_checks, stationarity
from spikeproof.evaluate.doctor.evidence import AttackEvidence
from spikeproof.evaluate.doctor.inputs import given_checks, input_checks, radius_check
from spikeproof.evaluate.doctor.layers import layer_checks
from spikeproof.evaluate.doctor.planted import planted_check, separating
from spikeproof.evaluate.doctor.probes import centre_check, surrogate_centre
from spikeproof.evaluate.doctor.slopes import slope_checks
from spikeproof.evaluate.doctor.subject import Subject, legal
from spikeproof.neurons import IF, LIF, Spiking, Surrogate
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L2, Goal, Linf, Threat

LIMITS = Thresholds()
REAL = Domain(kind="real", shape=(4,), low=-1.0, high=1.0)
THREAT = Threat(Linf(), 0.1, REAL)


class Line(nn.Module):
    """Logits (s, -s), s the sum of the features: linear, the margin of class 0 is -2 s."""

    def forward(self, x: Tensor) -> Tensor:
        s = x.sum(1)
        return torch.stack([s, -s], 1)


class Turned(torch.autograd.Function):
    """A number whose gradient has the wrong sign."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return -grad


class Liar(Line):
    """The same answers, with the gradient turned round."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(Turned.apply(x))


class Flat(Line):
    """The same answers, with a gradient of zero."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach() + 0 * x)


def subject_of(model: nn.Module, x: Tensor, y: Tensor | None = None) -> Subject:
    """A network and items of class 0."""
    y = torch.zeros(len(x), dtype=torch.int64) if y is None else y
    return Subject(model=model, x=x, y=y, items=torch.arange(len(x)), seed=0, size=BatchSize(64))


def named(checks: list[Check], name: str) -> Check:
    """The check of a name."""
    return next(check for check in checks if check.name == name)


@pytest.mark.parametrize(
    ("model", "zero", "agreement"), [(Line(), 0.0, 1.0), (Liar(), 0.0, 0.0), (Flat(), 1.0, 0.5)]
)
def test_a_true_gradient_a_turned_one_and_none(
    model: nn.Module, zero: float, agreement: float
) -> None:
    checks = slope_checks(subject_of(model, torch.full((5, 4), 0.2)), THREAT, LIMITS)
    assert named(checks, "zero-gradient").number == zero
    assert named(checks, "gradient-agreement").number == agreement


def test_a_network_without_gradient_is_not_made_and_not_clear() -> None:
    class Cut(Line):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.detach())

    checks = slope_checks(subject_of(Cut(), torch.full((3, 4), 0.2)), THREAT, LIMITS)
    assert {check.name: check.state for check in checks} == {
        "zero-gradient": "not made", "gradient-agreement": "not made",
        "partial-gradient": "not made", "unstable": "clear",
    }  # fmt: skip


def test_features_that_are_cut_off_move_the_margin_by_their_share() -> None:
    class Half(Line):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.cat([x[:, :2].detach(), x[:, 2:]], 1))

    x = torch.full((400, 4), 0.2)
    check = named(slope_checks(subject_of(Half(), x), THREAT, LIMITS), "partial-gradient")
    # The mean of |sum of 2 uniforms in ±1| is 2/3, that of 4 is 14/15.
    assert check.number == pytest.approx((2 / 3) / (14 / 15), rel=0.1) and check.raised
    assert check.seen.startswith("2 of 4 features have no gradient on any item")
    whole = named(slope_checks(subject_of(Line(), x), THREAT, LIMITS), "partial-gradient")
    assert whole.number == 0.0 and whole.state == "clear"
    few = named(slope_checks(subject_of(Half(), x[:15]), THREAT, LIMITS), "partial-gradient")
    assert few.state == "not made" and "of the 16" in few.seen


def test_features_that_count_for_nothing_need_no_gradient() -> None:
    class Blind(Line):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x[:, 2:])

    checks = slope_checks(subject_of(Blind(), torch.full((20, 4), 0.2)), THREAT, LIMITS)
    check = named(checks, "partial-gradient")
    assert check.number == 0.0 and check.seen.startswith("2 of 4 features")


def test_the_loss_of_a_linear_network_moves_by_what_tiny_changes_sum_to() -> None:
    x = torch.full((400, 4), 0.2)
    number = named(slope_checks(subject_of(Line(), x), THREAT, LIMITS), "unstable").number
    # |sum of 4 uniform draws in ±0.001| over 0.8; the mean of |sum of 4 uniforms in ±1| is 14/15.
    assert number == pytest.approx(0.001 * 14 / 15 / 0.8, rel=0.1)


def test_stationarity_of_a_linear_network_after_one_step_is_zero() -> None:
    subject = subject_of(Line(), torch.full((6, 4), 0.2))  # sum .8, of which .4 can go: all stand
    ran = subject.attacked(Member(attack=PGD(steps=24, step_size=0.5)), THREAT)
    evidence = AttackEvidence(threat=THREAT, member=Member(), claimed=ran)
    checks = convergence_checks(evidence, LIMITS)
    assert named(checks, "stationarity").number == pytest.approx(0.0, abs=1e-6)
    assert named(checks, "cosine").number == pytest.approx(1.0)
    assert named(checks, "silent").number == 0.0
    assert named(checks, "rising").number == 0.0
    assert not ran.won.any() and ran.illegal == 0.0


def test_one_small_step_leaves_what_it_did_not_use() -> None:
    x = torch.full((6, 4), 0.2)
    ran = subject_of(Line(), x).attacked(
        Member(attack=PGD(steps=2, step_size=0.25, random_start=False)), THREAT
    )
    found = convergence_checks(AttackEvidence(threat=THREAT, member=Member(), claimed=ran), LIMITS)
    # Two questions, at x and a quarter of the way: three quarters of the promise are left.
    assert named(found, "stationarity").number == pytest.approx(0.75, abs=1e-5)
    assert named(found, "rising").number == 1.0


def test_stationarity_in_an_l2_ball_follows_the_angle() -> None:
    threat = Threat(L2(), 0.1, REAL)
    x, grad = torch.zeros(1, 4), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    at = torch.tensor([[0.1 * math.cos(1.0), 0.1 * math.sin(1.0), 0.0, 0.0]])
    assert float(stationarity(at, grad, x, threat)) == pytest.approx(1 - math.cos(1.0), abs=1e-5)


def test_an_attack_that_forgets_what_it_won_is_silent() -> None:
    class Forgets:
        """Visits the best point and returns the item."""

        def __call__(
            self, oracle: Oracle, x: Tensor, goal: Goal, threat: Threat, *, seeds: Seeds,
            start: Tensor | None = None,
        ) -> Tensor:  # fmt: skip
            _, grad = oracle.logits_and_grad(x, goal.score)
            oracle.logits_and_grad(threat.project(x + threat.step(grad, x, x), x), goal.score)
            return x

    x = torch.full((4, 4), 0.05)  # sum .2, and .4 can go
    x[0] = 0.3
    ran = subject_of(Line(), x).attacked(Member(attack=Forgets()), THREAT)  # type: ignore[arg-type]
    evidence = AttackEvidence(threat=THREAT, member=Member(), claimed=ran)
    silent = named(convergence_checks(evidence, LIMITS), "silent")
    assert silent.number == 0.75 and silent.raised


def test_a_shared_budget_and_values_off_the_grid_are_illegal() -> None:
    counts = Threat(L0(), 1, Domain(kind="real", shape=(4,), low=0.0, high=9.0, integer=True))
    x = torch.ones(3, 4)
    moved = x.clone()
    moved[0, 0], moved[1, 0], moved[2, :2] = 2.0, 1.5, 2.0  # right, off the grid, two changed
    assert legal(moved, x, counts).tolist() == [True, False, False]
    subject = subject_of(Line(), x)
    evidence = AttackEvidence(threat=counts, member=Member(), claimed=None, blocked="None.")
    checks = given_checks(subject, evidence, moved, LIMITS, doubted=True)
    assert named(checks, "illegal").number == pytest.approx(2 / 3)
    assert named(checks, "illegal").weight == "stop" and named(checks, "illegal").raised


def test_inputs_of_half_the_radius_leave_half_of_it_unused() -> None:
    x = torch.full((4, 4), 0.5)
    evidence = AttackEvidence(threat=THREAT, member=Member(), claimed=None, blocked="None.")
    given = given_checks(subject_of(Line(), x), evidence, x - 0.05, LIMITS, doubted=True)
    assert named(given, "unused").number == pytest.approx(0.5, abs=1e-6)


def test_an_illegal_point_of_an_attack_counts_as_no_change() -> None:
    class Far(FGSM):
        """Goes three times as far as it may."""

        def __call__(self, oracle: Oracle, x: Tensor, *rest: object, **told: object) -> Tensor:
            return x - 0.3

    ran = subject_of(Line(), torch.full((5, 4), 0.1)).attacked(Member(attack=Far()), THREAT)
    assert ran.illegal == 1.0 and not ran.won.any()


def test_a_radius_meant_for_another_range() -> None:
    domain = Domain(kind="image", shape=(1, 2, 2))
    subject = subject_of(Line(), torch.full((3, 1, 2, 2), 0.5))
    for radius, number in ((0.25, 1.0), (0.0005, 2.0), (0.025, 0.1)):
        found = radius_check(subject, Threat(Linf(), radius, domain), LIMITS)
        assert found.number == pytest.approx(number, rel=1e-5), radius


def test_ties_codes_and_half_precision() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).bfloat16()
    x = torch.zeros(4, 3, 2)
    x[:2, :, 0], x[2, 1, 1], x[3] = 0.3, 0.7, torch.eye(3, 2)
    domain = Domain(kind="real", shape=(3, 2))
    logits = torch.tensor([[1.0, 1.0, 0.0], [2.0, 1.0, 1.0], [0.0, 3.0, 3.0], [3.0, 2.0, 1.0]])
    checks = input_checks(model, x.bfloat16(), domain, logits, LIMITS)
    assert named(checks, "ties").number == 0.5
    assert named(checks, "half-precision").number == 1.0
    assert named(checks, "encoded").number == 0.75  # two repeat a frame, one is binary


def test_a_network_that_takes_two_gradients_to_answer() -> None:
    class Searches(Line):
        def forward(self, x: Tensor) -> Tensor:
            z = x.detach().clone()
            for _ in range(2):
                with torch.enable_grad():
                    z = z.requires_grad_(True)
                    (grad,) = torch.autograd.grad(z.square().sum(), z)
                z = (z - 0.1 * grad).detach()
            return super().forward(x + (z - x).detach())

    x, logits = torch.ones(2, 4), torch.tensor([[1.0, 0.0]])
    for model, times in ((Searches(), 2), (Line(), 0)):
        checks = input_checks(model, x, REAL, logits, LIMITS)
        assert named(checks, "search-inside").number == times


@pytest.mark.parametrize(("shift", "distance"), [(0.0, 0.0), (0.5, 0.5), (-1.0, 1.0)])
def test_a_surrogate_beside_the_threshold(shift: float, distance: float) -> None:
    class Beside(torch.autograd.Function):
        @staticmethod
        def forward(ctx: torch.autograd.function.FunctionCtx, u: Tensor) -> Tensor:
            ctx.save_for_backward(u)
            return (u >= 1).float()

        @staticmethod
        def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
            (u,) = ctx.saved_tensors  # type: ignore[attr-defined]
            return grad * Surrogate("rectangle", 2.0).derivative(u - 1 - shift)

    class Neuron(nn.Module):
        def forward(self, currents: Tensor) -> Tensor:
            return Beside.apply(currents)

    found = surrogate_centre(Neuron())
    assert found is not None
    assert found == pytest.approx((1.0, 1.0 + shift, 1.0), abs=0.02)
    check = centre_check(nn.Sequential(nn.Linear(2, 2), Neuron()), LIMITS)
    assert check.number == pytest.approx(distance, abs=0.02)
    assert check.raised == (distance > LIMITS.centre)


def test_a_network_without_neurons_has_no_centre() -> None:
    assert centre_check(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), LIMITS).state == "not made"


class Driven(nn.Module):
    """Two features drive four neurons for two steps; logits (rate, 1 - rate) times a gain."""

    def __init__(self, surrogate: Surrogate, weight: Tensor) -> None:
        super().__init__()
        self.layer = Spiking(IF(surrogate=surrogate))
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        currents = (x @ self.weight).expand(2, len(x), -1)
        rate = self.layer(currents).mean((0, 2))
        return torch.stack([rate, 0.4 - rate], 1)


def test_the_share_outside_a_rectangle_is_counted_per_step() -> None:
    # Membranes of a step: .25, .5, .75, 1; after the second: .5, 1, 1.5, 1 (the last was reset).
    model = Driven(Surrogate("rectangle", 2.5), torch.tensor([[0.25, 0.5, 0.75, 1.0]]))
    checks = layer_checks(subject_of(model, torch.ones(3, 1)), LIMITS)
    window = named(checks, "window")
    # Inside is |u| < .4: distances .75 .5 .25 0, then .5 0 .5 0.
    assert window.detail["x"]["layer"] == [0.5, 0.5] and window.number == 0.5
    dead = named(checks, "dead")
    assert dead.number == 0.5  # the first neuron never fires, and the last always does


def test_gradients_of_two_steps_that_are_equal_have_cosine_one() -> None:
    class Still(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Spiking(LIF(leak=0.0, surrogate=Surrogate("straight-through")))

        def forward(self, x: Tensor) -> Tensor:
            rate = self.layer(x.expand(3, *x.shape)).mean((0, 2))
            return torch.stack([rate, -rate], 1)

    checks = layer_checks(subject_of(Still(), torch.rand(4, 5)), LIMITS)
    assert named(checks, "step-correlation").number == pytest.approx(1.0)
    assert named(checks, "layer-agreement").detail["layers"].keys() == {"layer"}


def test_a_network_without_spiking_layers_is_not_looked_into() -> None:
    checks = layer_checks(subject_of(Line(), torch.ones(2, 4)), LIMITS)
    assert {check.state for check in checks} == {"not made"}


def test_a_head_tells_one_point_from_many_or_says_that_it_cannot() -> None:
    inner = torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    _, _, apart = separating(inner, inner.mean(0))
    assert not apart
    weight, bias, apart = separating(inner, torch.tensor([3.0, 3.0, 3.0], dtype=torch.float64))
    assert apart and bool((inner @ weight + bias < 0).all())


def test_the_attack_finds_what_was_planted_unless_its_gradient_lies() -> None:
    generator = torch.Generator().manual_seed(0)
    x = 0.4 * torch.rand(12, 4, generator=generator)
    member = Member(attack=PGD(steps=20, step_size=0.25))

    def found(first: nn.Module) -> float | None:
        torch.manual_seed(0)
        model = nn.Sequential(first, nn.Linear(4, 2))
        return planted_check(subject_of(model, x), THREAT, member, LIMITS).number

    class Turns(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return Turned.apply(x)

    honest, lying = found(nn.Identity()), found(Turns())
    assert honest == 1.0
    assert lying is not None and lying < 0.5
