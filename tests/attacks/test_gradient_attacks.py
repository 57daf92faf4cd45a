"""FGSM, RFGSM, APGD, SAPGD and Targeted: what is specific to each."""

from __future__ import annotations

import pytest
import torch
from attack_cases import check_stopping
from torch import Tensor, nn

from spikeproof.attacks import APGD, FGSM, PGD, RFGSM, SAPGD, Attack, Random, Targeted, serves
from spikeproof.attacks.apgd import checkpoints
from spikeproof.base import InputError, SettingError, seeds
from spikeproof.data import Domain
from spikeproof.oracle import Oracle
from spikeproof.threats import L0, L1, L2, Counts, Goal, Linf, Shift, Threat

REAL = Domain.unbounded((40,))
BOX = Domain(kind="audio", shape=(40,), low=-1.0)
EVENTS = Domain(kind="events", shape=(1, 2, 4, 5), high=4.0, integer=True)


class Net(nn.Module):
    """A random smooth network of four classes, float64."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.a = nn.Parameter(torch.randn(24, 40, generator=generator, dtype=torch.float64) / 4)
        self.b = nn.Parameter(torch.randn(4, 24, generator=generator, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return torch.tanh(x.flatten(1) @ self.a.T) @ self.b.T


def items(n: int = 16) -> Tensor:
    """Items inside the box."""
    return torch.rand(n, 40, dtype=torch.float64) - 0.5


def answers(model: nn.Module, x: Tensor) -> Tensor:
    """What the model says of the clean items."""
    with Oracle(model) as oracle:
        return oracle.logits(x).argmax(1)


def attacked(attack: Attack, model: nn.Module, x: Tensor, goal: Goal, threat: Threat) -> Tensor:
    """The attack with the seeds of items 0, 1, 2, ..."""
    with Oracle(model) as oracle:
        return attack(oracle, x, goal, threat, seeds=seeds(0, n=len(x)))


@pytest.mark.parametrize(
    ("geometry", "dual"), [(Linf(), 1), (L2(), 2), (L1(), torch.inf)], ids=lambda g: str(g)
)
def test_fgsm_gains_the_radius_times_the_dual_norm(geometry: Linf, dual: float) -> None:
    model, x = nn.Linear(40, 2).double(), items()
    goal = Goal(answers(model, x))
    w = model.weight[1] - model.weight[0]
    x_adv = attacked(FGSM(), model, x, goal, Threat(geometry, 0.3, REAL))
    gain = goal.score(model(x_adv)) - goal.score(model(x))
    torch.testing.assert_close(gain, torch.full_like(gain, 0.3 * w.norm(p=dual).item()))


def test_fgsm_keeps_the_clean_point_where_its_step_overshoots() -> None:
    class Narrow(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """Class 1 gains up to x = 0.1 and loses beyond."""
            value = (1 - (10 * x.sum(1) - 1) ** 2)[:, None]
            return torch.cat([torch.full_like(value, 0.5), value], 1)

    x = torch.zeros(1, 1)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    assert torch.equal(attacked(FGSM(), Narrow(), x, Goal(torch.tensor([0])), threat), x)


def test_fgsm_steps_from_a_start_it_is_given() -> None:
    model, x = Net(), items()
    goal, threat = Goal(answers(model, x)), Threat(Linf(), 0.2, BOX)
    near = threat.sample(x, seeds(5, n=16))
    with Oracle(model) as oracle:
        x_adv = FGSM()(oracle, x, goal, threat, seeds=seeds(0, n=16), start=near)
        least = torch.maximum(goal.margin(oracle.logits(x)), goal.margin(oracle.logits(near)))
        assert (goal.margin(oracle.logits(x_adv)) >= least).all()


def test_rfgsm_with_a_full_jump_undoes_itself_on_about_half_of_the_features() -> None:
    """The trap: every second feature ends where it began, the others at the radius."""
    model, x = nn.Linear(40, 2).double(), torch.zeros(50, 40, dtype=torch.float64)
    goal = Goal(torch.zeros(50, dtype=torch.int64))
    sign = (model.weight[1] - model.weight[0]).sign()
    moved = attacked(RFGSM.one_step(), model, x, goal, Threat(Linf(), 0.1, REAL)) * sign
    assert ((moved.abs() < 1e-12) | ((moved - 0.1).abs() < 1e-12)).all()
    assert 0.4 < (moved.abs() < 1e-12).double().mean() < 0.6


def test_rfgsm_steps_from_the_jump_as_the_box_has_cut_it() -> None:
    """From 0.05 a jump down ends at 0, so the step up ends at the radius and not below it."""
    x = torch.full((40, 1), 0.05, dtype=torch.float64)
    threat = Threat(Linf(), 0.2, Domain(kind="image", shape=(1,)))
    model = nn.Linear(1, 2).double()
    model.weight.data.copy_(torch.tensor([[0.0], [1.0]]))
    goal = Goal(torch.zeros(40, dtype=torch.int64))
    x_adv = attacked(RFGSM.one_step(), model, x, goal, threat)
    assert {round(float(value), 9) for value in x_adv} == {0.2, 0.25}


def test_ten_steps_of_rfgsm_reach_what_fgsm_reaches_on_a_plane() -> None:
    model, x = nn.Linear(40, 2).double(), items()
    goal, threat = Goal(answers(model, x)), Threat(Linf(), 0.1, REAL)
    torch.testing.assert_close(
        attacked(RFGSM.ten_steps(), model, x, goal, threat),
        attacked(FGSM(), model, x, goal, threat),
    )


def test_checkpoints_of_a_hundred_steps_are_the_published_ones() -> None:
    # Gaps 22, 19, 16, 13, 10, 7, then 6.
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert sorted(checkpoints(5)) == [1, 2, 3, 4]


class Recorder(nn.Module):
    """Remembers the points a model was asked at."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the inner model."""
        self.seen.append(x.detach().clone())
        logits: Tensor = self.inner(x)
        return logits


class Valley(nn.Module):
    """Logits ``(0, -|x - top|)``: a kink that steps of constant length jump over for ever."""

    def __init__(self, top: float) -> None:
        super().__init__()
        self.top = top

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        value = -(x[:, :1] - self.top).abs()
        return torch.cat([torch.zeros_like(value), value], 1)


def test_apgd_halves_its_step_at_a_kink_and_goes_on_from_the_best_point() -> None:
    """By hand, 25 steps: gaps 5, 5, 5, ... and from 0 to ±1 until the first checkpoint."""
    model = Recorder(Valley(0.3))
    x = torch.zeros(1, 1, dtype=torch.float64)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    attack = APGD(steps=25, random_start=False, momentum=1.0)
    attacked(attack, model, x, Goal(torch.tensor([0])), threat)
    path = [round(float(z), 6) for z in model.seen[1:]]
    assert sorted(checkpoints(25)) == [5, 9, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]
    # Steps of 2, cut to the ball, then half of it from the best point, 0.
    assert path[:10] == [0, 1, -1, 1, -1, 1, 1, -0, 1, 0]
    assert abs(path[-1] - 0.3) < 1e-3


def test_apgd_gives_each_item_its_own_step_size() -> None:
    """One item climbs a plane and never halves, its neighbour sits on a kink."""
    x = torch.zeros(2, 1, dtype=torch.float64)
    threat = Threat(Linf(), 1.0, Domain.unbounded((1,)))
    goal, attack = Goal(torch.tensor([0, 0])), APGD(steps=40, random_start=False)

    class Both(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """A kink at 0.3 for the first item of a batch, a plane for the last."""
            top = torch.linspace(0.3, 100.0, max(2, len(x)), dtype=x.dtype)[: len(x), None]
            value = -(x[:, :1] - top).abs()
            return torch.cat([torch.zeros_like(value), value], 1)

    both = attacked(attack, Both(), x, goal, threat)
    alone = attacked(attack, Valley(0.3), x[:1], goal[:1], threat)
    assert torch.equal(both[:1], alone)
    assert abs(float(alone) - 0.3) < 0.01 and float(both[1]) == 1.0


def test_wide_climbs_within_larger_radii_first_and_ends_within_one() -> None:
    model, x = Recorder(Net()), items(4)
    goal, threat = Goal(answers(model, x)), Threat(L1(), 1.0, BOX)
    model.seen.clear()
    x_adv = attacked(APGD(steps=20, wide=True), model, x, goal, threat)
    far = torch.stack([threat.distance(z, x) for z in model.seen[1:]])
    assert far.shape == (21, 4)
    assert (far[:6] <= 3 + 1e-6).all() and (far[1:6] > 2).any()
    assert (far[6:12] <= 2 + 1e-6).all() and (far[7:12] > 1.01).any()
    assert (far[12:] <= 1 + 1e-9).all()
    assert (threat.distance(x_adv, x) <= 1 + 1e-9).all()


def test_wide_stays_within_the_radius_where_the_domain_holds_no_larger_one() -> None:
    model, x = Recorder(Net()), items(4)
    threat = Threat(L1(), 60.0, BOX)
    attacked(APGD(steps=10, wide=True), model, x, Goal(answers(model, x)), threat)
    assert max(threat.distance(z, x).max() for z in model.seen[1:]) <= 60 + 1e-6


def test_sapgd_takes_the_published_steps_under_l_inf() -> None:
    """Three steps of the formula written out for one item that no bound touches."""
    model, x = Recorder(Net()), items(1)
    goal = Goal(answers(model, x))
    threat = Threat(Linf(), 10.0, REAL)
    model.seen.clear()
    attacked(SAPGD(steps=100, step_size=0.01, random_start=False), model, x, goal, threat)
    m, v, z = torch.zeros_like(x), torch.zeros_like(x), x
    for k in range(3):
        assert torch.allclose(model.seen[1 + k], z, atol=1e-12)
        at = z.clone().requires_grad_(True)
        (g,) = torch.autograd.grad(goal.score(model.inner(at)).sum(), at)
        m = 0.5 * m + g / g.abs().mean()
        v = 0.8 * v + g**2 / (g**2).mean()
        z = z + (m / (v.sqrt() + 1e-12) * 0.1).clamp(-0.1, 0.1)


def test_sapgd_survives_gradients_that_are_zero_for_some_items() -> None:
    class Half(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            """Flat for negative sums."""
            value = x.sum(1, keepdim=True).relu()
            return torch.cat([torch.ones_like(value), value], 1)

    x = torch.tensor([[-0.5, -0.5], [0.2, 0.2]], dtype=torch.float64)
    goal = Goal(torch.tensor([0, 0]))
    for geometry in (Linf(), L2(), L1(), L0()):
        threat = Threat(geometry, 1.0, Domain(kind="audio", shape=(2,), low=-1.0))
        x_adv = attacked(SAPGD(steps=20, random_start=False), Half(), x, goal, threat)
        assert torch.equal(x_adv[0], x[0])
        assert goal.margin(Half()(x_adv))[1] > 0


@pytest.mark.parametrize("loss", ["margin", "cross_entropy", "dlr"])
@pytest.mark.parametrize("geometry", [Linf(), L2(), L1()], ids=str)
def test_targeted_reaches_every_rival_s_best_plane(geometry: Linf, loss: str) -> None:
    """On a linear model each run has a closed form, and the answer is the best of them."""
    model, x = nn.Linear(40, 5).double(), items()
    y = answers(model, x)
    threat, goal = Threat(geometry, 0.2, REAL), Goal(y, loss=loss)
    x_adv = attacked(Targeted(attack=APGD(steps=25)), model, x, goal, threat)
    dual = {"linf": 1.0, "l2": 2.0, "l1": torch.inf}[threat.name]
    z, w = model(x), model.weight
    reach = torch.stack(
        [z[:, t] - z.gather(1, y[:, None])[:, 0] + 0.2 * (w[t] - w[y]).norm(p=dual, dim=1)
         for t in range(5)], 1
    ).scatter(1, y[:, None], -torch.inf)  # fmt: skip
    ours = goal.margin(model(x_adv)) - goal.margin(z)
    most = reach.amax(1) - goal.margin(z)
    assert (ours <= most + 1e-9).all()
    # Cross-entropy and DLR weigh the other classes as well; the margin alone is exact.
    assert (ours / most).min() >= (0.99 if loss == "margin" else 0.6)


def test_targeted_tries_as_many_rivals_as_there_are_and_leaves_won_items_alone() -> None:
    model, x = Net(), items()
    goal, threat = Goal(answers(model, x), loss="dlr"), Threat(Linf(), 0.03, BOX)
    spent, won = [], []
    for stop in (False, True):
        with Oracle(model) as oracle:
            attack = Targeted(attack=PGD(steps=8, stop=stop))
            x_adv = attack(oracle, x, goal, threat, seeds=seeds(0, n=16))
            spent.append(oracle.passes.backward)
            won.append(goal.margin(oracle.logits(x_adv)) > 0)
    assert spent[0] == 3 * 8 * 16 and spent[1] < spent[0]
    assert torch.equal(*won) and won[0].any() and not won[0].all()


def test_a_targeted_goal_gets_one_run_towards_its_class() -> None:
    model, x = Net(), items()
    wanted = (answers(model, x) + 1) % 4
    goal, threat = Goal(wanted, targeted=True, loss="dlr"), Threat(L2(), 2.0, BOX)
    with Oracle(model) as oracle:
        x_adv = Targeted(attack=APGD(steps=30))(oracle, x, goal, threat, seeds=seeds(0, n=16))
        assert oracle.passes.backward == 30 * 16
        reached = oracle.logits(x_adv).argmax(1) == wanted
    assert torch.equal(reached, goal.margin(model(x_adv)) > 0) and reached.double().mean() > 0.8


def test_targeted_refuses_a_goal_without_a_true_class_to_leave() -> None:
    model, x = Net(), items(2)
    shift = Shift(torch.tensor([0, 1]), torch.tensor([0.5, 0.5]))
    with Oracle(model) as oracle, pytest.raises(InputError, match="Shift"):
        Targeted()(oracle, x, shift, Threat(Linf(), 0.1, BOX), seeds=seeds(0, n=2))


STOPPING = [RFGSM.ten_steps(), APGD(steps=30), APGD(steps=30, wide=True), SAPGD(steps=30)]


@pytest.mark.parametrize("attack", STOPPING, ids=repr)
@pytest.mark.parametrize(
    ("geometry", "radius"), [(Linf(), 0.03), (L2(), 0.15), (L1(), 0.5)], ids=str
)
def test_leaving_won_items_alone_saves_passes_and_changes_no_verdict(
    attack: APGD, geometry: Linf, radius: float
) -> None:
    model, x = Net(), items(24)
    check_stopping(attack, model, x, Goal(answers(model, x)), Threat(geometry, radius, BOX))


@pytest.mark.parametrize("attack", [*STOPPING, FGSM()], ids=repr)
def test_gradients_beat_as_many_random_draws(attack: Attack) -> None:
    model, x = Net(), items(24)
    goal = Goal(answers(model, x))
    for geometry, radius in ((Linf(), 0.1), (L2(), 0.6), (L1(), 2.0)):
        threat = Threat(geometry, radius, BOX)
        margin = goal.margin(model(attacked(attack, model, x, goal, threat)))
        chance = goal.margin(model(attacked(Random(draws=30), model, x, goal, threat)))
        assert (margin >= chance - 1e-12).all()


def test_apgd_says_that_it_needs_a_length() -> None:
    assert serves(APGD(), Threat(Linf(), 1.0, EVENTS))
    assert not serves(APGD(), Threat(L0(), 2, BOX))
    assert not serves(Targeted(attack=APGD()), Threat(Counts(), 2, EVENTS))
    assert serves(SAPGD(), Threat(Counts(), 2, EVENTS))
    model, x = Net(), items(2)
    threat = Threat(L0(), 2, BOX)
    with Oracle(model) as oracle, pytest.raises(SettingError, match="SAPGD"):
        APGD()(oracle, x, Goal(torch.tensor([0, 0])), threat, seeds=seeds(0, n=2))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: APGD(steps=0),
        lambda: APGD(rho=1.5),
        lambda: APGD(momentum=-0.1),
        lambda: SAPGD(steps=0),
        lambda: SAPGD(step_size=0.0),
        lambda: RFGSM(steps=0),
        lambda: RFGSM(jump=2.0),
        lambda: RFGSM(step_size=-1.0),
        lambda: Targeted(rivals=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]
